"""What a training takes in memory as its net grows, and how steady its steps are: `bench --growth PARAMS`.

Each figure comes from a process of its own, by Linux's count of its resident pages: the most there were (VmHWM), less
those before the first weight, in units of the params' bytes. The net is four equal dense layers, the batch 32 examples.
"""

import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BATCH, STEPS = 32, 20
RULES = ("momentum", "adam")
LOOPS = ("fold", "steps", "products")  # a fold; steps one by one, each beside its state; the matrix products alone


def grown(params: int) -> Iterator[dict[str, Any]]:
    """For every loop and rule: the peak in units of the params' bytes, and the seconds of every step."""
    for loop in LOOPS:
        for rule in RULES if loop != "products" else ("",):
            call = f"from experiments.bench.growth import _tell; _tell({loop!r}, {rule!r}, {params}, {STEPS})"
            done = subprocess.run([sys.executable, "-c", call], check=True, capture_output=True, text=True)
            yield {"loop": loop, "rule": rule, **json.loads(done.stdout)}


def line(row: dict[str, Any]) -> str:
    """One of them in words; of steps without the first two, in which memory is taken."""
    seconds = sorted(row["seconds"][2:])
    spread = f"{seconds[0]:.3f} {seconds[len(seconds) // 2]:.3f} {seconds[-1]:.3f}"
    return f"{row['loop']:10}{row['rule']:10} peak {row['peak']:5.2f}   step, least, median, most: {spread} s"


def _tell(loop: str, rule: str, params: int, steps: int) -> None:
    import numpy as np

    from fnnet import layers, losses, optim, rng, training

    side = math.isqrt(params // 4)
    net = layers.serial(*(layers.dense(side) for _ in range(4)))
    x, target = rng.normal(rng.key(1), (BATCH, side)), np.arange(BATCH) % side
    seconds: list[float] = []

    def batches() -> Iterator[Any]:
        for _ in range(steps):
            clock = time.perf_counter()
            yield x, target
            seconds.append(time.perf_counter() - clock)

    def train(net: Any, shape: tuple[int, ...], loop: str, batches: Iterator[Any]) -> None:
        optimizer = optim.sgd(0.01, momentum=0.9) if rule == "momentum" else optim.adam(0.001)
        step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
        if loop == "fold":
            training.fold(step, training.init(net, optimizer, rng.key(0), shape), batches)
            return
        state = training.init(net, optimizer, rng.key(0), shape)
        for batch in batches:
            state, _ = step(state, batch)

    train(layers.dense(3), (2,), loop, iter([(np.ones((1, 2), np.float32), np.zeros(1, int))]))  # what is made once
    before = resident("VmRSS")
    if loop == "products":
        weights = [rng.normal(rng.fold_in(rng.key(0), i), (side, side)) for i in range(4)]
        for y, _ in batches():
            for weight in weights:
                y = y @ weight
            for weight in weights:
                _, y = x.T @ y, y @ weight.T
    else:
        train(net, (side,), loop, batches())
    unit = 4 * 4 * side * (side + 1)
    print(json.dumps({"peak": (resident("VmHWM") - before) / unit, "seconds": seconds}))


def resident(what: str) -> int:
    """Bytes of this process in memory, now or at most, as Linux counts them."""
    rows = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(row.split()[1]) for row in rows if row.startswith(what))
