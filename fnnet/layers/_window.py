"""What layers with a sliding window share: reading their options and the fit of a window to an image."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from fnnet.arguments import whole
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.kernels.windows import Axis, Grid
from fnnet.types import Shape

Size = int | Sequence[int]
Pair = tuple[int, int]
Fit = Callable[[int, int], Grid]


def pair(what: str, value: int | Sequence[int], least: int) -> Pair:
    """Rows and columns: a whole number for both, or one for each.

    >>> pair("kernel", 3, 1), pair("kernel", (3, 5), 1)
    ((3, 3), (3, 5))
    """
    each = value if isinstance(value, tuple | list) else (value, value)
    if len(each) != 2:
        raise ConfigError(expected(what, "a whole number or a pair (rows, columns)", repr(value)))
    return whole(what, each[0], least), whole(what, each[1], least)


def window(kernel: Size, stride: Size, padding: Size | str, *, same: bool = False, reach: bool = False) -> Fit:
    """The function from an image's rows and columns to the grid on which the window slides.

    Args:
        kernel: rows and columns of the window.
        stride: from one window to the next.
        padding: elements on each side, or, where `same` allows it, "same".
        same: whether padding may be "same": ⌈size / stride⌉ outputs, an odd element of padding behind.
        reach: whether every window must reach into the image, so padding must be less than the kernel.
    """
    kernel, stride = pair("kernel", kernel, 1), pair("stride", stride, 1)
    if isinstance(padding, str):
        if not (same and padding == "same"):
            wanted = 'a whole number ≥ 0, a pair of them or "same"' if same else "a whole number ≥ 0 or a pair of them"
            raise ConfigError(expected("padding", wanted, repr(padding)))
        return _remembering(lambda *sizes: _fitting(*map(_same, sizes, kernel, stride)))
    padding = pair("padding", padding, 0)
    if reach and (padding[0] >= kernel[0] or padding[1] >= kernel[1]):
        fix = "or windows would lie wholly in the padding"
        raise ConfigError(expected("padding", f"less than the kernel {kernel}", padding, fix))
    return _remembering(lambda *sizes: _fitting(*map(Axis, sizes, kernel, stride, padding, padding)))


def _remembering(fit: Fit) -> Fit:
    """The same function, remembering its last answers: a pure one of two numbers."""
    return lru_cache(maxsize=64)(fit)


def _same(size: int, kernel: int, stride: int) -> Axis:
    missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return Axis(size, kernel, stride, missing // 2, missing - missing // 2)


def _fitting(rows: Axis, cols: Axis) -> Grid:
    if rows.kernel > rows.padded or cols.kernel > cols.padded:
        image = "padded image" if rows.before + cols.before else "image"
        wanted = f"at most the {image} {(rows.padded, cols.padded)}"
        fix = "use a smaller kernel, more padding or larger images"
        raise ShapeError(expected("kernel", wanted, (rows.kernel, cols.kernel), fix))
    return rows, cols


def check_image(in_shape: Shape) -> None:
    """Raise unless the shape of one example is that of an image, (C, H, W)."""
    if len(in_shape) != 3:
        fix = "add the channel axis: x[:, None]" if len(in_shape) == 2 else ""
        raise ShapeError(expected("input", "images (N, C, H, W)", f"(N, {', '.join(map(str, in_shape))})", fix))
