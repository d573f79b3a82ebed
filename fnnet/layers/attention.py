"""`attention`: every query looks at all keys and takes the mean of their values that it finds fitting."""

from typing import Any

from fnnet import rng, tree
from fnnet.arguments import flag, real, whole
from fnnet.arrays import Arrays, Discrete, Shape, in_words, is_floats, is_tuple
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError, expected
from fnnet.initializers import Initializer, xavier_uniform, zeros
from fnnet.kernels.affine import affine_steps, batch_sum
from fnnet.kernels.attention import Keep, Look, attend
from fnnet.kernels.rotation import rotate
from fnnet.layers._children import check_fields
from fnnet.layers._params import initialised, leaf
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback

_FIELDS = ("query", "key", "value", "output")


@factory
def attention(
    heads: int,
    *,
    key_value_heads: int | None = None,
    causal: bool = False,
    rotary: float | None = None,
    dropout: float = 0.0,
    block: int | None = None,
    bias: bool = True,
    init: Initializer = xavier_uniform(),
) -> Layer:
    """Scaled dot-product attention by several heads: of a sequence to itself, or to a memory.

        Q = x W_q + b_q,  K = m W_k + b_k,  V = m W_v + b_v         cut into heads of d = D / heads features
        S = Q Kᵀ / √d,  P = softmax S,  O = P V                      of every head
        y = O W_o + b_o                                              of all heads side by side

        dV = Pᵀ dO,  dS = P ∘ (dO Vᵀ - Σ dO ∘ O),  dQ = dS K / √d,  dK = dSᵀ Q / √d

    It reads x, whose own steps are the memory m; or (x, memory); or (x, memory, mask). A mask holds booleans (N, T, S),
    where **True means may look**, or (N, S) for keys that no query may look at, such as padding; whole numbers 0 and 1
    will do. A query that may look nowhere reads 0 (so y is b_o), with gradient 0. For a mask of a sequence's own steps
    write `net.attention(x, x, mask)` in a `graph`. It is `MultiheadAttention` of PyTorch and Keras under its plain
    name: with one head, it is attention of one head.

    Keeps x, memory, Q, K, V, O and, without `block`, the matrix of T · S for every head. Params: `query`, `key`,
    `value` and `output`, each with `weight` (in, out) and, with `bias`, `bias`.

    Args:
        heads: H of the queries; they divide the features D of x.
        key_value_heads: G of keys and values, which divides H: each serves H / G query heads in a row; 1 is
            multi-query attention. By default H.
        causal: query t may look at keys 0 … t only, also where the memory is of another length.
        rotary: the base of rotary positions, mostly 10000: features i and i + d/2 of every head of Q and K are turned
            by the angle t / baseᐟ^(2i/d) at step t, so that S depends on distances. None for none.
        dropout: in training, the fraction of P that is dropped, survivors scaled up. With `block`, the sample depends
            on the block's size.
        block: queries at a time: the matrix of T · S is never there as a whole, but made again block by block on the
            way back. The same numbers but for rounding. None for all at once.
        bias: whether there are b_q, b_k, b_v and b_o; they start at zero.
        init: initializer of the weights; as nothing behind them is a rectifier, not `he_normal`.

    Shapes: x (N, T, D), memory (N, S, M), mask (N, T, S) or (N, S), y (N, T, D).

    Raises:
        ConfigError: key_value_heads does not divide heads.
        ShapeError: heads do not divide the features, or they are odd in a head that is to be turned; x, memory and mask
            do not fit.
        DtypeError: the mask is of floats.
        DataError: the mask is of whole numbers other than 0 and 1.

    Source: Vaswani et al. 2017, "Attention is all you need", section 3.2; groups, Ainslie et al. 2023, "GQA"; rotary
    positions, Su et al. 2021, "RoFormer", equation 34, with the pairs of features that LLaMA and ONNX's
    `RotaryEmbedding` take (theirs are neighbours, 2i and 2i + 1).

    >>> import numpy as np
    >>> from fnnet import rng
    >>> net = attention(2, causal=True)
    >>> params = net.init(rng.key(0), (5, 4))
    >>> params.query.weight.shape, params.output.bias.shape, net.shape((5, 4))
    ((4, 4), (4,), (5, 4))
    >>> x = rng.normal(rng.key(1), (1, 5, 4))
    >>> before, after = net.apply(params, x[:, :3])[0], net.apply(params, x)[0]
    >>> bool(np.allclose(before, after[:, :3], atol=1e-6))   # no query sees what comes later
    True
    """
    heads = whole("heads", heads, 1)
    groups = heads if key_value_heads is None else whole("key_value_heads", key_value_heads, 1)
    if heads % groups:
        raise ConfigError(expected("key_value_heads", f"a number that divides the {heads} heads", groups))
    causal, bias, rate = flag("causal", causal), flag("bias", bias), real("dropout", dropout, 0, 1, open=")")
    base = None if rotary is None else real("rotary", rotary, 0, open="(")
    size = None if block is None else whole("block", block, 1)
    record = tree.record("Attention", _FIELDS)
    kind = tree.record("Projection", ("weight", "bias") if bias else ("weight",))

    def shape(shapes: Any) -> Shape:
        queries, _ = _read_shapes(shapes)
        if queries[1] % heads:
            raise ShapeError(expected("x", f"features in {heads} heads of equal size", f"{queries[1]} features"))
        if base is not None and queries[1] // heads % 2:
            raise ShapeError(expected("x", "an even number of features in a head, to turn", queries[1] // heads))
        return queries

    def sizes(features: int, memory: int) -> tuple[tuple[int, int], ...]:
        shared = features // heads * groups
        return (features, features), (memory, shared), (memory, shared), (features, features)

    def init_params(key: rng.Key, shapes: Any) -> Params:
        (_, features), (_, memory) = _read_shapes(shapes)

        def projection(name: str, own: tuple[int, int]) -> Params:
            below = rng.fold_in(key, name)
            weight = initialised(init, rng.fold_in(below, "weight"), own)
            return kind(weight, zeros()(rng.fold_in(below, "bias"), own[1:])) if bias else kind(weight)

        return record(*map(projection, _FIELDS, sizes(features, memory)))

    def applied(keep: Keep | None) -> Any:
        def apply(params: Params, x: Arrays) -> tuple[Array, Pullback]:
            queries, memory, mask = _parts(x)
            check_fields(params, _FIELDS)
            weights = [
                leaf(own, "weight", fits)
                for own, fits in zip(params, sizes(queries.shape[2], memory.shape[2]), strict=True)
            ]
            biases = [leaf(own, "bias", w.shape[1:]) if bias else None for own, w in zip(params, weights, strict=True)]

            def turned(array: Array, back: bool = False) -> Array:
                return array if base is None else rotate(array, queries.shape[2] // heads, base, back)

            q, k, v = map(affine_steps, (queries, memory, memory), weights, biases)
            look = Look(heads, groups, causal, None if mask is None else _booleans(mask), size, keep, rate)
            o, adjoint = attend(turned(q), turned(k), v, look)

            def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Any]:
                dq, dk, dv = adjoint(_unmapped(dy, weights[3]))
                grads = (turned(dq, back=True), turned(dk, back=True), dv, dy)
                dparams = record(*(
                    kind(_rows(read).T @ _rows(grad), *([batch_sum(_rows(grad))] if bias else []))
                    for read, grad in zip((queries, memory, memory, o), grads, strict=True)
                ))  # fmt: skip
                if not input_gradient:
                    return dparams, None
                dx, dmemory = _unmapped(grads[0], weights[0]), _unmapped(grads[1], weights[1])
                dmemory += _unmapped(dv, weights[2])
                if type(x) is tuple:
                    return dparams, (dx, dmemory) if mask is None else (dx, dmemory, None)
                dx += dmemory
                return dparams, dx

            return affine_steps(o, weights[3], biases[3]), vjp

        return apply

    def train(key: rng.Key) -> Layer:
        def keep(first: int, own: Shape) -> Array:
            return rng.bernoulli(rng.fold_in(key, first), 1 - rate, own)

        return unchecked(init_params, applied(keep), shape=shape, name="attention", takes="anything")

    return unchecked(
        init_params,
        applied(None),
        shape=shape,
        train=train if rate else None,
        name="attention",
        takes="anything",
    )


# What it reads


def _read_shapes(shapes: Any) -> tuple[Shape, Shape]:
    """The shapes (T, D) of queries and (S, M) of memory in examples of x, (x, memory) or (x, memory, mask)."""
    parts: Any = shapes if is_tuple(shapes) else (shapes,)
    if len(parts) > 3 or (is_tuple(shapes) and len(parts) == 1):
        raise ShapeError(expected("x", "x, (x, memory) or (x, memory, mask)", f"a tuple of {len(parts)}"))
    for i, part in enumerate(parts[:2]):
        place, what = ("x", "(N, T, features)") if len(parts) == 1 else (f"x[{i}]", "a sequence (N, T, features)")
        if isinstance(part, Discrete):
            fix = "read ids by an embedding first; a mask is the third part" if i == 1 else "read ids by an embedding"
            raise DtypeError(expected(place, "floats", "whole numbers", fix))
        if not is_floats(part) or len(part) != 2:
            got = in_words(part) if is_floats(part) else f"a tuple of {len(part)}"
            raise ShapeError(expected(place, what, got))
    queries, memory = parts[0], parts[1] if len(parts) > 1 else parts[0]
    if len(parts) == 3:
        _check_mask(parts[2], (queries[0], memory[0]))
    return queries, memory


def _check_mask(mask: Any, fits: Shape) -> None:
    if is_floats(mask):
        fix = "True where a query may look; of numbers to be added, -inf where not, write mask == 0"
        raise DtypeError(expected("x[2]", "a mask of booleans", "floats", fix))
    if not isinstance(mask, Discrete) or mask.shape not in (fits, fits[1:]):
        wanted = f"a mask {in_words(fits)} for every query, or {in_words(fits[1:])} for all alike"
        got = in_words(mask.shape) if isinstance(mask, Discrete) else f"a tuple of {len(mask)}"
        raise ShapeError(expected("x[2]", wanted, got))


def _parts(x: Arrays) -> tuple[Array, Array, Array | None]:
    """Queries, memory and mask."""
    if type(x) is not tuple:
        return x, x, None
    return x if len(x) == 3 else (*x, None)


def _booleans(mask: Array) -> Array:
    """A mask (N, S) or (N, T, S) as booleans (N, 1 or T, S)."""
    if mask.dtype != bool:
        if mask.max() > 1 or mask.min() < 0:
            raise DataError(expected("x[2]", "booleans, True where a query may look", "whole numbers beyond 0 and 1"))
        mask = mask == 1
    return mask[:, None] if mask.ndim == 2 else mask


# Products with every step


def _rows(x: Array) -> Array:
    """(N, T, D) as (N · T, D)."""
    return x.reshape(-1, x.shape[2])


def _unmapped(dy: Array, weight: Array) -> Array:
    return (_rows(dy) @ weight.T).reshape(*dy.shape[:2], -1)
