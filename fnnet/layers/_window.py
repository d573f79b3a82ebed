"""What layers with a sliding window share: reading their options and the fit of a window to what it slides over."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from fnnet.arguments import flag, shown, whole
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.kernels.regions import Regions
from fnnet.kernels.windows import Axes, Axis
from fnnet.types import Shape

Size: TypeAlias = int | Sequence[int]  # one number for every axis, or one for each
Padding: TypeAlias = int | Sequence[int] | Sequence[Sequence[int]] | str
Sides: TypeAlias = tuple[tuple[int, int], ...]  # before and after, of every axis
Fit: TypeAlias = Callable[..., Any]  # sizes -> Axes; of two sizes a Grid

_EACH = {1: "a sequence of one", 2: "a pair (rows, columns)", 3: "a triple (depth, rows, columns)"}
_INPUTS = {1: "signals (N, C, L)", 2: "images (N, C, H, W)", 3: "volumes (N, C, D, H, W)"}
_WORDS = {1: "signal", 2: "image", 3: "volume"}


def per_axis(what: str, value: Size, least: int, dims: int = 2) -> tuple[int, ...]:
    """A whole number for every axis: one for all, or one for each.

    >>> per_axis("kernel", 3, 1), per_axis("kernel", (3, 5), 1)
    ((3, 3), (3, 5))
    """
    numbers = value if isinstance(value, tuple | list) else (value,) * dims
    if len(numbers) != dims:
        raise ConfigError(expected(what, f"a whole number or {_EACH[dims]}", shown(value)))
    return tuple(whole(what, number, least) for number in numbers)


def window(
    kernel: Size,
    stride: Size,
    padding: Padding,
    *,
    dims: int = 2,
    dilation: Size = 1,
    same: bool = False,
    causal: bool = False,
    reach: bool = False,
    ceil: bool = False,
) -> Fit:
    """The function from sizes (of an image its rows and columns) to the axes on which the window slides.

    Args:
        kernel: taps of the window along each axis.
        stride: from one window to the next.
        padding: elements on each side, or pairs (before, after) for each axis, or a word that is allowed.
        dims: how many axes there are.
        dilation: from one tap to the next.
        same: whether padding may be "same": ⌈size / stride⌉ outputs, an odd element of padding behind.
        causal: whether padding may be "causal": all of it in front, so that no output reads what comes later.
        reach: whether every window must reach into the image, so padding must be less than the window.
        ceil: whether a last window that reaches out of the padding counts, if it begins before the padding behind.
    """
    kernel, stride = per_axis("kernel", kernel, 1, dims), per_axis("stride", stride, 1, dims)
    dilation = tuple(d if k > 1 else 1 for d, k in zip(per_axis("dilation", dilation, 1, dims), kernel, strict=True))
    words = [*(["same"] if same else []), *(["causal"] if causal else [])]
    if isinstance(padding, str):
        if padding not in words:
            raise ConfigError(expected("padding", _paddings(words, dims), shown(padding)))
        one = _same if padding == "same" else _causal
        return _remembering(lambda *sizes: _fitting(tuple(map(one, sizes, kernel, stride, dilation))))
    sides = padding_of(padding, dims, words)
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    if reach and any(max(side) >= span for side, span in zip(sides, spans, strict=True)):
        plain = tuple(a for a, _ in sides) if all(a == b for a, b in sides) else sides
        wanted = f"less than the kernel {spans if dims > 1 else spans[0]}" + ", dilated" * (spans != kernel)
        got = plain if dims > 1 else plain[0]
        raise ConfigError(expected("padding", wanted, got, "or windows would lie wholly in the padding"))
    grow = _grown if ceil else _as_it_is

    def fit(*sizes: int) -> Axes:
        before, after = zip(*sides, strict=True)
        axes = _fitting(tuple(map(Axis, sizes, kernel, stride, before, after, dilation)))
        grown = tuple(map(grow, axes))
        if reach:
            _check_reach(grown)
        return grown

    return _remembering(fit)


def transposed_window(
    kernel: Size, stride: Size, padding: Padding, output_padding: Size, *, dims: int, dilation: Size
) -> Fit:
    """The function from sizes of x to the axes of the convolution that a transposed one is the adjoint of.

    Its windows slide over y and its outputs are the elements of x; arguments are those of the layer.
    """
    kernel, stride = per_axis("kernel", kernel, 1, dims), per_axis("stride", stride, 1, dims)
    dilation = tuple(d if k > 1 else 1 for d, k in zip(per_axis("dilation", dilation, 1, dims), kernel, strict=True))
    more = per_axis("output_padding", output_padding, 0, dims)
    for extra, s in zip(more, stride, strict=True):
        if extra >= s:
            raise ConfigError(expected("output_padding", f"less than the stride {s}", extra))
    if isinstance(padding, str):
        if padding != "same":
            raise ConfigError(expected("padding", _paddings(["same"], dims), repr(padding)))
        if any(more):
            raise ConfigError(
                expected("output_padding", '0 with padding "same", which says the size', shown(output_padding))
            )

        def enlarged(n: int, k: int, s: int, d: int) -> Axis:
            return _same(n * s, k, s, d)

        return _remembering(lambda *sizes: tuple(map(enlarged, sizes, kernel, stride, dilation)))
    sides = padding_of(padding, dims, ["same"])

    def axis(n: int, k: int, s: int, d: int, side: tuple[int, int], extra: int) -> Axis:
        full = (n - 1) * s + (k - 1) * d + 1 + extra
        if sum(side) >= full:
            raise ShapeError(expected("padding", f"less than the {full} elements it is taken from", sum(side)))
        return Axis(full - sum(side), k, s, *side, d)

    return _remembering(lambda *sizes: tuple(map(axis, sizes, kernel, stride, dilation, sides, more)))


def padding_of(padding: Padding, dims: int, words: Sequence[str] = ()) -> Sides:
    """Padding before and after along every axis."""
    if not isinstance(padding, tuple | list):
        number = whole("padding", padding, 0)
        return ((number, number),) * dims
    numbers: Sequence[Any] = padding
    if dims == 1 and len(numbers) == 2 and not any(isinstance(n, tuple | list) for n in numbers):
        numbers = (numbers,)
    if len(numbers) != dims:
        raise ConfigError(expected("padding", _paddings(words, dims), shown(padding)))
    found = []
    for number in numbers:
        side = number if isinstance(number, tuple | list) else (number, number)
        if len(side) != 2:
            raise ConfigError(expected("padding", "a pair (before, after) for each axis", shown(padding)))
        found.append((whole("padding", side[0], 0), whole("padding", side[1], 0)))
    return tuple(found)


def _paddings(words: Sequence[str], dims: int) -> str:
    own = {1: "a pair (before, after)", 2: "a pair of them", 3: "a triple of them"}[dims]
    said = ["a whole number ≥ 0", own, *(f'"{word}"' for word in words)]
    return f"{', '.join(said[:-1])} or {said[-1]}"


def _remembering(fit: Fit) -> Fit:
    """The same function, remembering its last answers: a pure one of a few numbers."""
    return lru_cache(maxsize=64)(fit)


def _same(size: int, kernel: int, stride: int, dilation: int) -> Axis:
    missing = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return Axis(size, kernel, stride, missing // 2, missing - missing // 2, dilation)


def _causal(size: int, kernel: int, stride: int, dilation: int) -> Axis:
    return Axis(size, kernel, stride, (kernel - 1) * dilation, 0, dilation)


def _as_it_is(axis: Axis) -> Axis:
    return axis


def _grown(axis: Axis) -> Axis:
    """The axis with as much behind it as one more window needs, if elements are left over and it does not begin there.

    >>> _grown(Axis(5, 2, 2)).out, _grown(Axis(5, 1, 3, 1, 1)).out
    (3, 3)
    """
    over = (axis.padded - axis.span) % axis.stride
    if over == 0 or axis.out * axis.stride >= axis.before + axis.size:
        return axis
    return Axis(axis.size, axis.kernel, axis.stride, axis.before, axis.after + axis.stride - over, axis.dilation)


def _fitting(axes: Axes) -> Axes:
    if all(axis.span <= axis.padded for axis in axes):
        return axes
    what = "padded " * any(axis.before + axis.after for axis in axes) + _WORDS[len(axes)]
    padded, spans = tuple(axis.padded for axis in axes), tuple(axis.span for axis in axes)
    wanted = f"at most the {what} {padded if len(axes) > 1 else padded[0]}"
    dilated = "kernel, dilated" if any(axis.dilation > 1 for axis in axes) else "kernel"
    fix = f"use a smaller kernel, more padding or larger {_WORDS[len(axes)]}s"
    raise ShapeError(expected(dilated, wanted, spans if len(axes) > 1 else spans[0], fix))


def _check_reach(axes: Axes) -> None:
    """Raise unless every window meets an element; one with gaps may step over all of them."""
    for axis in axes:
        met = {o for to, _ in axis.taps for o in range(to.start, to.stop)}
        if len(met) < axis.out:
            got = f"one that lies wholly in the padding, of {axis.size} elements padded to {axis.padded}"
            fix = "use less dilation or padding"
            raise ShapeError(expected("window", "every one to meet an element", got, fix))


def check_ndim(in_shape: Shape, dims: int) -> None:
    """Raise unless the shape of one example has channels and so many axes behind them."""
    if len(in_shape) != dims + 1:
        fix = "add the channel axis: x[:, None]" if len(in_shape) == dims else ""
        raise ShapeError(expected("input", _INPUTS[dims], batch_of(in_shape), fix))


def check_spatial(in_shape: Shape) -> int:
    """How many axes stand behind the channels: 1, 2 or 3, or an error."""
    dims = len(in_shape) - 1
    if dims not in _INPUTS:
        wanted = f"{_INPUTS[1]}, {_INPUTS[2]} or {_INPUTS[3]}"
        raise ShapeError(expected("input", wanted, batch_of(in_shape)))
    return dims


def pooled_shape(in_shape: Shape, keep: bool) -> Shape:
    """The channels alone, or with one element along each axis behind them."""
    dims = check_spatial(in_shape)
    return in_shape[0], *(1,) * (dims if keep else 0)


def batch_of(in_shape: Shape) -> str:
    """The shape of a batch of such examples, for a message.

    >>> batch_of((3, 8)), batch_of(())
    ('(N, 3, 8)', '(N,)')
    """
    return f"(N, {', '.join(map(str, in_shape))})" if in_shape else "(N,)"


def windows_over(
    kernel: Size,
    stride: Size | None,
    padding: Padding,
    dims: int,
    *,
    dilation: Size = 1,
    ceil: bool = False,
) -> Callable[[Shape], Axes]:
    """Of pooling: the function from the shape of an example (C, …) to the axes on which the window slides."""
    if whole("dims", dims, 1) not in _EACH:
        raise ConfigError(expected("dims", "1, 2 or 3 axes behind the channels", dims))
    stride = kernel if stride is None else stride
    fit = window(kernel, stride, padding, dims=dims, dilation=dilation, reach=True, ceil=flag("ceil", ceil))

    def axes(in_shape: Shape) -> Axes:
        if len(in_shape) != dims + 1:
            check_ndim(in_shape, dims)
        found: Axes = fit(*in_shape[1:])
        return found

    return axes


def regions_over(size: Size) -> Callable[[Shape], Regions]:
    """Of adaptive pooling: the function from the shape of an example (C, …) to the regions that make `size` outputs.

    Output o of s along an axis of n elements reads those from ⌊o·n/s⌋ to ⌈(o+1)·n/s⌉ - 1.

    >>> regions_over(2)((3, 5))
    (((0, 3), (2, 5)),)
    """
    if isinstance(size, tuple | list):
        if len(size) not in _EACH:
            raise ConfigError(expected("size", "a whole number, or one for each of 1, 2 or 3 axes", shown(size)))
        sizes: tuple[int, ...] | int = tuple(whole("size", number, 1) for number in size)
    else:
        sizes = whole("size", size, 1)

    @lru_cache(maxsize=64)
    def regions(in_shape: Shape) -> Regions:
        if isinstance(sizes, tuple):
            check_ndim(in_shape, len(sizes))
            each = sizes
        else:
            each = (sizes,) * check_spatial(in_shape)
        return tuple(
            tuple((o * n // s, -(-(o + 1) * n // s)) for o in range(s)) for n, s in zip(in_shape[1:], each, strict=True)
        )

    return regions
