"""`predict`: what a net makes of examples, in tiles of one size."""

from typing import Any

import numpy as np

from fnnet.arguments import plain_array, whole
from fnnet.errors import DataError, expected
from fnnet.training.state import check_params
from fnnet.types import Array, Layer, Params, check_net


def predict(net: Layer, params: Params, x: Any, size: int = 64) -> Array:
    """The net's predictions for all examples, (N, …): its evaluation, tile by tile.

    All tiles are of one size, the last one filled up with its last example, so that an example's bytes depend on its
    place in its tile, never on its neighbours or on their number. (In tiles of more than 8 some kernels of OpenBLAS
    round the last bit by that place; in smaller ones none was seen to.) What a tile needed, activations too, is let go
    before the next one starts.

    Args:
        net: a net; its evaluation is meant, so not `net.train(key)`.
        params: its params.
        x: (N, …), an array, or one that lies on disk: `np.memmap`, or anything else that has a shape and a dtype and
            gives arrays for slices of its first axis. One tile of it is in memory at a time.
        size: examples in a tile.

    Raises:
        DataError: there is no example.
        DtypeError: x is no array.

    The other errors are those of `net.apply`.

    >>> from fnnet import layers, rng
    >>> net = layers.dense(2)
    >>> predict(net, net.init(rng.key(0), (3,)), np.ones((100, 3), np.float32)).shape
    (100, 2)
    """
    check_net(net)
    check_params(params)
    size = whole("size", size, 1)
    on_disk = not isinstance(x, np.ndarray) and all(hasattr(x, name) for name in ("shape", "dtype", "__getitem__"))
    if not on_disk:
        x = plain_array("x", x, "np.asarray(x, np.float32)")
    shape = tuple(x.shape)
    if not shape or shape[0] == 0:
        raise DataError(expected("x", "a batch (N, …) of N ≥ 1 examples", f"shape {shape}"))
    found: Array | None = None
    for start in range(0, shape[0], size):
        tile = np.asarray(x[start : start + size])
        n = len(tile)
        if n < size:
            tile = np.concatenate([tile, np.repeat(tile[-1:], size - n, axis=0)])
        y = net.apply(params, tile)[0]
        found = np.empty((shape[0], *y.shape[1:]), y.dtype) if found is None else found
        found[start : start + n] = y[:n]
    assert found is not None  # as there is an example
    return found
