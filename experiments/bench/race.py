"""Contenders in processes of their own, timed in turn, started afresh until their medians settle.

A shared machine slows down and recovers within seconds, so contenders take short turns, in an order that reverses
every round, and only ratios from one race mean much. A turn's figure is the median of its steps. Some libraries run at
one speed in one process and at another in the next, so each work is raced in several sets of fresh processes.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from experiments.bench.works import Work
from fnnet.errors import FnnetError

T = TypeVar("T")

_ROOT = Path(__file__).parents[2]
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

OWN = ("fnnet", "kept")  # as it comes, and after `runtime.keep_memory`
BEFORE = {"before": "fnnet", "before-kept": "kept"}  # the same of another checkout
MODULES = dict.fromkeys(OWN, "fnnet") | {  # what has to be there for each
    "torch": "torch",
    "compiled": "torch",
    "jax": "optax",
    "sklearn": "sklearn",
    "thinc": "thinc",
    "onnxruntime": "onnxruntime",
}


class Timing(NamedTuple):
    """Seconds a step: the median over turns, the quartiles around it, and the least turn."""

    median: float
    low: float
    high: float
    least: float


class Contender:
    """A running process of one library, which imports fnnet and the bench from a folder."""

    def __init__(self, name: str, python: str, threads: int, folder: Path = _ROOT):
        environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads)), "PYTHONPATH": str(folder)}
        environment["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()}"
        words = [python, "-P", "-m", "experiments.bench.worker", BEFORE.get(name, name)]
        pipe = subprocess.PIPE
        self.name = name
        self.process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)
        _bind(self.process.pid, threads)

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request, one answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            assert self.process.stderr is not None
            last = (self.process.stderr.read().strip().splitlines() or ["without a word"])[-1]
            raise FnnetError(f"the process of {self.name} ended: {last}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def _bind(pid: int, cores: int) -> None:
    """Keep a process to as many cores as it has threads: no setting binds all threads of JAX."""
    if sys.platform == "linux":
        os.sched_setaffinity(pid, sorted(os.sched_getaffinity(0))[:cores])


@contextmanager
def running(
    names: Sequence[str], pythons: Mapping[str, str], threads: int, before: Path | None = None
) -> Iterator[list[Contender]]:
    """Processes of all contenders, ended at the end; those of `BEFORE` import the fnnet of another checkout."""
    with ExitStack() as stack:
        folder = stack.enter_context(_with_fnnet_of(before)) if before else _ROOT
        contenders = []
        for name in names:
            contender = Contender(name, pythons[name], threads, folder if name in BEFORE else _ROOT)
            contenders.append(contender)
            stack.callback(contender.close)
        yield contenders


@contextmanager
def _with_fnnet_of(checkout: Path) -> Iterator[Path]:
    """A folder that has the fnnet of a checkout beside the works of today."""
    with tempfile.TemporaryDirectory() as folder:
        for package, root in (("fnnet", checkout.resolve()), ("experiments", _ROOT)):
            (Path(folder) / package).symlink_to(root / package)
        yield Path(folder)


def installed(name: str, python: str) -> bool:
    """Whether an interpreter has what a contender needs."""
    words = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({MODULES[name]!r}) is None)"
    return subprocess.run([python, "-c", words], capture_output=True).returncode == 0


def race(
    contenders: Sequence[Contender], work: Work, mode: str, n: int, turn: float, rounds: int
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Seconds a step in every turn of those that can do the work, and why the others cannot.

    Raises:
        FnnetError: they do not compute the same from the same weights; nothing is timed then.
    """
    answers = {c.name: c.ask(do="prepare", work=work, mode=mode, batch=n) for c in contenders}
    able = [c for c in contenders if "checks" in answers[c.name]]
    lacks = {name: answer["lacks"] for name, answer in answers.items() if "lacks" in answer}
    agree({c.name: answers[c.name]["checks"] for c in able}, mode)
    times = {c.name: _steps(c, turn) for c in able}
    turns: dict[str, list[float]] = {c.name: [] for c in able}
    for i in range(rounds):
        for c in able if i % 2 else able[::-1]:  # each leads in every other round
            turns[c.name].append(statistics.median(c.ask(do="run", times=times[c.name])["seconds"]))
    return turns, lacks


def agree(checks: Mapping[str, Sequence[float]], mode: str) -> None:
    """Raise unless all contenders computed the same; scores only where they are scores (not probabilities)."""
    scored = {name: found for name, found in checks.items() if mode == "train" or name not in ("sklearn", "thinc")}
    wanted = next(iter(scored.values()), [])
    for name, found in scored.items():
        if any(abs(a - b) > 1e-3 * (1 + abs(b)) for a, b in zip(found, wanted, strict=True)):
            what = "the loss" if mode == "train" else "scores"
            raise FnnetError(f"{what}: expected the same from the same weights, got {dict(scored)} ({name} differs)")


def of_peers(found: Mapping[str, T]) -> list[T]:
    """What was found of all but fnnet, the present one and the one before."""
    return [value for name, value in found.items() if name not in {*OWN, *BEFORE}]


def timing(turns: Sequence[float]) -> Timing:
    """The median of turns, the quartiles and the least."""
    low, median, high = statistics.quantiles(turns, n=4) if len(turns) > 1 else [turns[0]] * 3
    return Timing(median, low, high, min(turns))


def _steps(contender: Contender, turn: float) -> int:
    """How many steps make a turn of so many seconds."""
    one = min(contender.ask(do="run", times=3)["seconds"])
    return max(1, min(round(turn / one), 1000))


def settled(turns: Sequence[float]) -> bool:
    """Whether the later half of the turns says the same as the earlier, within 3 %."""
    half = len(turns) // 2
    early, late = statistics.median(turns[:half]), statistics.median(turns[half:])
    return abs(early - late) < 0.03 * late


def peaks(
    names: Sequence[str],
    pythons: Mapping[str, str],
    threads: int,
    work: Work,
    mode: str,
    n: int,
    before: Path | None = None,
) -> dict[str, int]:
    """The most bytes that each takes for a work beside what it holds before, in fresh processes; glibc's Linux only.

    Not of those who compile in the first step, which takes more than any step.
    """
    found = {}
    for name in names if platform.libc_ver()[0] == "glibc" else ():
        if name in ("kept", "before-kept", "compiled", "jax"):
            continue
        with running([name], pythons, threads, before) as (contender,):
            answer = contender.ask(do="resident", work=work, mode=mode, batch=n)
        if "bytes" in answer:
            found[name] = answer["bytes"]
    return found
