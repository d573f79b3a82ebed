"""Convolution of signals, images and volumes with gaps between the taps, of channels in groups: all by that of images.

An axis that the kernels for images cannot have is rewritten, one after the other:

- *taps*: its taps become channels and its outputs examples, (C, S, N) -> (C·k, out·N). The depth of a volume goes so.
- *phases*: of d elements between taps at stride 1 every d-th element is an image of its own without gaps, (C, S, N) ->
  (C, ⌈S/d⌉, d·N). No product is wasted, where taps would copy every element k times.
- *lift*: a signal is an image of one row.

Each is a linear map R of x, V of the weight and U of y with y = U conv(R x, V w), so that the gradients are those of
the rewritten convolution between the adjoints:

    dw = Vᵀ conv_w(R x, Uᵀ dy),    dx = Rᵀ conv_x(Uᵀ dy, V w)

Groups are slices of the channels. Where each channel is a group, `depthwise`, there is nothing to sum over channels.
Arrays are batch-last inside, (C, …, N).
"""

from functools import lru_cache
from typing import Any, Protocol, cast

import numpy as np

from fnnet.kernels.convolution import convolve, convolve_input_gradient, convolve_weight_gradient
from fnnet.kernels.convolution.depthwise import depthwise, depthwise_input_gradient, depthwise_weight_gradient
from fnnet.kernels.order import batch_first
from fnnet.kernels.windows import Axes, Axis, Grid
from fnnet.types import Array


def correlate(x: Array, weight: Array, bias: Array | None, axes: Axes, groups: int = 1) -> Array:
    """y (N, O, …) of x (N, C, …), weight (O, C/groups, …) and bias (O,)."""
    z = _last(x)
    if groups == 1:
        return batch_first(_forward(z, weight, bias, axes))
    if weight.shape[1] == 1:
        return batch_first(depthwise(z, weight, bias, axes))
    parts = [
        _forward(z[read], weight[made], None if bias is None else bias[made], axes)
        for read, made in _slices(x.shape[1], len(weight), groups)
    ]
    return batch_first(np.concatenate(parts))


def correlate_weight_gradient(x: Array, dy: Array, axes: Axes, groups: int = 1) -> Array:
    """dw (O, C/groups, …) in C order."""
    z, dz = _last(x), _last(dy)
    if groups == 1:
        dw = _weight_gradient(z, dz, axes)
    elif len(z) == groups:
        dw = depthwise_weight_gradient(z, dz, axes)
    else:
        dw = np.concatenate(
            [_weight_gradient(z[read], dz[made], axes) for read, made in _slices(len(z), len(dz), groups)]
        )
    return np.ascontiguousarray(dw)


def correlate_input_gradient(dy: Array, weight: Array, axes: Axes, groups: int = 1) -> Array:
    """dx (N, C, …)."""
    dz = _last(dy)
    if groups == 1:
        return batch_first(_input_gradient(dz, weight, axes))
    if weight.shape[1] == 1:
        return batch_first(depthwise_input_gradient(dz, weight, axes, groups))
    slices = _slices(weight.shape[1] * groups, len(weight), groups)
    return batch_first(np.concatenate([_input_gradient(dz[made], weight[made], axes) for _, made in slices]))


def _last(x: Array) -> Array:
    return x.transpose(*range(1, x.ndim), 0)


def _slices(channels: int, outputs: int, groups: int) -> list[tuple[slice, slice]]:
    """What each group reads and makes."""
    c, o = channels // groups, outputs // groups
    return [(slice(g * c, g * c + c), slice(g * o, g * o + o)) for g in range(groups)]


def _forward(z: Array, weight: Array, bias: Array | None, axes: Axes) -> Array:
    step = _step(axes)
    if step is None:
        return _last(convolve(batch_first(z), weight, bias, cast(Grid, axes)))
    return step.outputs(_forward(step.inputs(z), step.weight(weight), bias, step.axes))


def _weight_gradient(z: Array, dz: Array, axes: Axes) -> Array:
    step = _step(axes)
    if step is None:
        return convolve_weight_gradient(batch_first(z), batch_first(dz), cast(Grid, axes))
    return step.weight_adjoint(_weight_gradient(step.inputs(z), step.outputs_adjoint(dz), step.axes))


def _input_gradient(dz: Array, weight: Array, axes: Axes) -> Array:
    step = _step(axes)
    if step is None:
        return _last(convolve_input_gradient(batch_first(dz), weight, cast(Grid, axes)))
    return step.inputs_adjoint(_input_gradient(step.outputs_adjoint(dz), step.weight(weight), step.axes))


class Rewriting(Protocol):
    """One axis rewritten: R, V, U and their adjoints, and the axes that are left."""

    axes: Axes

    def inputs(self, z: Array) -> Array:
        """R x."""

    def inputs_adjoint(self, dz: Array) -> Array:
        """Rᵀ dx."""

    def weight(self, w: Array) -> Array:
        """V w."""

    def weight_adjoint(self, dw: Array) -> Array:
        """Vᵀ dw, which for a permutation undoes V."""

    def outputs(self, y: Array) -> Array:
        """U y."""

    def outputs_adjoint(self, dy: Array) -> Array:
        """Uᵀ dy."""


@lru_cache(maxsize=256)
def _step(axes: Axes) -> Rewriting | None:
    """What to rewrite next; None for images without gaps."""
    if len(axes) == 3:
        return _Taps(axes, 0)
    for i, axis in enumerate(axes):
        if axis.dilation > 1:
            return _Phases(axes, i) if axis.stride == 1 and _made(axis) <= 2 * axis.out else _Taps(axes, i)
    return _Lift(axes) if len(axes) < 2 else None


def _length(axis: Axis) -> int:
    """Elements of a phase, ⌈padded / d⌉."""
    return -(-axis.padded // axis.dilation)


def _made(axis: Axis) -> int:
    """Outputs of all phases together, those beyond the last included."""
    return (_length(axis) - axis.kernel + 1) * axis.dilation


class _Lift:
    """Axes with one of a single element in front."""

    def __init__(self, axes: Axes) -> None:
        self.axes = (Axis(1, 1), *axes)

    def inputs(self, z: Array) -> Array:
        return z[:, None]

    def inputs_adjoint(self, dz: Array) -> Array:
        return dz[:, 0]

    def weight(self, w: Array) -> Array:
        return w[:, :, None]

    def weight_adjoint(self, dw: Array) -> Array:
        return dw[:, :, 0]

    def outputs(self, y: Array) -> Array:
        return y[:, 0]

    def outputs_adjoint(self, dy: Array) -> Array:
        return dy[:, None]


class _Taps:
    """Axis i: its taps become channels, its outputs examples."""

    def __init__(self, axes: Axes, i: int) -> None:
        self.axis, self.dim = axes[i], i + 1
        self.axes = (*axes[:i], *axes[i + 1 :])

    def inputs(self, z: Array) -> Array:
        own = np.moveaxis(z, self.dim, -2)
        c, *rest, _, n = own.shape
        taken = np.zeros((c, self.axis.kernel, *rest, self.axis.out, n), z.dtype)
        for j, (to, at) in enumerate(self.axis.taps):
            taken[:, j, ..., to, :] = own[..., at, :]
        return taken.reshape(c * self.axis.kernel, *rest, self.axis.out * n)

    def inputs_adjoint(self, dz: Array) -> Array:
        k, out = self.axis.kernel, self.axis.out
        ck, *rest, outn = dz.shape
        taken = dz.reshape(ck // k, k, *rest, out, outn // out)
        own = np.zeros((ck // k, *rest, self.axis.size, outn // out), dz.dtype)
        for j, (to, at) in enumerate(self.axis.taps):
            own[..., at, :] += taken[:, j, ..., to, :]
        return np.moveaxis(own, -2, self.dim)

    def weight(self, w: Array) -> Array:
        own = np.moveaxis(w, self.dim + 1, 2)
        return own.reshape(len(w), -1, *own.shape[3:])

    def weight_adjoint(self, dw: Array) -> Array:
        return np.moveaxis(dw.reshape(len(dw), -1, self.axis.kernel, *dw.shape[2:]), 2, self.dim + 1)

    def outputs(self, y: Array) -> Array:
        return np.moveaxis(y.reshape(*y.shape[:-1], self.axis.out, -1), -2, self.dim)

    def outputs_adjoint(self, dy: Array) -> Array:
        own = np.moveaxis(dy, self.dim, -2)
        return own.reshape(*own.shape[:-2], -1)


class _Phases:
    """Axis i, of stride 1: its d phases become examples."""

    def __init__(self, axes: Axes, i: int) -> None:
        axis, self.dim = axes[i], i + 1
        d, length = axis.dilation, _length(axis)
        self.read = Axis(axis.size, d, d, axis.before, length * d - axis.before - axis.size)
        self.made = Axis(axis.out, d, d, 0, _made(axis) - axis.out)
        self.axes = (*axes[:i], Axis(length, axis.kernel), *axes[i + 1 :])

    def inputs(self, z: Array) -> Array:
        return _split(z, self.dim, self.read)

    def inputs_adjoint(self, dz: Array) -> Array:
        return _join(dz, self.dim, self.read)

    def weight(self, w: Array) -> Array:
        return w

    def weight_adjoint(self, dw: Array) -> Array:
        return dw

    def outputs(self, y: Array) -> Array:
        return _join(y, self.dim, self.made)

    def outputs_adjoint(self, dy: Array) -> Array:
        return _split(dy, self.dim, self.made)


def _split(z: Array, dim: int, axis: Axis) -> Array:
    """(C, …, S, …, N) -> (C, …, ⌈S/d⌉, …, d·N), zero beyond the elements."""
    head, tail, n = z.shape[:dim], z.shape[dim + 1 : -1], z.shape[-1]
    parts = np.zeros((*head, axis.out, *tail, axis.kernel, n), z.dtype)
    front: tuple[Any, ...] = (slice(None),) * dim
    for r, (to, at) in enumerate(axis.taps):
        parts[(*front, to, ..., r, slice(None))] = z[(*front, at)]
    return parts.reshape(*head, axis.out, *tail, -1)


def _join(parts: Array, dim: int, axis: Axis) -> Array:
    """The adjoint of `_split`, and its inverse: every element is in one phase."""
    parts = parts.reshape(*parts.shape[:-1], axis.kernel, -1)
    z = np.empty((*parts.shape[:dim], axis.size, *parts.shape[dim + 1 : -2], parts.shape[-1]), parts.dtype)
    front: tuple[Any, ...] = (slice(None),) * dim
    for r, (to, at) in enumerate(axis.taps):
        z[(*front, at)] = parts[(*front, to, ..., r, slice(None))]
    return z
