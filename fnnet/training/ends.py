"""What a net ends with, looked at before it is trained: a loss must not follow the layer that it contains."""

from collections.abc import Iterator

from fnnet.errors import ConfigError, expected
from fnnet.losses import Loss
from fnnet.losses.contains import contained
from fnnet.losses.options import core
from fnnet.recipe.names import word_of
from fnnet.types import Layer

_MOVES_NOTHING = ("identity", "dropout", "spatial_dropout", "alpha_dropout", "gaussian_noise", "drop_path")
_MOVES_NO_NUMBER = (*_MOVES_NOTHING, "flatten", "reshape")
_SCORES = {"dense": "n", "conv2d": "channels"}  # factory -> its argument that says how many


def check_end(net: Layer, loss: Loss) -> None:
    """Raise if the net ends with a layer that the loss contains, or with one score where every class needs one.

    Own layers and own losses are not judged.

    Raises:
        ConfigError: it does; the message names the layer and what to do.

    >>> from fnnet import layers, losses
    >>> check_end(layers.serial(layers.dense(3), layers.softmax()), losses.softmax_cross_entropy)
    Traceback (most recent call last):
    fnnet.errors.ConfigError: serial > softmax_0: expected scores in front of softmax_cross_entropy, which contains a
    softmax, got layers.softmax(); leave it out; for probabilities put it behind the trained net
    """
    wrong = contained(loss)
    name = core(loss).__name__ if wrong.layers or wrong.one_score else ""
    for path, layer in _ends(net, (net.name,), _MOVES_NO_NUMBER) if wrong.layers else ():
        if (fix := wrong.layers.get(_word(layer))) is not None:
            what = sorted(wrong.layers)[-1]
            wanted = f"scores in front of {name}, which contains a {what}"
            raise ConfigError(expected(" > ".join(path), wanted, repr(layer), fix))
    for path, layer in _ends(net, (net.name,), _MOVES_NOTHING) if wrong.one_score else ():
        argument = _SCORES.get(_word(layer))
        if argument is not None and layer.recipe is not None and layer.recipe.arguments[argument] == 1:
            wanted = f"a score for each class in front of {name}"
            fix = "for yes or no use binary_cross_entropy, or give each class a score"
            raise ConfigError(expected(" > ".join(path), wanted, f"{layer!r}, one score", fix))


def _word(layer: Layer) -> str:
    """The name of fnnet's own factory that made it, with what only marks or renames it looked through."""
    return "" if layer.recipe is None else word_of(layer.recipe.factory) or ""


def _ends(net: Layer, path: tuple[str, ...], passed: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Layer]]:
    """The layers that make the net's output, with their paths; those whose names are `passed` are looked past."""
    word = _word(net)
    if net._part is not None:  # in series
        for name, child in reversed(net._children):
            if _word(child) not in passed:
                yield from _ends(child, (*path, name), passed)
                return
    elif word in ("named", "frozen") and net.recipe is not None:
        yield from _ends(net.recipe.arguments["net" if word == "named" else "inner"], path, passed)
    elif word == "parallel" and net.recipe is not None and net.recipe.arguments["combine"] == "concatenate":
        for name, child in net._children:
            yield from _ends(child, (*path, name), passed)
    else:
        yield path, net
