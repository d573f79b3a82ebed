"""`weight_norm`: a layer whose weight is a direction times a length for every output."""

from collections.abc import Callable

import numpy as np

from fnnet.kernels.standard import row_dot
from fnnet.layers._weights import (
    across,
    checked_weight,
    output_axis,
    output_rows,
    outputs_axis,
    with_fields,
    zero_if_none,
)
from fnnet.layers.reparametrized import Make, reparametrized
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params


@factory
def weight_norm(layer: Layer, *, axis: int | None = None) -> Layer:
    """The layer with its weight's length for every output trained apart from the direction.

        w_o = g_o v_o / ‖v_o‖,    dg_o = dw_o · v̂_o,  dv_o = g_o/‖v_o‖ (dw_o - v̂_o dg_o)    with v̂ = v / ‖v‖

    Params: those of the layer with `direction` v and `length` g (O,) in the place of `weight`. It begins with the same
    weight as the layer itself; the layer's name and keys stay. In an optimizer, decay of weights leaves v alone.

    Args:
        layer: one with a field `weight` among its params, such as `dense`, `conv2d` or `embedding`; of a net, wrap the
            layers one by one.
        axis: of the weight, that of the outputs o; by default the last of a matrix (D, n), the first of a kernel.

    Raises:
        ConfigError: the layer has no weight, not such an axis, or its `init` makes rows of zeros.

    Source: Salimans & Kingma 2016, "Weight normalization", equations 2 and 3.

    >>> from fnnet import layers, rng
    >>> params = weight_norm(layers.dense(3)).init(rng.key(0), (4,))
    >>> params.direction.shape, params.length.shape, params.bias.shape
    ((4, 3), (3,), (3,))
    """
    axis = output_axis(axis)

    def begin(params: Params) -> Params:
        weight = checked_weight(params, axis, "weight_norm")
        return with_fields(
            params, "weight", {"direction": weight, "length": _lengths(weight, outputs_axis(weight, axis))}
        )

    return reparametrized(layer, begin, directed(axis))


def directed(axis: int | None) -> Make:
    """What makes the weight of a direction and a length for every output."""

    def make(p: Params) -> tuple[Params, Callable[[Params], Params]]:
        v, g = p.direction, p.length
        at = outputs_axis(v, axis)
        inverse = zero_if_none(_lengths(v, at))
        unit = v * across(inverse, v, at)

        def pull(dparams: Params) -> Params:
            dw = dparams.weight
            dg = _dots(dw, unit, at)
            dv = dw - unit * across(dg, v, at)
            dv *= across(g * inverse, v, at)
            return with_fields(dparams, "weight", {"direction": dv, "length": dg})

        return _joined(p, unit * across(g, v, at)), pull

    return make


def _joined(p: Params, weight: Array) -> Params:
    """The layer's own params."""
    rest = with_fields(p, "length", {})
    return with_fields(rest, "direction", {"weight": weight})


def _lengths(v: Array, axis: int) -> Array:
    return np.sqrt(_dots(v, v, axis))


@np.errstate(under="ignore")
def _dots(x: Array, y: Array, axis: int) -> Array:
    """Σ x · y over each row, (O,)."""
    if axis == x.ndim - 1:  # whose numbers lie far apart: all rows at once, and many times as fast
        return np.einsum("ij,ij->j", *(array.reshape(-1, array.shape[-1]) for array in (x, y)))
    return row_dot(output_rows(x, axis), output_rows(y, axis))[:, 0]
