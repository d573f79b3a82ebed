"""What it takes to begin: importing, the command's help, and the first step; every figure from fresh processes.

Modules are read as an installed package is, compiled ahead: the compiled files lie in a folder of the bench's own.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

TIMES = 15

# Packages of fnnet import their parts when they are named: these are what a training of LeNet-5 with Adam names.
_IMPORTS = """
from fnnet import layers, losses, optim, training
layers.serial, layers.dense, layers.conv2d, losses.softmax_cross_entropy, optim.adam, training.make_step, training.fold
"""
_STEPS = """
import time
import numpy as np
from fnnet import losses, optim, rng, training, zoo

net, loss, rule, key = zoo.lenet5(), losses.softmax_cross_entropy, optim.adam(1e-3), rng.key(0)
make_step = training.make_step
batch = rng.uniform(key, (64, 1, 28, 28)), np.arange(64) % 10
state, seconds = training.init(net, rule, key, (1, 28, 28)), []
for _ in range(30):
    start = time.perf_counter()
    if not seconds:
        step = make_step(net, loss, rule)
    state, _ = step(state, batch)
    seconds.append(time.perf_counter() - start)
print(seconds[0], sorted(seconds)[len(seconds) // 2])
"""


def measured(times: int = TIMES) -> dict[str, dict[str, float]]:
    """Least and median seconds by what is begun, and where there is a goal what the least may be.

    The first step counts from `make_step` on, and is a multiple of a warm one; its goal is 3.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def told(*words: str) -> str:
            done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=True)
            return done.stdout

        def timed(statements: str) -> float:
            timing = f"import time\nstart = time.perf_counter()\n{statements}\nprint(time.perf_counter() - start)"
            return float(told("-c", timing))

        def helped() -> float:
            start = time.perf_counter()
            told("-m", "fnnet", "--help")
            return time.perf_counter() - start

        def first() -> float:
            cold, warm = map(float, told("-c", _STEPS).split())
            return cold / warm

        tasks: dict[str, Any] = {
            "import numpy": lambda: timed("import numpy"),
            "import fnnet": lambda: timed(_IMPORTS),
            "fnnet --help": helped,
            "first step": first,
        }
        found: dict[str, list[float]] = {what: [] for what in tasks}
        for i in range(times + 1):
            for what, task in tasks.items():  # in turns, as the machine may be shared
                figure = task()
                if i:  # the first compiles
                    found[what].append(figure)
    rows = {what: {"least": min(each), "median": statistics.median(each)} for what, each in found.items()}
    for what, goal in (
        ("import fnnet", rows["import numpy"]["least"] + 0.08),
        ("fnnet --help", 0.15),
        ("first step", 3.0),
    ):
        rows[what]["at_most"] = goal
    return rows


def line(rows: dict[str, dict[str, float]]) -> str:
    """All of them in words."""
    told = []
    for what, row in rows.items():
        unit = "× a warm one" if what == "first step" else "s"
        goal = f", goal {row['at_most']:.3f}" if "at_most" in row else ""
        told.append(f"{what}: {row['least']:.3f} {unit}, median {row['median']:.3f}{goal}")
    return "\n".join(told)
