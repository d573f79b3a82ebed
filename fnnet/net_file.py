"""`save` and `load`: a trained net whole, architecture, params and all, in one file that holds no code."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from fnnet import checkpoint
from fnnet.errors import FnnetError, FormatError, expected
from fnnet.recipe import from_json
from fnnet.types import Layer, Params, Shapes, check_net, check_whole


def save(path: str | os.PathLike[str], net: Layer, params: Params, shape: Shapes, metadata: Any = None) -> None:
    """Write a net and its params to a file that `load` reads with nothing else at hand.

    Args:
        path: of the file, a safetensors file by any name; see `fnnet.checkpoint`.
        net: a net whose layers know how they were made, as all of fnnet's do and your own with `recipe.factory`.
        params: its params.
        shape: of one example, no batch axis.
        metadata: anything that is plain JSON; `checkpoint.read_metadata` reads it.

    Raises:
        ConfigError: a layer does not know how it was made; the message says which, and how to give it a recipe.
        ShapeError: the net does not fit the shape.
        CheckpointError: params cannot be saved, or the file cannot be written; what was there is still there.

    >>> import tempfile
    >>> from fnnet import layers, rng
    >>> net = layers.serial(layers.dense(3), layers.relu())
    >>> params = net.init(rng.key(0), (2,))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/net", net, params, (2,))
    ...     again, weights, shape = load(f"{folder}/net")
    >>> again == net, shape, bool((weights.dense_0.weight == params.dense_0.weight).all())
    (True, (2,), True)
    """
    check_net(net, fix="the order is (path, net, params, shape)")
    check_whole(params)
    net.shape(shape)
    checkpoint.save(path, params, metadata, net=net, shape=shape)


def load(
    path: str | os.PathLike[str], known: Mapping[str, Any] | Iterable[Any] | None = None
) -> tuple[Layer, Params, Shapes]:
    """The net, its params and the shape of one example, from a file that `save` wrote.

    Nothing in a file is run, and nothing is allocated but what the file holds: the net is made by fnnet's own factories
    and those in `known`, called with what the file says; params are built as the file tells, and meet the net when it
    is applied, which looks at every shape.

    Args:
        path: of the file.
        known: your own factories that the net was made with, one after the other or by the words they have in the file.

    Raises:
        CheckpointError: the file is damaged, no checkpoint, or has params alone.
        FormatError: its net has a word that nobody knows, or is no recipe of a net that fits its shape.
        ConfigError: `known` has a word of fnnet's own.
    """
    recipe, shape, params, _ = checkpoint.load_net(path)
    try:
        net = from_json(recipe, known)
    except FormatError as error:
        raise FormatError(f"{os.fspath(path)}: net: {error}") from None
    if not isinstance(net, Layer):
        raise FormatError(expected(f"{os.fspath(path)}: net", "the recipe of a net", f"one of a {type(net).__name__}"))
    try:
        net.shape(shape)
    except FnnetError as error:
        raise FormatError(f"{os.fspath(path)}: net: it does not fit its shape {shape}: {error}") from None
    return net, params, shape
