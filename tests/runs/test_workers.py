"""`fnnet train … --on mpi`: the bytes of one process, by any number of them, whatever becomes of some."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import attrs
import numpy as np
import pytest

from fnnet.arrays import rows
from fnnet.errors import ConfigError, WorkerError
from fnnet.parallel import Team, alone
from fnnet.parallel.arrays import tree_digest
from fnnet.runs import trainer, workers
from fnnet.runs.cli import main
from fnnet.runs.commands import train
from fnnet.runs.registry import EXPERIMENTS, get
from tests.parallel import teams
from tests.parallel.test_mpi import MPIEXEC, there

ROOT = Path(__file__).parents[2]
TINY = {"train_examples": 10, "batch_size": 7, "micro_batch": 4}  # parts of 4 and 3, then one of 3
SMALL = {
    "mlp": {"hidden": (4,), "dropout": 0.2, "affine": 1.0},
    "cnn": {"convolutions": ("2@3", "pool"), "hidden": (4,), "batch_norm": True},
    "best-mnist": {"convolutions": ("2@3", "pool"), "hidden": (4,)},
    "best-digits": {"convolutions": ("2@3", "pool"), "hidden": (4,)},
    "best-hanzi": {"convolutions": ("2@3", "pool"), "hidden": (4,)},
    "denoise": {"channels": 1},
    "segment": {"test_examples": 5, "channels": 1, "depth": 1},
    "rows": {"features": 4},
    "characters": {"features": 4, "steps": 8},
    "addition": {"test_examples": 5, "features": 8, "heads": 2, "depth": 1},
    "vae": {"hidden": 4, "code": 2},
    "vit": {"features": 4, "heads": 2, "depth": 1},
    "mobilenet": {"width": 0.02},
}
RUN = ("--data", "bundled", "--train-examples", "200", "--epochs", "12", "--micro-batch", "16")


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name != "pictures"])  # lenet5 on one's own pictures
def test_every_experiment_trains_by_workers_to_the_bytes_of_one(name):
    experiment = get(name)
    config = experiment.settings(**TINY, **SMALL.get(name, {}), epochs=2)
    made = experiment.problem(config, "bundled", None)
    small = attrs.evolve(made, test=rows(made.test, slice(5)), validation=None)

    def trained(team):
        lines = []
        plan = trainer.plan(small, config, experiment.answers.metrics, team)
        end = trainer.run(plan, trainer.start(plan, 0), trainer.Journal(epoch=lines.append))
        values = [{k: v for k, v in line.items() if "second" not in k} for line in lines]
        return tree_digest(end), values

    assert teams.run(2, trained) == [trained(alone())] * 2


@there
def test_stopped_killed_and_gone_on_with_by_others(tmp_path, capsys):
    out = tmp_path / "run"
    with job(3, "fnnet", *RUN, "--out", out) as process:
        for line in process.stdout:
            if line.startswith("epoch"):
                process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    with job(2, "tests.runs.dying_job", "--resume", "--out", out) as process:
        told = process.stdout.read()
        assert process.wait(60) != 0
    assert re.search(r"going on after step (\d+)", told)
    assert "1 thread in each of 2 workers" in told
    assert "(signal 9)" in told
    assert not (out / "results.json").exists()
    capsys.readouterr()
    assert main(["train", "lenet5", "--resume", "--out", str(out)]) == 0
    assert "note: " not in capsys.readouterr().out  # all was as it had been
    assert main(["train", "lenet5", *RUN, "--out", str(tmp_path / "alone")]) == 0
    for name in ("config.json", "checkpoint.safetensors", "params.safetensors", "steps.jsonl"):
        assert (out / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def job(processes, module, *words):
    start = [MPIEXEC, "-n", str(processes), sys.executable, "-m", "mpi4py", "-m", module]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([*start, "train", "lenet5", *words, "--on", "mpi"], cwd=ROOT, env=environment, **pipes)


def test_the_first_one_is_told_of_a_fault_of_another():
    config = get("lenet5").settings(train_examples=8)
    problem = get("lenet5").problem(config, "bundled", None)

    def other(team):
        if team.rank == 2:
            return workers.alike(team, lambda: attrs.evolve(problem, source="other digits"))
        return workers.alike(team, lambda: problem)

    def none(team):
        return workers.alike(team, lambda: problem if team.rank else np.load("nowhere.npy"))

    found = {str(error) for error in teams.run(3, other)}
    assert found == {
        "worker 3 of 3: data: bundled digits on worker 1, other digits there; give it this clone, its environment and "
        "these data"
    }
    assert {type(error) for error in teams.run(2, none)} == {WorkerError}
    assert all(one is problem for one in teams.run(2, lambda team: workers.alike(team, lambda: problem)))


def test_others_train_what_the_first_one_says_and_go_when_it_has_done():
    config = get("lenet5").settings(train_examples=8, batch_size=4, micro_batch=2, epochs=1)
    problem = get("lenet5").problem(config, "bundled", None)
    ends = []

    def work(team):
        if team.rank:
            return workers.follow(team)

        def first():
            plan = trainer.plan(problem, config, team=team)
            at = trainer.start(plan, 0)
            workers.begin(team, workers.Orders("lenet5", config, "bundled", problem.source, at), problem)
            ends.append(workers.trained(plan, at))
            return 0

        return workers.lead(team, first)

    assert teams.run(2, work) == [0, 0]
    assert [(end.state.step, number) for end, number in ends] == [(2, None)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--on", "mpi"], "--on mpi: expected `mpiexec -n 4 python -m mpi4py -m fnnet train …`, got a start without"),
        (["--on=mpi"], "--on mpi: expected `mpiexec"),
    ],
)
@there
def test_processes_that_nobody_would_end_do_not_begin(told, tmp_path, words, message):
    code, _, err = told("train", "lenet5", "--out", tmp_path / "run", *words)
    assert (code, list(tmp_path.iterdir())) == (2, [])
    assert err.startswith(f"error: {message}")


def test_workers_need_parts_to_share_out():
    first = Team(0, 2, list, list)
    with pytest.raises(ConfigError, match=r"--micro-batch: expected .*, got none; such as 32 of the batch of 64"):
        train.train(get("lenet5"), ["--data", "bundled"], first)
