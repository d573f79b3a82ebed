"""Kinds of layers beyond those of plain nets: their leaves, what they make of an example, their products.

| kind | sizes behind it |
|---|---|
| `lstm`, `gru` | features of the state |
| `attention` | heads |
| `encoder`, a transformer's encoder layer, norms in front | features, heads, features inside |
| `embedding` | ids, features |
| `layer_norm`, `gelu`, `global_avg_pool` | – |
| `group_norm` | groups |
| `convolution` | axes, channels, kernel, stride, padding, dilation, groups |
| `transposed` | axes, channels, kernel, stride, padding |

Leaves stand as fnnet has them: gates side by side in columns, weights of products (in, out).
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

Shape = tuple[int, ...]
Leaves = list[tuple[str, Shape]]  # role and shape
Product = tuple[int, int, int]  # (m, k, n) of (m, k)·(k, n)
Products = Iterator[Product]


class Kind(NamedTuple):
    """What is known of a kind; all take the shape of an example, and the sizes."""

    leaves: Callable[..., Leaves]
    out: Callable[..., Shape]
    products: Callable[..., Products]  # a batch's size first: those of the value and of all gradients


def _same(shape: Shape, *sizes: int) -> Shape:
    return shape


def _none(*args: object) -> Products:
    return iter(())


def _affine(d: int, k: int) -> Leaves:
    return [("weight", (d, k)), ("bias", (k,))]


def _affine_products(places: int, d: int, k: int) -> Products:
    yield from ((places, d, k), (d, places, k), (places, k, d))


def _scale(c: int) -> Leaves:
    return [("gain", (c,)), ("bias", (c,))]


def _recurrent_products(gates: int) -> Callable[..., Products]:
    def products(batch: int, shape: Shape, n: int) -> Products:
        t, d = shape
        for _ in range(t):
            yield from ((gates * n, d + n, batch), (n, gates * n, batch))
        yield from ((d + n, t * batch, gates * n), (t * batch, gates * n, d))

    return products


def _lstm_leaves(shape: Shape, n: int) -> Leaves:
    return [("weight", (shape[1], 4 * n)), ("recurrent", (n, 4 * n)), ("bias", (4 * n,))]


def _gru_leaves(shape: Shape, n: int) -> Leaves:
    return [("weight", (shape[1], 3 * n)), ("recurrent", (n, 3 * n)), ("bias", (3 * n,)), ("bias", (n,))]


def _attention_leaves(shape: Shape, heads: int) -> Leaves:
    return [leaf for _ in range(4) for leaf in _affine(shape[1], shape[1])]


def _attention_products(batch: int, shape: Shape, heads: int) -> Products:
    t, d = shape
    for _ in range(4):
        yield from _affine_products(batch * t, d, d)
    for _ in range(batch * heads):
        yield from _affine_products(t, d // heads, t)  # S, and its gradients to Q and K
        yield from _affine_products(t, t, d // heads)  # O, and its gradients to P and V


def _encoder_leaves(shape: Shape, d: int, heads: int, inside: int) -> Leaves:
    return [
        *(*_scale(d), *_attention_leaves(shape, heads)),
        *(*_scale(d), *_affine(d, inside), *_affine(inside, d)),
    ]


def _encoder_products(batch: int, shape: Shape, d: int, heads: int, inside: int) -> Products:
    yield from _attention_products(batch, shape, heads)
    for read, made in ((d, inside), (inside, d)):
        yield from _affine_products(batch * shape[0], read, made)


def _conv_leaves(
    shape: Shape, dims: int, channels: int, kernel: int, stride: int, padding: int, dilation: int, groups: int
) -> Leaves:
    return [("weight", (channels, shape[0] // groups, *(kernel,) * dims)), ("bias", (channels,))]


def _conv_out(
    shape: Shape, dims: int, channels: int, kernel: int, stride: int, padding: int, dilation: int, groups: int
) -> Shape:
    span = (kernel - 1) * dilation + 1
    return channels, *((size + 2 * padding - span) // stride + 1 for size in shape[1:])


def _conv_products(batch: int, shape: Shape, dims: int, channels: int, kernel: int, *rest: int) -> Products:
    groups, places = rest[-1], batch * math.prod(_conv_out(shape, dims, channels, kernel, *rest)[1:])
    for _ in range(groups):
        yield from turned(channels // groups, shape[0] // groups * kernel**dims, places)


def turned(made: int, read: int, places: int) -> tuple[Product, Product, Product]:
    """A matrix's value, its own and its input's gradient, where the batch lies last."""
    return (made, read, places), (read, places, made), (read, made, places)


def _transposed_leaves(shape: Shape, dims: int, channels: int, kernel: int, stride: int, padding: int) -> Leaves:
    return [("weight", (shape[0], channels, *(kernel,) * dims)), ("bias", (channels,))]


def _transposed_out(shape: Shape, dims: int, channels: int, kernel: int, stride: int, padding: int) -> Shape:
    return channels, *((size - 1) * stride - 2 * padding + kernel for size in shape[1:])


def _transposed_products(batch: int, shape: Shape, dims: int, channels: int, kernel: int, *rest: int) -> Products:
    yield from turned(shape[0], channels * kernel**dims, batch * math.prod(shape[1:]))


KINDS = {
    "lstm": Kind(_lstm_leaves, lambda shape, n: (shape[0], n), _recurrent_products(4)),
    "gru": Kind(_gru_leaves, lambda shape, n: (shape[0], n), _recurrent_products(3)),
    "attention": Kind(_attention_leaves, _same, _attention_products),
    "encoder": Kind(_encoder_leaves, _same, _encoder_products),
    "embedding": Kind(lambda shape, count, n: [("weight", (count, n))], lambda shape, count, n: (*shape, n), _none),
    "layer_norm": Kind(lambda shape: _scale(shape[-1]), _same, _none),
    "group_norm": Kind(lambda shape, groups: _scale(shape[0]), _same, _none),
    "gelu": Kind(lambda shape: [], _same, _none),
    "global_avg_pool": Kind(lambda shape: [], lambda shape: shape[:1], _none),
    "convolution": Kind(_conv_leaves, _conv_out, _conv_products),
    "transposed": Kind(_transposed_leaves, _transposed_out, _transposed_products),
}
