"""`doctor`: what this machine repeats to the byte, and how many threads a net wants."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from fnnet import losses, optim, rng, training, tree
from fnnet.runs import cli, facts, files, trainer
from fnnet.runs.experiment import Problem
from fnnet.runs.lenet5 import Config, net
from fnnet.runs.threads import limited
from fnnet.runtime import keep_memory
from fnnet.types import Array, Layer, Params
from fnnet.words import counted

SHAPE = (1, 28, 28)


def main(args: list[str]) -> int:
    """Examine this machine with R5's LeNet-5; the exit code is 1 if two equal runs differ."""
    return cli.parse(doctor, args, "fnnet doctor")


def doctor(batch_size: int = 64, steps: int = 30) -> int:
    """Say on what this machine computes, what it repeats to the byte, and which number of threads is fastest.

    All with R5's LeNet-5 on random pictures; other nets may want other threads.

    Args:
        batch_size: examples in a step.
        steps: training steps in a run.
    """
    memory = keep_memory()  # as for a run
    console = cli.console()
    for name, value in facts.environment().items():
        console.print(f"{name + ':':14}{value}")
    console.print(f"{'cores:':14}{facts.cores()}")
    console.print(f"{'memory:':14}{memory}")
    counts = thread_counts(facts.cores())
    results = {}
    for threads in counts:
        with limited(threads):
            results[threads] = [train(batch_size, steps) for _ in range(2)]
    repeats = {threads: one[0] == two[0] for threads, (one, two) in results.items()}
    across = len({one[0] for one, _ in results.values()}) == 1
    console.print()
    for threads, (one, two) in results.items():
        verdict = "give the same bytes" if repeats[threads] else "DIFFER"
        console.print(
            f"two runs with {counted(threads, 'thread')} {verdict}; {1000 * min(one[1], two[1]):.2f} ms a step"
        )
    if len(counts) > 1:
        console.print(f"runs with other numbers of threads {'agree' if across else 'differ in their last digits'} here")
    with limited(1):
        for line in places(batch_size):
            console.print(line)
        console.print(
            f"recording every loss and digests of the params costs {100 * recording(batch_size):.2f} % more time"
        )
    best = min(results, key=lambda threads: min(result[1] for result in results[threads]))
    several = "; run several trainings at once, one on each core, rather than one on all" if best == 1 else ""
    console.print(f"\nadvice: for this net train with --threads {best}{several}")
    return 0 if all(repeats.values()) else cli.FAULT


def thread_counts(cores: int) -> list[int]:
    """Numbers of threads worth a try: powers of two, and all cores.

    >>> thread_counts(6)
    [1, 2, 4, 6]
    """
    return sorted({cores, *(2**i for i in range(cores.bit_length()) if 2**i <= cores)})


def train(batch_size: int, steps: int) -> tuple[tuple[str, ...], float]:
    """Digests of the params after a short training, and the seconds of its median step."""
    model = net(Config())
    optimizer = optim.adam(0.001)
    step = training.make_step(model, losses.softmax_cross_entropy, optimizer)
    key = rng.key(0)
    state = training.init(model, optimizer, key, SHAPE)
    times = []
    for i in range(steps):
        batch = pictures(rng.fold_in(key, i), batch_size), np.arange(batch_size) % 10
        clock = time.perf_counter()
        state, _ = step(state, batch)
        times.append(time.perf_counter() - clock)
    return tuple(facts.array_digest(leaf) for leaf in tree.leaves(state.params)), float(np.median(times))


def recording(batch_size: int) -> float:
    """What steps.jsonl costs, as a fraction of the time of training without it."""
    settings = Config(epochs=1, batch_size=batch_size)
    n = 2 * trainer.DIGEST_EVERY * batch_size
    examples = pictures(rng.key(0), n), np.arange(n) % 10
    problem = Problem(net(settings), losses.softmax_cross_entropy, optim.adam(0.001), examples, examples, (), "", {})
    plan = trainer.plan(problem, settings)
    position, spent = trainer.start(plan, settings.seed), 0.0
    with tempfile.TemporaryFile("w") as file:
        lines = files.Appender(Path("steps.jsonl"), file)
        for after, values in trainer.steps(plan, position):
            clock = time.perf_counter()
            lines.add(trainer.step_row(position, values))
            spent += time.perf_counter() - clock
            position = after
    return spent / (position.seconds - spent)


def pictures(key: rng.Key, n: int) -> Array:
    """Random pictures, which take as long as any others."""
    return rng.uniform(key, (n, *SHAPE))


def places(batch_size: int) -> list[str]:
    """Whether an example's output depends on its place in the batch, and on the size of the batch."""
    model = net(Config())
    params = model.init(rng.key(0), SHAPE)
    x = pictures(rng.key(1), batch_size)
    y = _value(model, params, x)
    turned = np.roll(_value(model, params, np.roll(x, 1, axis=0)), -1, axis=0)
    alone = np.concatenate([_value(model, params, x[i : i + 1]) for i in range(batch_size)])
    return [
        f"an example's output {_apart(y, turned)} on its place in the batch",
        f"an example's output {_apart(y, alone)} on the size of the batch",
    ]


def _value(model: Layer, params: Params, x: Array) -> Array:
    y: Any = model.apply(params, np.ascontiguousarray(x))[0]
    return y


def _apart(y: Array, other: Array) -> str:
    return "does not depend" if (y == other).all() else f"depends (by up to {float(np.abs(y - other).max()):.0e})"
