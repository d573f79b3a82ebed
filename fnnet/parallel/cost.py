"""What a step costs with several workers: the work that is shared, and the exchange that is not.

    step(n) = t ⌈P / n⌉ / P + exchange(n)

t is the time of a step on one worker, P the micro-batches of a batch, which are dealt out whole. With S bytes of
gradients, α seconds for a message to arrive and β bytes a second,

    ring(n) = 2 (n - 1) (α + S / (n β)),    tree(n) = 2 ⌈log₂ n⌉ (α + S / β)

`fnnet.parallel` exchanges as in the first: each worker is sent a slice of every other's sums, adds, and the slices go
round. The second is a reduction along a binary tree and a broadcast back: fewer messages, each of all bytes.

Source: Thakur, Rabenseifner & Gropp 2005, "Optimization of collective communication operations in MPICH", sections 3
and 4, without the additions, which are quick beside the network.
"""

import math
from typing import NamedTuple

from fnnet.arguments import real, whole


class Network(NamedTuple):
    """How bytes get from one worker to another.

    Args:
        latency: α, seconds that a message takes however short it is.
        bandwidth: β, bytes a second of each worker, there and back at once.
    """

    latency: float
    bandwidth: float


# By name: the nominal rate, and a latency that is usual; measure your own before you buy.
NETWORKS = {
    "1GbE": Network(50e-6, 1e9 / 8),
    "10GbE": Network(20e-6, 10e9 / 8),
    "25GbE": Network(10e-6, 25e9 / 8),
    "100GbE": Network(5e-6, 100e9 / 8),
    "HDR": Network(1.5e-6, 200e9 / 8),
}


def by_slices(network: Network, workers: int, size: float) -> float:
    """Seconds of an exchange of `size` bytes by slices.

    >>> by_slices(Network(1.0, 10.0), 1, 40), by_slices(Network(1.0, 10.0), 4, 40)
    (0.0, 12.0)
    """
    n = whole("workers", workers, 1)
    return 2 * (n - 1) * (network.latency + size / n / network.bandwidth)


def by_tree(network: Network, workers: int, size: float) -> float:
    """Seconds of an exchange of `size` bytes along a binary tree.

    >>> by_tree(Network(1.0, 10.0), 1, 40), by_tree(Network(1.0, 10.0), 4, 40)
    (0.0, 20.0)
    """
    return 2 * math.ceil(math.log2(whole("workers", workers, 1))) * (network.latency + size / network.bandwidth)


def step_seconds(alone: float, parts: int, workers: int, exchange: float) -> float:
    """Seconds of a step.

    Args:
        alone: t, of a step of one worker.
        parts: P, micro-batches of a batch.
        workers: n; those beyond P have nothing to do.
        exchange: seconds of it.

    >>> step_seconds(8.0, 4, 2, 0.5), step_seconds(8.0, 4, 3, 0.5), step_seconds(8.0, 4, 8, 0.5)
    (4.5, 4.5, 2.5)
    """
    parts, workers = whole("parts", parts, 1), whole("workers", workers, 1)
    return real("alone", alone, 0) * -(-parts // workers) / parts + exchange
