import json
import os
import signal
import subprocess
import sys
import time

import attrs
import pytest

from experiments.engine import conduct, pool, store
from experiments.engine.study import Setting, Study, get, run_id, studies
from fnnet.errors import ConfigError, DataError
from fnnet.runs import files
from fnnet.runs.threads import limited
from tests.studies import tasks
from tests.studies.tasks import Config, study


def made(out):
    return sorted(path.name for path in out.glob("*-seed*.json"))


def test_runs_once_and_then_goes_on_with_what_is_missing(tmp_path, capsys):
    assert conduct.run_studies([study(tasks.good)], tmp_path, jobs=2) == 0
    told = capsys.readouterr().out
    assert "4 runs to make, 0 there already; 2 at once" in told
    assert f"-m experiments report --among {tmp_path}" in told.splitlines()[-1]
    first = made(tmp_path)
    assert len(first) == 4
    (tmp_path / first[0]).unlink()
    kept = {name: (tmp_path / name).stat().st_mtime_ns for name in first[1:]}
    assert conduct.run_studies([study(tasks.good)], tmp_path, jobs=1) == 0
    assert "1 runs to make, 3 there already" in capsys.readouterr().out
    assert made(tmp_path) == first
    assert all((tmp_path / name).stat().st_mtime_ns == when for name, when in kept.items())


def test_equal_settings_share_their_runs(tmp_path):
    twice = study(tasks.good, settings=(Setting("a", Config()), Setting("b", Config()), Setting("c", Config(3.0))))
    todo, _ = conduct.plan([twice, study(tasks.good)], tmp_path)
    assert len(todo) == 6  # values 1, 3 and 2, two seeds each


def test_a_run_is_named_by_all_it_depends_on():
    names = {
        run_id(task, config, seed, bundled)
        for task in (tasks.good, tasks.breaks)
        for config in (Config(), Config(epochs=4))
        for seed in (0, 1)
        for bundled in (False, True)
    }
    assert len(names) == 16
    assert run_id(tasks.good, Config(), 0, False) == run_id(tasks.good, Config(1.0), 0, False)


def test_a_run_that_raises_takes_no_other_down(tmp_path, capsys):
    assert conduct.run_studies([study(tasks.breaks)], tmp_path, jobs=1) == 1
    told = capsys.readouterr()
    assert "failed: a-study · two · seed 1: ArithmeticError: no such number" in told.err
    assert "tasks.py" in told.out  # the traceback
    assert len(made(tmp_path)) == 3


def test_a_run_that_ends_with_nan_takes_no_other_down(tmp_path, capsys):
    assert conduct.run_studies([study(tasks.knows_nothing)], tmp_path, jobs=1) == 1
    assert "failed: a-study · two · seed 0: ValueError: Out of range float" in capsys.readouterr().err
    assert len(made(tmp_path)) == 3


def test_facts_are_those_of_the_process_that_made_a_run(tmp_path):
    with limited(3):
        conduct.run_studies([study(tasks.good)], tmp_path, jobs=1, threads=1)
    found = store.opened(tmp_path, made(tmp_path)[0].removesuffix(".json"))
    assert found["facts"]["blas threads"] == 1


def test_equal_configs_have_one_name():
    """0 and 0.0 are equal in Python and not in a file."""
    names = {}
    for one in studies().values():
        for setting in one.settings:
            identifier = run_id(one.task, setting.config, 0, False)
            assert names.setdefault((one.task, setting.config), identifier) == identifier, (one.name, setting.label)


@attrs.frozen
class More(Config):
    option: bool = False


def test_an_option_that_is_off_gives_a_run_no_other_name(tmp_path):
    """And a file that says nothing of it is of the run without; one of other settings is of none."""
    conduct.run_studies([study(tasks.good)], tmp_path, jobs=1)
    assert run_id(tasks.good, More(2.0), 1, False) == run_id(tasks.good, Config(2.0), 1, False)
    assert store.find(tmp_path, tasks.good, More(2.0), 1, False).final == {"value": 7.0}
    assert store.find(tmp_path, tasks.good, More(2.0, option=True), 1, False) is None
    assert store.read(tmp_path, run_id(tasks.good, Config(2.0), 1, False), Config(2.5)) is None


def test_a_process_that_dies_takes_no_other_down(tmp_path, capsys):
    assert conduct.run_studies([study(tasks.dies)], tmp_path, jobs=1) == 1
    assert (
        "failed: a-study · two · seed 0: its process was killed by SIGKILL (out of memory?)" in capsys.readouterr().err
    )
    assert len(made(tmp_path)) == 3


def test_a_killed_study_keeps_what_is_finished(tmp_path):
    code = (
        "from pathlib import Path\nfrom experiments.engine import conduct\nfrom tests.studies import tasks\n"
        f"if __name__ == '__main__': conduct.run_studies([tasks.study(tasks.lasts)], Path({str(tmp_path)!r}), jobs=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(made(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert len(made(tmp_path)) == 2
    assert all(store.opened(tmp_path, name.removesuffix(".json")) for name in made(tmp_path))
    todo, there = conduct.plan([study(tasks.lasts)], tmp_path)
    assert (len(todo), len(there)) == (2, 2)


def test_a_full_disk_leaves_finished_runs_intact(tmp_path, monkeypatch):
    write, written = files.write, []

    def failing(path, content):
        if "seed" in path.name and len(written) == 2:
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        write(path, content)

    monkeypatch.setattr(files, "write", failing)
    with pytest.raises(OSError, match="No space left"):
        conduct.run_studies([study(tasks.good)], tmp_path, jobs=1)
    assert len(made(tmp_path)) == 2


def test_missing_data_skips_only_that_study(tmp_path, capsys):
    without = attrs.evolve(study(tasks.good), name="b-study", data=("hanzi",))
    code = conduct.run_studies([without, study(tasks.good)], tmp_path / "out", data=str(tmp_path), jobs=1)
    told = capsys.readouterr()
    assert code == 1
    assert f"b-study: skipped, data directory {tmp_path}: expected hanzi.zip" in told.err
    assert "name the directory that holds hanzi.zip by the argument directory or by FNNET_DATA" in told.err
    assert "here --data DIR names it" in told.err
    assert len(made(tmp_path / "out")) == 4


def test_refresh_makes_again_what_other_code_made(tmp_path):
    conduct.run_studies([study(tasks.good)], tmp_path, jobs=1)
    path = tmp_path / made(tmp_path)[0]
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "code": "another"}))
    assert len(conduct.plan([study(tasks.good)], tmp_path)[0]) == 0
    assert len(conduct.plan([study(tasks.good)], tmp_path, refresh=True)[0]) == 1


def test_a_damaged_run_file_is_named(tmp_path):
    conduct.run_studies([study(tasks.good)], tmp_path, jobs=1)
    path = tmp_path / made(tmp_path)[0]
    path.write_text("{}")
    with pytest.raises(DataError, match=f"{path.name}: expected a run file of format 1.*delete it"):
        conduct.plan([study(tasks.good)], tmp_path)


def test_wrong_options(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="expected a folder, got a file"):
        conduct.run_studies([study(tasks.good)], tmp_path / "file")
    with pytest.raises(ConfigError, match="jobs: expected a whole number"):
        conduct.run_studies([study(tasks.good)], tmp_path, jobs=0)
    with pytest.raises(ConfigError, match="seeds: expected a whole number"):
        conduct.run_studies([study(tasks.good)], tmp_path, seeds=-1)
    with pytest.raises(ConfigError, match="study: expected the name of one, got 'r1-layer'; did you mean r1-layers"):
        conduct.run_study("r1-layer", tmp_path)


def test_workers_have_their_threads_and_the_environment_comes_back(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with pool._environment(2):
        assert (os.environ["OPENBLAS_NUM_THREADS"], os.environ["OMP_NUM_THREADS"]) == ("2", "2")
    assert os.environ["OPENBLAS_NUM_THREADS"] == "7"
    assert "OMP_NUM_THREADS" not in os.environ


def test_labels_and_claims_are_checked():
    with pytest.raises(ConfigError, match="labels that differ"):
        study(tasks.good, settings=(Setting("one", Config()), Setting("one", Config(2.0))))
    from experiments.engine.study import Claim

    with pytest.raises(ConfigError, match="claim: expected 'one' or 'two', got 'three'"):
        study(tasks.good, claims=(Claim("one", "three"),))


def test_every_study_is_in_order():
    for name, one in studies().items():
        if one.follows:
            one = attrs.evolve(one, settings=one.follows.settings(get(one.follows.search).settings[0]))
        assert isinstance(one, Study)
        assert one.report in ("R1", "R2", "R3", "R4", "R5", "best")
        assert one.asks.rstrip().endswith(("?", "layer", ".")) or one.asks
        assert len(list(one.seeds)) >= 3, name
        assert one.settings, name
        for setting in one.settings:
            assert one.cost(setting.config) > 0
            short = one.quick(setting.config)
            assert attrs.has(type(short))


def test_ctrl_c_ends_at_once_and_keeps_what_is_finished(tmp_path):
    command = [
        sys.executable,
        "-m",
        "experiments",
        "run",
        "all",
        "--quick",
        "--data",
        "bundled",
        "--out",
        str(tmp_path),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 120
    while len(made(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped by SIGINT" in told.decode()
    assert "Traceback" not in told.decode()
    assert all(store.opened(tmp_path, name.removesuffix(".json")) for name in made(tmp_path))
    counted = files.read_json(tmp_path / store.SESSIONS)[-1]["runs"]
    assert counted in (len(made(tmp_path)), len(made(tmp_path)) - 1)  # perhaps between a file and its count


def test_one_process_at_a_time(tmp_path):
    with (
        store.locked(tmp_path),
        pytest.raises(ConfigError, match="that no other process is working in, got one in use"),
    ):
        conduct.run_studies([study(tasks.good)], tmp_path)
    (tmp_path / ".a-run.json.123.tmp").write_text("what a killed process was writing")
    assert conduct.run_studies([study(tasks.good)], tmp_path, jobs=1) == 0
    assert list(tmp_path.glob(".*.tmp")) == []
