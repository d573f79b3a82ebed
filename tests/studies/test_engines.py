"""Where runs are made changes nothing of what is made: `--on`, and the adapter over executors."""

import multiprocessing
import subprocess
import sys
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import attrs
import pytest

from experiments.engine import conduct, engines, executors, store
from experiments.engine.engines import Site
from experiments.engine.pool import Advanced, Done, Failed, Job
from fnnet.errors import ConfigError
from tests.parallel.test_mpi import MPIEXEC, there
from tests.studies import inline, tasks
from tests.studies.tasks import Config, study

ROOT = Path(__file__).parents[2]
dask = pytest.mark.skipif(find_spec("distributed") is None, reason="needs distributed, which the extra `test` brings")
JOBS = [Job(tasks.good, Config(float(value)), seed, None) for value in (1, 2) for seed in (0, 1)]


def answers(out):
    """What run files say but for the time it took and the machine."""
    names = sorted(path.name.removesuffix(".json") for path in out.glob("*-seed*.json"))
    return {name: {**store.opened(out, name), "seconds": 0, "facts": {}} for name in names}


@pytest.fixture
def wanted(tmp_path, monkeypatch):
    """The files that threads of this process make."""
    with monkeypatch.context() as patch:
        inline.by_threads(patch)
        assert conduct.run_studies([study(tasks.good)], tmp_path / "wanted", jobs=2) == 0
    found = answers(tmp_path / "wanted")
    assert len(found) == 4
    return found


def test_processes_here_make_the_same_files(wanted, tmp_path):
    assert conduct.run_studies([study(tasks.good)], tmp_path / "own", jobs=1) == 0
    assert answers(tmp_path / "own") == wanted


def test_an_executor_that_breaks_costs_the_runs_under_way():
    hire = partial(ProcessPoolExecutor, 1, multiprocessing.get_context("spawn"))
    jobs = [job._replace(task=tasks.dies) for job in JOBS]
    events = {event.job: event for event in executors.perform(hire, jobs, 1)}
    assert {number for number, event in events.items() if isinstance(event, Done)} == {0, 1, 3}
    assert isinstance(events[2], Failed)
    assert events[2].reason.startswith("its worker was lost: BrokenProcessPool")


@dask
def test_dask_makes_the_same_files_and_a_killed_run_alone_twice(tmp_path, monkeypatch):
    (tmp_path / "tries").mkdir()
    with monkeypatch.context() as patch:
        inline.by_threads(patch)
        assert conduct.run_studies([study(tasks.good, seeds=range(5))], tmp_path / "wanted", jobs=2) == 0
    killed = study(tasks.dies_once, seeds=range(5))
    assert conduct.run_studies([killed], tmp_path / "own", data=str(tmp_path / "tries"), jobs=2, on="dask") == 0
    wanted, found = (
        sorted(run["final"]["value"] for run in answers(tmp_path / name).values()) for name in ("wanted", "own")
    )
    assert len(found) == 10
    assert found == wanted
    tries = {path.name: path.read_text().split() for path in (tmp_path / "tries").iterdir()}
    assert len(tries) == 10
    again = {name for name, processes in tries.items() if len(processes) > 1}
    assert "2-0" in again
    assert all(len(tries[name]) == 2 for name in again)
    lost = tries["2-0"][0]
    assert all(tries[name][0] == lost for name in again)  # a run whose answer was still there is lost with the process
    assert len(again) <= 2


@dask
def test_workers_of_dask_tell_how_far_they_are():
    jobs = [job._replace(task=tasks.tells) for job in JOBS[:2]]
    with engines.opened("dask", 2, 1) as site:
        events = list(site.engine(jobs, 2))
    assert sorted(event.job for event in events if isinstance(event, Done)) == [0, 1]
    for number in (0, 1):
        parts = [event.part for event in events if isinstance(event, Advanced) and event.job == number]
        assert parts == sorted(parts)
        assert 0 < len(parts) <= 4


@there
def test_the_processes_of_an_mpi_job_tell_how_far_they_are():
    command = [MPIEXEC, "-n", "3", sys.executable, "-m", "mpi4py", "-m", "tests.studies.mpi_job"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[0, 1] are done, [0, 1] told how far they were"]


@there
def test_the_processes_of_an_mpi_job_make_the_same_files(wanted, tmp_path):
    command = [MPIEXEC, "-n", "3", sys.executable, "-m", "mpi4py", "-m", "tests.studies.mpi_job", tmp_path / "own"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "4 runs to make, 0 there already; 2 at once" in done.stdout
    assert answers(tmp_path / "own") == wanted


@there
def test_one_process_is_no_mpi_job():
    command = [sys.executable, "-m", "experiments", "run", "r1-layers", "--on", "mpi"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "--on mpi: expected two processes or more" in done.stderr


def test_timed_studies_are_made_here(tmp_path, monkeypatch):
    inline.by_threads(monkeypatch)
    elsewhere = []

    def engine(jobs, workers):
        elsewhere.extend(jobs)
        return executors.perform(partial(ThreadPoolExecutor, workers), jobs, workers)

    class Opened:
        def __enter__(self):
            return Site(engine, 3)

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(engines, "opened", lambda *_: Opened())
    timed = attrs.evolve(study(tasks.good), name="timed", alone=True)
    other = study(tasks.good, settings=study(tasks.good).settings[:1], seeds=range(5, 7))
    assert conduct.run_studies([timed, other], tmp_path) == 0
    assert [job.seed for job in elsewhere] == [5, 6]
    assert len(answers(tmp_path)) == 6


# Faults


def threads(jobs, workers=1):
    return list(executors.perform(partial(ThreadPoolExecutor, workers), jobs, workers))


@pytest.mark.parametrize("fact", ["code", "python", "numpy", "blas"])
def test_a_worker_of_another_kind_is_not_taken(fact, monkeypatch):
    own = executors.probe()
    found = iter([own, {**own, fact: "another"}])
    monkeypatch.setattr(executors, "probe", lambda: next(found))
    executors._looked_at.cache_clear()
    with pytest.raises(ConfigError, match=rf"worker \S+: expected {fact} .*, got another; give it this "):
        threads(JOBS)
    executors._looked_at.cache_clear()


def test_a_worker_without_data_is_not_taken(tmp_path):
    with pytest.raises(ConfigError, match=r"worker \S+: expected the data hanzi, got none; .*hanzi.zip"):
        threads([JOBS[0]._replace(data=str(tmp_path), needs=("hanzi",))])


class Refusing(ThreadPoolExecutor):
    """An executor whose scheduler has died, or whose workers cannot import what they are asked."""

    def __init__(self, error, at_once):
        super().__init__(1)
        self._error, self._at_once = error, at_once

    def submit(self, *args, **options):
        if self._at_once:
            raise self._error
        future = Future()
        future.set_exception(self._error)
        return future


def test_a_scheduler_that_dies(tmp_path):
    hire = partial(Refusing, RuntimeError("cannot schedule new futures"), True)
    with pytest.raises(ConfigError, match="workers: expected ones that take runs, got RuntimeError: cannot schedule"):
        list(executors.perform(hire, JOBS, 2))


def test_a_worker_without_the_clone():
    hire = partial(Refusing, ModuleNotFoundError("No module named 'experiments'"), False)
    with pytest.raises(ConfigError, match=r"a worker: expected this code, got ModuleNotFoundError.*give it this clone"):
        list(executors.perform(hire, JOBS, 2))


def test_a_run_that_raises_or_is_no_json_fails_alone():
    events = threads([job._replace(task=tasks.breaks) for job in JOBS], 2)
    assert sorted(type(event).__name__ for event in events) == ["Done"] * 3 + ["Failed"]
    events = threads([job._replace(task=tasks.knows_nothing) for job in JOBS], 2)
    assert sorted(type(event).__name__ for event in events) == ["Done"] * 3 + ["Failed"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("slurm", "--on: expected local, dask, dask:ADDRESS or mpi, got 'slurm'"),
        ("dask:tcp://127.0.0.1:1", "--on dask:tcp://127.0.0.1:1: expected a scheduler there, got OSError"),
    ],
)
def test_words_that_lead_nowhere(word, message, monkeypatch):
    if word != "slurm":
        if find_spec("distributed") is None:
            pytest.skip("needs distributed, which the extra `test` brings")
        monkeypatch.setattr(engines, "SECONDS", 0.5)
    with pytest.raises(ConfigError) as caught, engines.opened(word, 1, 1):
        pass
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("word", "module"), [("dask", "distributed"), ("mpi", "mpi4py")])
def test_what_is_not_installed_is_named(word, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    wanted = rf"--on {word}: expected {module}.*pip install 'fnnet\[{word}\]'"
    with pytest.raises(ConfigError, match=wanted), engines.opened(word, 1, 1):
        pass
