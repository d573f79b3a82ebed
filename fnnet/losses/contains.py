"""What a loss contains: the layer it makes of scores itself, which must not stand in front of it too."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from fnnet.losses.binary import binary_cross_entropy, binary_focal
from fnnet.losses.ctc import ctc
from fnnet.losses.margin import multi_class_hinge
from fnnet.losses.of_losses import per_step
from fnnet.losses.options import core
from fnnet.losses.softmax import focal, kullback_leibler, negative_log_likelihood, softmax_cross_entropy
from fnnet.recipe import recipe_of


class Contained(NamedTuple):
    """What must not stand at the end of a net in front of a loss.

    Args:
        layers: by name, with what to do instead.
        one_score: whether a net of one score is wrong, as each class has one.
    """

    layers: Mapping[str, str] = MappingProxyType({})
    one_score: bool = False


_LEAVE = "leave it out; for probabilities put it behind the trained net"
_SOFTMAX = MappingProxyType({"softmax": _LEAVE, "log_softmax": f"{_LEAVE}, or use negative_log_likelihood"})
_SIGMOID = MappingProxyType({"sigmoid": _LEAVE})

_TABLE: Mapping[Callable[..., Any], Contained] = MappingProxyType(
    {
        softmax_cross_entropy: Contained(_SOFTMAX, one_score=True),
        focal: Contained(_SOFTMAX, one_score=True),
        kullback_leibler: Contained(_SOFTMAX, one_score=True),
        negative_log_likelihood: Contained(one_score=True),
        ctc: Contained(_SOFTMAX, one_score=True),
        multi_class_hinge: Contained(one_score=True),
        binary_cross_entropy: Contained(_SIGMOID),
        binary_focal: Contained(_SIGMOID),
    }
)


def contained(loss: Any) -> Contained:
    """What the loss contains, whatever its options; nothing for an own loss.

    >>> from fnnet import losses
    >>> sorted(contained(losses.softmax_cross_entropy).layers), contained(losses.squared_error)
    (['log_softmax', 'softmax'], Contained(layers=mappingproxy({}), one_score=False))
    """
    recipe = recipe_of(loss)
    if recipe is not None and recipe.factory is per_step:
        return contained(recipe.arguments["loss"])
    found = core(loss)
    return _TABLE.get(found, Contained()) if callable(getattr(found, "__hash__", None)) else Contained()
