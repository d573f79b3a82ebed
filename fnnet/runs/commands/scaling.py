"""`scaling`: what more workers would bring a training, by a model of the network, beside what is measured here."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.table import Table

import fnnet
from fnnet import losses, optim, rng, training, tree, zoo
from fnnet.arguments import one_of, real, whole
from fnnet.arrays import each, is_discrete, zeros
from fnnet.errors import ConfigError, expected
from fnnet.explain.naming import named_net
from fnnet.parallel import cost
from fnnet.runs import cli
from fnnet.runs.folder import PARAMS
from fnnet.types import Layer, Params, Shapes

WORKERS = [2**k for k in range(11)]  # 1 … 1,024
STEPS = 9  # timed, whose median counts


def main(args: list[str]) -> int:
    """Print a table of workers, time and efficiency."""
    return cli.parse(scaling, args, "fnnet scaling")


def scaling(
    net: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NET")],
    shape: tuple[int, ...] = (),
    batch: int = 64,
    micro_batch: int = 16,
    network: str = "10GbE",
    latency: float | None = None,
    bandwidth: float | None = None,
) -> int:
    """Predict a step's time with 1 to 1,024 workers that share out its micro-batches, and say when more do not pay.

    A step with Adam is timed here with one worker, and with two threads. The rest is a model, see
    `fnnet.parallel.cost`: the micro-batches are dealt out whole, and gradients exchanged in slices.

    Args:
        net: a file of `fnnet.save`, a run folder, a name of `fnnet.zoo` such as lenet5, or a net as Python writes it.
        shape: of one example; that of a file is known, lenet5's is 1 28 28.
        batch: examples in a step.
        micro_batch: examples in a part of it.
        network: 1GbE, 10GbE, 25GbE, 100GbE or HDR (InfiniBand).
        latency: of a message, in microseconds, in place of the network's usual one.
        bandwidth: in gigabytes a second, in place of its nominal one.
    """
    if network not in cost.NETWORKS:
        raise ConfigError(expected("--network", one_of(cost.NETWORKS), network))
    link = cost.NETWORKS[network]
    if latency is not None:
        link = link._replace(latency=1e-6 * real("--latency", latency, 0))
    if bandwidth is not None:
        link = link._replace(bandwidth=1e9 * real("--bandwidth", bandwidth, 0, open="("))
    whole("--batch", batch, 1)
    parts = -(-batch // whole("--micro-batch", micro_batch, 1))
    model, params, own_shape = _found(net, shape)
    size = sum(leaf.nbytes for leaf in tree.leaves(params) if isinstance(leaf, np.ndarray))
    alone, threads = (_timed(model, params, own_shape, batch, micro_batch, workers) for workers in (1, 2))
    print(f"{size / 1e6:,.2f} MB of params, {batch} examples in {parts} micro-batches; {network}: a message takes")
    print(f"{1e6 * link.latency:g} µs, and {link.bandwidth / 1e9:g} GB a second go each way")
    table = Table("workers", "exchange, ms", "by a tree, ms", "step, ms", "efficiency", "measured here, ms", box=None)
    for row in rows(link, size, alone, parts):
        measured = {1: f"{1e3 * alone:.2f}", 2: f"{1e3 * threads:.2f} (threads)"}.get(row[0], "")
        figures = (f"{1e3 * value:.2f}" for value in row[1:4])
        table.add_row(f"{row[0]:,}", *figures, f"{row[4]:.0%}", measured)
    cli.console().print(table)
    print(verdict(link, size, alone, parts))
    return 0


def rows(link: cost.Network, size: float, alone: float, parts: int) -> Iterator[tuple[int, float, float, float, float]]:
    """Workers, exchange by slices and by a tree, step, and efficiency, t / (n · step)."""
    for n in WORKERS:
        exchange = cost.by_slices(link, n, size)
        made = cost.step_seconds(alone, parts, n, exchange)
        yield n, exchange, cost.by_tree(link, n, size), made, alone / (n * made)


def verdict(link: cost.Network, size: float, alone: float, parts: int) -> str:
    """How many workers make the quickest step, and why not more.

    >>> verdict(cost.Network(0.0, 1e12), 1e6, 1.0, 8)
    'the quickest step is that of 8 workers: there are no more micro-batches to share out'
    >>> verdict(cost.Network(1.0, 1e6), 1e6, 1.0, 8)
    'it does not pay: to exchange the gradients takes longer than the work that two share'
    """
    best = min(range(1, parts + 1), key=lambda n: cost.step_seconds(alone, parts, n, cost.by_slices(link, n, size)))
    if best == 1:
        return "it does not pay: to exchange the gradients takes longer than the work that two share"
    why = "there are no more micro-batches to share out" if best == parts else "with more, the exchange grows faster"
    return f"the quickest step is that of {best} workers: {why}"


def _found(written: str, shape: tuple[int, ...]) -> tuple[Layer, Params, Shapes]:
    """A net, params, and the shape of an example."""
    path = Path(written)
    if path.is_dir() or path.suffix == ".safetensors":
        return fnnet.load(path / PARAMS if path.is_dir() else path)
    own_shape = shape or ((1, 28, 28) if written == "lenet5" else ())
    if not own_shape:
        raise ConfigError(expected("--shape", "that of one example", "none", "such as --shape 3 32 32"))
    net = getattr(zoo, written)() if written in vars(zoo)["__all__"] else named_net(written)
    return net, net.init(rng.key(0), own_shape), own_shape


def _timed(net: Layer, params: Params, shape: Shapes, batch: int, micro_batch: int, workers: int) -> float:
    """The median of some steps with Adam, on noise, and ids of 0, that are to give nothing."""
    blank = zeros(shape, batch, np.float32)
    x = each(lambda part: part if is_discrete(part) else rng.normal(rng.key(1), part.shape), blank)
    y, _ = net.apply(params, x)
    if not isinstance(y, np.ndarray):
        raise ConfigError(expected("net", "one that makes one array, to be timed", "a tuple"))
    target = np.zeros_like(y)
    rule = optim.adam(1e-3)
    step = training.make_step(net, losses.squared_error, rule, micro_batch=micro_batch, workers=workers)
    state = training.TrainState(0, params, rule.init(params), rng.key(0))
    seconds = []
    for _ in range(STEPS + 2):
        start = time.perf_counter()
        step(state, (x, target))
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:])
