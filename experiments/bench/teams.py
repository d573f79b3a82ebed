"""What more processes bring on this machine, and that they change no byte: three small programs.

mpiexec -n 2 python -m mpi4py -m experiments.bench.teams steps     # of one worker, two threads and two processes
mpiexec -n 3 python -m mpi4py -m experiments.bench.teams digests   # of short trainings, as many processes
python -m experiments.bench.teams table [PYTHON …]                 # those of 1, 2, 3, 5 and 8, by each one's MPI
python -m experiments.bench.teams runs                             # overhead of a run, by processes and by Dask

Set OPENBLAS_NUM_THREADS=1. In `steps`, the contenders take turns, and the processes that have nothing to do sleep.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.bench.contenders import with_fnnet
from experiments.bench.products import timed
from experiments.bench.works import WORKS, Work, batch
from experiments.engine import engines
from experiments.engine.pool import Done, Job
from experiments.engine.study import OnProgress, Result
from fnnet import data, layers, losses, metrics, optim, parallel, rng, training, tree, zoo
from fnnet.parallel import Team
from fnnet.parallel.arrays import added, tree_digest
from fnnet.sums import subtrees
from fnnet.types import Layer

STEPPED = ("lenet5", "cnn", "wide-mlp")
TURNS, TIMES = 6, 5
SIZES = (1, 2, 3, 5, 8)
RUNS = 100


def steps(team: Team, words: list[str]) -> int:
    """Milliseconds of a step, the least median of all turns; two micro-batches."""
    if team.size != 2:
        raise SystemExit("steps: expected mpiexec -n 2")
    if team.rank == 0:
        print(f"{'net':10}{'MB':>7}{'alone':>9}{'2 threads':>11}{'2 processes':>13}{'exchange':>10}   ms")
    for name in STEPPED:
        work = WORKS[name]
        _, params = with_fnnet.made(work)
        arrays = [leaf for leaf in tree.leaves(params) if isinstance(leaf, np.ndarray)]
        own = dict.fromkeys(subtrees(parallel.share(2, team.rank, 2), 2), arrays)
        contenders: dict[str, tuple[bool, Callable[[], object]]] = {  # whether all take part, and what they do
            "alone": (False, _stepping(work)),
            "threads": (False, _stepping(work, workers=2)),
            "processes": (True, _stepping(work, team)),
            "exchange": (True, lambda own=own, arrays=arrays: added(team, 2, own, arrays)),  # type: ignore[misc]
        }
        found: dict[str, list[float]] = {contender: [] for contender in contenders}
        for turn in range(TURNS + 1):
            for contender, (all_of_them, run) in contenders.items():
                _meet()
                seconds = [timed(run) for _ in range(TIMES if all_of_them or team.rank == 0 else 0)]
                if seconds and turn:
                    found[contender].append(float(np.median(seconds)))
        if team.rank == 0:
            least = {contender: 1e3 * min(seconds) for contender, seconds in found.items()}
            print(
                f"{name:10}{sum(a.nbytes for a in arrays) / 1e6:7.1f}{least['alone']:9.2f}{least['threads']:11.2f}"
                f"{least['processes']:13.2f}{least['exchange']:10.2f}",
                flush=True,
            )
    return 0


def _stepping(work: Work, team: Team | None = None, workers: int = 1) -> Callable[[], None]:
    """Step after step on one batch, of two micro-batches."""
    net, params = with_fnnet.made(work)
    rule, pair = with_fnnet.optimizer(work), batch(work, work.batch)
    part = work.batch // 2
    step = training.make_step(net, losses.softmax_cross_entropy, rule, micro_batch=part, workers=workers, team=team)
    state = training.TrainState(0, params, rule.init(params), rng.key(0))

    def run() -> None:
        nonlocal state
        state, _ = step(state, pair)

    return run


def _meet() -> None:
    """Wait for all processes, asleep: an MPI barrier would keep a core busy."""
    from mpi4py import MPI

    here = MPI.COMM_WORLD.Ibarrier()
    while not here.Test():
        time.sleep(1e-3)


def _cases() -> dict[str, tuple[Layer, Any, Any, int]]:
    """Nets with x, target and the size of a batch."""
    pictures, labels = rng.normal(rng.key(1), (128, 1, 28, 28)), np.arange(128) % 10
    norm = layers.serial(
        *(layers.conv2d(8, 3), layers.batch_norm(), layers.relu(), layers.max_pool(2), layers.dropout(0.3)),
        *(layers.flatten(), layers.dense(10)),
    )
    lstm = layers.serial(layers.lstm(16), layers.last(), layers.dense(10))
    return {
        "LeNet-5": (zoo.lenet5(), pictures, labels, 64),
        "batch norm, dropout": (norm, pictures, labels, 64),
        "LSTM": (lstm, pictures[:, 0], labels, 64),
        "short batch": (zoo.lenet5(), pictures[:101], labels[:101], 64),  # the second of 37, its last part of 5
    }


def digests(team: Team, words: list[str]) -> int:
    """A line of each case's digest of state, values and predictions, after two epochs of micro-batches of 8."""
    found = []
    for net, x, target, size in _cases().values():
        rule, key = optim.adam(1e-3), rng.key(5)
        step = training.make_step(net, losses.softmax_cross_entropy, rule, micro_batch=8, team=team)
        state = training.init(net, rule, key, x.shape[1:])
        for epoch in range(2):
            own = data.batches(rng.fold_in(key, epoch), (x, target), size, micro_batch=8, team=team)
            state, _ = training.fold(step, state, own)
        measured = training.evaluate(net, state.params, (x, target), {"accuracy": metrics.accuracy}, size=16, team=team)
        made = training.predict(net, state.params, x, size=16, team=team)
        found.append(tree_digest((state, tuple(measured.values()), made)))
    sys.stdout.write(" ".join(found) + "\n")  # in one piece, whoever writes beside
    return 0


def table(team: Team, words: list[str]) -> int:
    """A table of processes and digests, by the `mpiexec` beside each of some interpreters; 1 where they differ."""
    kept = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1"}
    kept |= {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
    rows, seen = ["| MPI | processes | " + " | ".join(_cases()) + " |", "|---|---|" + "---|" * len(_cases())], set()
    for python in words or [sys.executable]:
        mpiexec = Path(python).with_name("mpiexec")
        version = _told([mpiexec, "--version"], kept)
        name = "Open MPI" if "Open MPI" in version else "MPICH"
        for size in SIZES:
            program = [python, "-m", "mpi4py", "-m", "experiments.bench.teams", "digests"]
            lines = set(_told([mpiexec, "-n", str(size), *program], kept).split("\n"))
            rows += [
                f"| {name} | {size} | " + " | ".join(f"`{word}`" for word in line.split()) + " |" for line in lines
            ]
            seen |= lines
    print("\n".join(rows))
    return int(len(seen) != 1)


def _told(command: list[Any], environment: dict[str, str]) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def nothing(config: object, seed: int, data: str | None, tell: OnProgress) -> Result:
    """A run that trains nothing."""
    return Result([], {})


def runs(team: Team, words: list[str]) -> int:
    """Milliseconds a run that does nothing, one at a time, once the worker is warm."""
    from experiments.bench import teams  # by its own name, by which workers find it

    jobs = [Job(teams.nothing, None, seed, None) for seed in range(RUNS)]
    for on in ("local", "dask"):
        with engines.opened(on, 1, 1) as site:
            assert site is not None
            ends = [time.perf_counter() for event in site.engine(jobs, 1) if isinstance(event, Done)]
        print(f"{on:6} {1e3 * float(np.median(np.diff(ends))):6.1f} ms a run, the median of {RUNS - 1}", flush=True)
    return 0


if __name__ == "__main__":
    programs = {"steps": steps, "digests": digests, "table": table, "runs": runs}
    word, *rest = sys.argv[1:] or ["help"]
    if word not in programs:
        sys.exit(__doc__)
    team = parallel.mpi() if "mpi4py.run" in sys.modules else parallel.alone()
    sys.exit(programs[word](team, rest))
