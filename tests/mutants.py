"""Our own layers with one mistake each, such as people make: the checker must catch every one.

Each entry of `MUTANTS` is the mistake, the layer that has it, the shape of an example, what is said about the layer,
and the law that is made for this mistake (others may catch it too).
"""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import attrs
import numpy as np

from fnnet import layers, rng, tree
from fnnet.types import Array, Discrete, Layer, Params, Shape
from tests.cases import positive


@attrs.frozen
class Mutant:
    """A wrong layer."""

    name: str
    make: Callable[[], Layer]
    shape: Any
    caught_by: str
    claims: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Call:
    """What a mutant's vjp may look at: the arguments and the right results."""

    params: Params
    x: Array
    y: Array
    dy: Array
    dparams: Params
    dx: Array


def wrong(
    name: str,
    layer: Layer,
    shape: Shape,
    caught_by: str,
    claims: dict[str, bool] | None = None,
    **changes: Callable[[Call], Any],
) -> Mutant:
    """A layer some of whose results are replaced: fields of dparams, or dx."""
    return Mutant(name, lambda: pulling(layer, grads(**changes)), shape, caught_by, claims or {})


def pulling(layer: Layer, f: Callable[[Call], tuple[Params, Any]]) -> Layer:
    """The layer with another vjp, made of the right one."""

    def wrap(forward: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(params: Params, x: Array) -> tuple[Array, Any]:
            y, vjp = forward(params, x)
            return y, lambda dy, input_gradient=True: f(Call(params, x, y, dy, *vjp(dy, True)))

        return wrapped

    return rewired(layer, wrap)


def rewired(layer: Layer, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Layer:
    """The layer with its forward wrapped, in evaluation and in training."""
    sample = layer._train
    return attrs.evolve(
        layer,
        apply=wrap(layer._apply),
        train=None if sample is None else lambda key: attrs.evolve(layer, apply=wrap(sample(key)._apply)),
    )


def grads(**changes: Callable[[Call], Any]) -> Callable[[Call], tuple[Params, Any]]:
    """Results with some of them replaced: fields of dparams, or dx."""

    def f(call: Call) -> tuple[Params, Any]:
        fields = {name: change(call) for name, change in changes.items() if name != "dx"}
        return call.dparams._replace(**fields) if fields else call.dparams, changes.get("dx", lambda c: c.dx)(call)

    return f


def c(array: Array) -> Array:
    return np.ascontiguousarray(array)


def flipped_input_gradient(call: Call) -> Array:
    """dx by sliding the kernel instead of its mirror image."""
    flipped = call.params._replace(weight=c(call.params.weight[:, :, ::-1, ::-1]))
    _, vjp = layers.conv2d(call.y.shape[1], call.params.weight.shape[2:])._apply(flipped, call.x)
    return vjp(call.dy, True)[1]


def all_winners(call: Call) -> Array:
    """dx of 2×2 max pooling that gives dy to every element equal to the maximum."""
    up = partial(np.kron, b=np.ones((1, 1, 2, 2)))
    return (call.x == up(call.y)) * up(call.dy)


def tied_pieces(call: Call) -> Array:
    """dx of maxout by pairs that gives dy to every element equal to the largest."""
    return (call.x == np.repeat(call.y, 2, axis=1)) * np.repeat(call.dy, 2, axis=1)


def lengths_fixed(call: Call) -> Any:
    """dx of cosine similarity that keeps what lies along the vector itself."""
    a, b = call.x
    both = np.sqrt((a * a).sum(axis=1, keepdims=True) * (b * b).sum(axis=1, keepdims=True))
    return call.dy[:, None] * b / both, call.dy[:, None] * a / both


def without_mean_terms(call: Call) -> Array:
    """dx of batch norm that takes the statistics for constants."""
    axes = (0, *range(2, call.x.ndim))
    shape = (1, -1, *[1] * (call.x.ndim - 2))
    r = 1 / np.sqrt(call.x.var(axis=axes) + 1e-5)
    return call.dy * (call.params.gain * r).reshape(shape)


def without_variance_term(call: Call) -> Array:
    """dx of batch norm (features) that forgets that the variance depends on x."""
    return without_mean_terms(call) - without_mean_terms(call).mean(axis=0)


def summed_instead_of_mean(call: Call) -> Array:
    """dx of batch norm (features) without 1/N before its sums."""
    r = 1 / np.sqrt(call.x.var(axis=0) + 1e-5)
    z = (call.x - call.x.mean(axis=0)) * r
    return call.params.gain * r * (call.dy - call.dy.sum(axis=0) - z * (call.dy * z).sum(axis=0))


def rows(call: Call) -> tuple[Array, Array]:
    """ŷ and r of a norm of rows with a centre."""
    r = 1 / np.sqrt(call.x.var(axis=-1, keepdims=True) + 1e-5)
    return (call.x - call.x.mean(axis=-1, keepdims=True)) * r, r


def without_centre(call: Call) -> Array:
    """dx of layer norm that forgets that the mean depends on x."""
    hat, r = rows(call)
    d = call.dy * call.params.gain
    return r * (d - hat * (d * hat).mean(axis=-1, keepdims=True))


def without_gain(call: Call) -> Array:
    """dx of layer norm that takes its means of dy instead of g dy."""
    hat, r = rows(call)
    means = call.dy.mean(axis=-1, keepdims=True) + hat * (call.dy * hat).mean(axis=-1, keepdims=True)
    return r * (call.dy * call.params.gain - means)


def centred(call: Call) -> Array:
    """dx of root-mean-square norm as if it had a centre."""
    return call.dx - call.dx.mean(axis=-1, keepdims=True)


def of_channels_alone(call: Call) -> Array:
    """dx of group norm that takes its means over each channel instead of each group."""
    same = layers.instance_norm()
    params = same.init(rng.key(0), call.x.shape[1:])._replace(gain=call.params.gain, bias=call.params.bias)
    return same._apply(params, call.x)[1](call.dy)[1]


def running(change: Callable[[Call, str], Array]) -> Callable[[Call], tuple[Params, Any]]:
    """Batch norm with other successors."""
    return grads(
        **{name: partial(lambda name, call: tree.Running(change(call, name)), name) for name in ("mean", "variance")}
    )


def stale() -> Layer:
    """Batch norm whose training forgets the batch."""
    return trained(batch_norm(), running(lambda m, name: getattr(m.params, name).array))


def in_place(layer: Layer, spoil: Callable[[Params, Array, Array], Any]) -> Layer:
    """A layer whose vjp writes to params, x or y."""

    def wrap(forward: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(params: Params, x: Array) -> tuple[Array, Any]:
            y, vjp = forward(params, x)

            def spoiling(dy: Array, input_gradient: bool = True) -> Any:
                found = vjp(dy, input_gradient)
                if dy.flags.writeable:
                    spoil(params, x, dy)
                return found

            return y, spoiling

        return wrapped

    return rewired(layer, wrap)


def add_one(array: Array) -> None:
    array += 1


def scribbling(layer: Layer) -> Layer:
    """vjp uses the memory of y as its scratch space."""

    def f(call: Call) -> tuple[Params, Any]:
        call.y *= 0
        return call.dparams, call.dx

    return pulling(layer, f)


def scratch_relu() -> Layer:
    """A mask kept in one place for all calls."""
    mask: dict[Shape, Array] = {}

    def apply(params: Params, x: Array) -> tuple[Array, Any]:
        mask[x.shape] = x > 0
        return np.maximum(x, 0), lambda dy: ((), dy * mask[x.shape])

    return layers.layer(lambda key, shape: (), apply, name="relu")


def used_up(layer: Layer) -> Layer:
    """vjp frees what it kept."""

    def wrap(forward: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(params: Params, x: Array) -> tuple[Array, Any]:
            y, vjp = forward(params, x)
            kept = [1.0]
            return y, lambda dy, input_gradient=True: vjp(dy * (kept.pop() if kept else 0.0), input_gradient)

        return wrapped

    return rewired(layer, wrap)


def accumulating(layer: Layer) -> Layer:
    """Gradients are added to those of the call before, as in libraries with `zero_grad`."""
    total: list[Any] = []

    def f(call: Call) -> tuple[Params, Any]:
        grown = call.dparams if not total else tree.map(np.add, total[-1], call.dparams)
        total.append(grown)
        return grown, call.dx

    return pulling(layer, f)


def global_dropout() -> Layer:
    """Dropout that counts calls instead of using its key."""
    calls = count()
    right = layers.dropout(0.5)
    return attrs.evolve(right, train=lambda key: attrs.evolve(right, apply=_at(right, calls)))


def _at(right: Layer, calls: Any) -> Callable[..., Any]:
    return lambda params, x: right.train(rng.key(next(calls)))._apply(params, x)


def keyless_dropout() -> Layer:
    """Dropout with one mask for every key."""
    right = layers.dropout(0.5)
    return attrs.evolve(right, train=lambda key: right.train(rng.key(0)))


def two_masks() -> Layer:
    """Dropout that draws a new mask on the way back."""

    def sample(key: rng.Key) -> Layer:
        right = layers.dropout(0.5)
        there, back = right.train(key), right.train(rng.fold_in(key, "back"))

        def forward(params: Params, x: Array) -> tuple[Array, Any]:
            return there._apply(params, x)[0], back._apply(params, x)[1]

        return attrs.evolve(right, apply=forward)

    return attrs.evolve(layers.dropout(0.5), train=sample)


class Resampling(Layer):
    """A layer whose trained net can be trained again."""

    def train(self, key: rng.Key) -> Layer:
        right = layers.dropout(0.5)
        return Resampling(right.name, right._init, right.train(key)._apply, right._shape, right._train)


def resampling() -> Layer:
    right = layers.dropout(0.5)
    return Resampling(right.name, right._init, right._apply, right._shape, right._train)


def after(**changes: Any) -> Layer:
    """Dropout whose trained net differs in some field."""
    right = layers.dropout(0.5)

    class Otherwise(Layer):
        def train(self, key: rng.Key) -> Layer:
            return attrs.evolve(right.train(key), **changes)

    return Otherwise(right.name, right._init, right._apply, right._shape, right._train)


def drawing_init() -> Layer:
    """Weights from a counter, not from the key."""
    right, calls = layers.dense(2), count()
    return attrs.evolve(right, init=lambda key, shape: right._init(rng.key(next(calls)), shape))


def forwards(layer: Layer, f: Callable[[Params, Array, Array], Array]) -> Layer:
    """The layer with another value y, made of the right one."""

    def wrap(forward: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(params: Params, x: Array) -> tuple[Array, Any]:
            y, vjp = forward(params, x)
            return f(params, x, y), vjp

        return wrapped

    return rewired(layer, wrap)


def wide_init(layer: Layer) -> Layer:
    return attrs.evolve(layer, init=lambda key, shape: tree.cast(layer._init(key, shape), np.float64))


BN = {"batch_dependent": True, "smooth": True}
EXACT = {"piecewise_linear": True}
SMOOTH = {"smooth": True}
DRAWS = {"draws": True}

dense, conv2d, batch_norm = layers.dense, layers.conv2d, layers.batch_norm


def table(count: int, n: int) -> Layer:
    """Rows of a table by their numbers."""

    def init(key: rng.Key, shape: Any) -> Params:
        return {"weight": rng.normal(key, (count, n))}

    def apply(params: Params, x: Array) -> tuple[Array, Any]:
        ids, weight = x, params["weight"]

        def vjp(dy: Array) -> tuple[Params, None]:
            grad = np.zeros_like(weight)
            np.add.at(grad, ids, dy)
            return {"weight": grad}, None

        return weight[ids], vjp

    def shape(ids: Any) -> Any:
        return (*ids.shape, n)

    return layers.layer(init, apply, shape=shape, takes="integers", name="table")


def overwriting() -> Layer:
    """An embedding whose gradient keeps only the last of equal ids."""
    right = table(5, 2)

    def last(m: Call) -> Any:
        grad = np.zeros_like(m.params["weight"])
        grad[m.x] = m.dy
        return {"weight": grad}, None

    return pulling(right, last)


def averaged(behind: bool) -> Layer:
    """The mean of sequences over their lengths; where `behind`, over all steps, divided by the lengths."""

    def apply(params: Params, x: Any) -> tuple[Array, Any]:
        xs, lengths = x
        own = np.arange(xs.shape[1]) < lengths[:, None]
        share = (np.ones_like(own) if behind else own) / lengths[:, None]
        y = (xs * share[:, :, None].astype(xs.dtype)).sum(axis=1)

        def vjp(dy: Array) -> Any:
            return (), (dy[:, None] * share[:, :, None].astype(dy.dtype), None)

        return y, vjp

    return layers.layer(lambda key, shape: (), apply, takes="anything", name="averaged")


def pulling_ids(layer: Layer) -> Layer:
    """An embedding that reads the ids of a byte as signed."""

    def wrap(forward: Callable[..., Any]) -> Callable[..., Any]:
        return lambda params, x: forward(params, (x - 1 if x.dtype == np.uint8 else x))

    return rewired(layer, wrap)


def doubled_use() -> Layer:
    """A product whose first factor gets the gradient of the second."""
    return pulling(layers.multiply(), lambda m: (m.dparams, m.dx[::-1]))


def without_the_sum(m: Call) -> Array:
    """dx of attention of one head by softmax's derivative without Σ dO ∘ O."""
    q, k, v = (m.x @ own.weight + own.bias for own in m.params[:3])
    scale = q.shape[2] ** -0.5
    e = np.exp(scale * q @ k.swapaxes(1, 2))
    p, do = e / e.sum(axis=2, keepdims=True), m.dy @ m.params.output.weight.T
    ds = p * (do @ v.swapaxes(1, 2))
    grads = scale * ds @ k, scale * ds.swapaxes(1, 2) @ q, p.swapaxes(1, 2) @ do
    return sum(grad @ own.weight.T for grad, own in zip(grads, m.params[:3], strict=True))


def seeing_all(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Attention whose way back is that of a mask that hides nothing."""

    def wrapped(params: Params, x: Any) -> tuple[Array, Any]:
        return forward(params, x)[0], forward(params, (*x[:2], np.ones_like(x[2])))[1]

    return wrapped


def dropped_one_way() -> Layer:
    """Attention whose way back knows nothing of what was dropped."""
    right = layers.attention(1, dropout=0.5)
    return attrs.evolve(right, train=lambda key: _mixed(right.train(key), right))


SEQUENCE = ((4, 2), Discrete(()))


def of_sequences(name: str, layer: Layer, dxs: Callable[[Call], Any]) -> Mutant:
    """A mistake in a layer that reads (xs, lengths), with the derivative of xs changed."""
    claims = {"within": {"x[1]": (1, 3)}, "padded": {"x[0]": "x[1]"}}
    return Mutant(name, lambda: pulling(layer, grads(dx=lambda m: (dxs(m), None))), SEQUENCE, "derivative", claims)


def truncated() -> Layer:
    """A scan whose gradient stops at every step: what comes back for a state goes nowhere."""
    cell = layers.rnn_cell(2)

    def apply(params: Params, x: Any) -> tuple[Any, Any]:
        (state, xs), right = x, layers.scan(cell)
        y, _ = right._apply(params, x)

        def vjp(dy: Any, input_gradient: bool = True) -> Any:
            total, dxs, h = tree.map(np.zeros_like, params), [], state
            for t in range(xs.shape[1]):
                (after, _), pull = cell._apply(params, (h, xs[:, t]))
                own, (dstate, dx) = pull((0 * h, dy[1][:, t]))
                total, h = tree.map(np.add, total, own), after
                dxs.append(dx)
            return total, (dstate, np.stack(dxs, axis=1))

        return y, vjp

    return attrs.evolve(layers.scan(cell), apply=apply)


def restarted() -> Layer:
    """A scan of two segments, the second of which is made again from the state in front of the first."""
    cell = layers.rnn_cell(2)

    def apply(params: Params, x: Any) -> tuple[Any, Any]:
        (state, xs), plain = x, layers.scan(cell)
        half, (y, _) = xs.shape[1] // 2, plain._apply(params, x)

        def vjp(dy: Any, input_gradient: bool = True) -> Any:
            _, second = plain._apply(params, (state, xs[:, half:]))
            more, (dstate, after) = second((dy[0], dy[1][:, half:]))
            _, first = plain._apply(params, (state, xs[:, :half]))
            own, (dstate, before) = first((dstate, dy[1][:, :half]))
            return tree.map(np.add, own, more), (dstate, np.concatenate([before, after], axis=1))

        return y, vjp

    return attrs.evolve(layers.scan(cell, segments=2), apply=apply)


def unending(m: Call) -> Any:
    """The gradient of sequences taken as if none of them ended."""
    xs, lengths = m.x
    return layers.rnn(2)._apply(m.params, (xs, 0 * lengths + xs.shape[1]))[1](m.dy, True)


def clinging() -> Layer:
    """A layer in which a state is carried on, and which moves it in evaluation too."""
    right = layers.carried(layers.rnn(2), 3, (2,))
    return attrs.evolve(right, apply=right.train(rng.key(0))._apply)


PAIR = ((2,), (2,))

MUTANTS = [
    Mutant("carried: evaluation moves the state", clinging, (2, 2), "successors", {**SMOOTH, "only": 3}),
    wrong(
        "bidirectional: dx not turned back",
        layers.bidirectional(layers.rnn(2)),
        (3, 2),
        "derivative",
        SMOOTH,
        dx=lambda m: m.dx[:, ::-1],
    ),
    Mutant(
        "recomputed: another sample on the way back",
        lambda: attrs.evolve(
            layers.recomputed(layers.dropout(0.5)),
            train=lambda key: _mixed(layers.dropout(0.5).train(key), layers.dropout(0.5).train(rng.fold_in(key, 1))),
        ),
        (6,),
        "derivative",
        DRAWS,
    ),
    Mutant("scan: the gradient does not go back through time", truncated, ((2,), (3, 2)), "derivative", SMOOTH),
    Mutant("scan: a segment is made again from the first state", restarted, ((2,), (4, 2)), "derivative", SMOOTH),
    Mutant(
        "rnn: gradients of sequences that have ended",
        lambda: pulling(layers.rnn(2), unending),
        SEQUENCE,
        "derivative",
        {"within": {"x[1]": (1, 3)}, "padded": {"x[0]": "x[1]"}},
    ),
    wrong(
        "lstm: dW with the last two gates exchanged",
        layers.lstm(1),
        (3, 2),
        "derivative",
        SMOOTH,
        weight=lambda m: c(m.dparams.weight[:, [0, 1, 3, 2]]),
    ),
    wrong(
        "lstm: dU of the first step only",
        layers.lstm(2),
        (3, 2),
        "derivative",
        SMOOTH,
        recurrent=lambda m: layers.lstm(2)._apply(m.params, m.x[:, :1])[1](m.dy[:, :1], True)[0].recurrent,
    ),
    wrong(
        "gru: the reset gate forgotten in the bias behind it",
        layers.gru(1),
        (3, 2),
        "derivative",
        SMOOTH,
        recurrent_bias=lambda m: m.dparams.bias[2:].copy(),
    ),
    of_sequences("reverse: dx not turned back", layers.reverse(), dxs=lambda m: m.dy),
    of_sequences("reverse: dx turned round beyond the length", layers.reverse(), dxs=lambda m: m.dy[:, ::-1]),
    of_sequences(
        "last: dx at the last step, whatever the length",
        layers.last(),
        dxs=lambda m: np.pad(m.dy[:, None], ((0, 0), (m.x[0].shape[1] - 1, 0), (0, 0))),
    ),
    of_sequences(
        "mean_over: dx divided by all steps",
        layers.mean_over(),
        dxs=lambda m: m.dx[0] * (m.x[1] / m.x[0].shape[1])[:, None, None],
    ),
    wrong(
        "per_step: dparams of the last step only",
        layers.per_step(dense(2)),
        (3, 2),
        "derivative",
        EXACT,
        bias=lambda m: m.dy[:, -1].sum(axis=0),
    ),
    Mutant(
        "embedding: the padding row gets a gradient",
        lambda: _mixed(layers.embedding(3, 2, padding=0), layers.embedding(3, 2)),
        Discrete((4,)),
        "derivative",
        {"within": {"x": (0, 2)}},
    ),
    Mutant(
        "embedding: the last of equal ids wins", overwriting, Discrete((4,)), "derivative", {"within": {"x": (0, 4)}}
    ),
    Mutant(
        "embedding: small numbers overflow",
        lambda: pulling_ids(table(5, 2)),
        Discrete((3,)),
        "discrete",
        {"within": {"x": (0, 4)}},
    ),
    Mutant(
        "mean over time: padding counts",
        lambda: averaged(behind=True),
        SEQUENCE,
        "padding",
        {"within": {"x[1]": (1, 3)}, "padded": {"x[0]": "x[1]"}},
    ),
    Mutant("multiply: factors exchanged", doubled_use, ((3,), (3,)), "derivative"),
    Mutant(
        "embedding: a gradient for whole numbers",
        lambda: pulling(table(5, 2), lambda m: (m.dparams, np.zeros(m.x.shape))),
        Discrete((3,)),
        "shape",
        {"within": {"x": (0, 4)}},
    ),
    wrong("dense: dW has the wrong sign", dense(3), (2,), "derivative", EXACT, weight=lambda m: -m.dparams.weight),
    wrong("dense: dW transposed", dense(3), (3,), "derivative", EXACT, weight=lambda m: c(m.dparams.weight.T)),
    wrong(
        "dense: dx by W instead of its transpose",
        dense(3),
        (3,),
        "derivative",
        EXACT,
        dx=lambda m: m.dy @ m.params.weight,
    ),
    wrong("dense: db dropped", dense(3), (2,), "derivative", EXACT, bias=lambda m: np.zeros_like(m.params.bias)),
    wrong("dense: db of the first example only", dense(3), (2,), "derivative", EXACT, bias=lambda m: m.dy[0].copy()),
    wrong(
        "dense: dW divided by the batch",
        dense(3),
        (2,),
        "derivative",
        EXACT,
        weight=lambda m: m.dparams.weight / len(m.x),
    ),
    Mutant("dense: gradients add up over calls", lambda: accumulating(dense(3)), (2,), "repeatable"),
    wrong(
        "dense: dW laid out transposed in memory",
        dense(3),
        (2,),
        "shape",
        weight=lambda m: np.asfortranarray(m.dparams.weight),
    ),
    Mutant(
        "dense: no dparams when no dx is wanted",
        lambda: rewired(dense(3), lambda forward: lambda params, x: _lazy(forward, params, x)),
        (2,),
        "input_gradient",
    ),
    wrong(
        "dense: db of one example is dy's own memory",
        dense(3),
        (2,),
        "unaliased",
        bias=lambda m: m.dy[0] if len(m.dy) == 1 else m.dparams.bias,
    ),
    wrong("dense: db is the params' own bias", dense(3), (2,), "unaliased", bias=lambda m: m.params.bias),
    Mutant(
        "dense: vjp writes to params",
        lambda: in_place(dense(3), lambda params, x, dy: add_one(params.weight)),
        (2,),
        "pure",
    ),
    Mutant(
        "dense: dparams is a plain tuple",
        lambda: pulling(dense(3), lambda m: (tuple(m.dparams), m.dx)),
        (2,),
        "shape",
    ),
    wrong("dense: db keeps the batch axis", dense(3), (2,), "derivative", bias=lambda m: m.dy),
    wrong("dense: dx is forgotten", dense(3), (2,), "shape", dx=lambda m: None),
    Mutant("dense: weights do not come from the key", drawing_init, (2,), "keys"),
    Mutant("dense: float64 weights", lambda: wide_init(dense(3)), (2,), "dtype"),
    wrong(
        "conv2d: dW with the kernel flipped",
        conv2d(2, 3),
        (1, 4, 4),
        "derivative",
        EXACT,
        weight=lambda m: c(m.dparams.weight[:, :, ::-1, ::-1]),
    ),
    wrong(
        "conv2d: dx with the kernel not flipped",
        conv2d(2, 2),
        (1, 3, 3),
        "derivative",
        EXACT,
        dx=flipped_input_gradient,
    ),
    wrong(
        "conv2d: dW with channels swapped",
        conv2d(2, 2),
        (2, 3, 3),
        "derivative",
        EXACT,
        weight=lambda m: c(m.dparams.weight.swapaxes(0, 1)),
    ),
    wrong(
        "conv2d: dW with rows and columns swapped",
        conv2d(2, 2),
        (1, 3, 3),
        "derivative",
        EXACT,
        weight=lambda m: c(m.dparams.weight.swapaxes(2, 3)),
    ),
    wrong(
        "conv2d: db is a mean over positions",
        conv2d(2, 2),
        (1, 3, 3),
        "derivative",
        EXACT,
        bias=lambda m: m.dy.mean(axis=(2, 3)).sum(axis=0),
    ),
    wrong(
        "conv2d: dx misses the last column",
        conv2d(2, 2),
        (1, 3, 3),
        "derivative",
        EXACT,
        dx=lambda m: m.dx * (np.arange(m.x.shape[3]) < m.x.shape[3] - 1),
    ),
    wrong(
        "conv2d: dW with the groups' outputs mixed",
        conv2d(4, 2, groups=2),
        (2, 3, 3),
        "derivative",
        EXACT,
        weight=lambda m: c(m.dparams.weight[[0, 2, 1, 3]]),
    ),
    wrong(
        "conv2d: dx forgets what the border was taken from",
        conv2d(2, 3, padding=1, padding_mode="reflect"),
        (1, 3, 3),
        "derivative",
        EXACT,
        dx=lambda m: conv2d(2, 3, padding=1)._apply(m.params, m.x)[1](m.dy, True)[1],
    ),
    wrong(
        "conv1d: dx reads with gaps of another dilation",
        layers.conv1d(2, 2, dilation=2),
        (1, 5),
        "derivative",
        EXACT,
        dx=lambda m: layers.conv1d(2, 2, padding=(1, 0))._apply(m.params, m.x[:, :, :-1])[1](
            np.pad(m.dy, ((0, 0), (0, 0), (0, 1))), True
        )[1][:, :, [0, 1, 2, 3, 3]],
    ),
    wrong(
        "conv3d: dW with depth and columns swapped",
        layers.conv3d(1, 2),
        (1, 2, 2, 2),
        "derivative",
        EXACT,
        weight=lambda m: c(m.dparams.weight.swapaxes(2, 4)),
    ),
    wrong(
        "attention: dS without the sum over keys", layers.attention(1), (3, 2), "derivative", SMOOTH, dx=without_the_sum
    ),
    Mutant(
        "attention: the way back sees what is to come",
        lambda: _mixed(layers.attention(2, causal=True), layers.attention(2)),
        (3, 4),
        "derivative",
        SMOOTH,
    ),
    Mutant(
        "attention: the way back does not turn",
        lambda: _mixed(layers.attention(1, rotary=100.0), layers.attention(1)),
        (3, 2),
        "derivative",
        SMOOTH,
    ),
    wrong(
        "attention: dx as of queries only",
        layers.attention(2),
        (3, 4),
        "derivative",
        SMOOTH,
        dx=lambda m: layers.attention(2)._apply(m.params, (m.x, m.x))[1](m.dy, True)[1][0],
    ),
    wrong(
        "attention: dQ without the scale",
        layers.attention(1),
        (3, 4),
        "derivative",
        SMOOTH,
        query=lambda m: tree.map(lambda grad: 2 * grad, m.dparams.query),
    ),
    wrong(
        "attention: a shared key learns from one query head",
        layers.attention(2, key_value_heads=1),
        (3, 4),
        "derivative",
        SMOOTH,
        key=lambda m: tree.map(lambda grad: grad / 2, m.dparams.key),
    ),
    Mutant(
        "attention: the way back ignores the mask",
        lambda: rewired(layers.attention(1), seeing_all),
        ((2, 2), (3, 2), Discrete((2, 3))),
        "derivative",
        {"smooth": True, "within": {"x[2]": bool}},
    ),
    Mutant("attention: dropped one way only", dropped_one_way, (3, 2), "derivative", {"smooth": True, "draws": True}),
    wrong(
        "learned_tokens: dW of the first example only",
        layers.learned_tokens(),
        (2, 3),
        "derivative",
        EXACT,
        weight=lambda m: m.dy[0, :1].copy(),
    ),
    wrong(
        "learned_positions: dW of the first example only",
        layers.learned_positions(),
        (2, 3),
        "derivative",
        EXACT,
        weight=lambda m: m.dy[0].copy(),
    ),
    wrong(
        "conv_transpose2d: dW with inputs and outputs swapped",
        layers.conv_transpose2d(2, 2),
        (2, 2, 2),
        "derivative",
        EXACT,
        weight=lambda m: c(m.dparams.weight.swapaxes(0, 1)),
    ),
    wrong(
        "conv_transpose2d: dx by the mirrored kernel",
        layers.conv_transpose2d(2, 2),
        (1, 3, 3),
        "derivative",
        EXACT,
        dx=lambda m: layers.conv_transpose2d(2, 2)._apply(
            m.params._replace(weight=c(m.params.weight[:, :, ::-1, ::-1])), m.x
        )[1](m.dy, True)[1],
    ),
    wrong(
        "conv_transpose1d: db forgets the output padding",
        layers.conv_transpose1d(2, 1, stride=2, output_padding=1),
        (1, 2),
        "derivative",
        EXACT,
        bias=lambda m: m.dy[:, :, :-1].sum(axis=(0, 2)),
    ),
    wrong(
        "depthwise_conv2d: dW of the channels mixed",
        layers.depthwise_conv2d(2),
        (2, 3, 3),
        "derivative",
        EXACT,
        weight=lambda m: c(m.dparams.weight[::-1]),
    ),
    wrong("max_pool: a tie counts twice", layers.max_pool(2), (1, 4, 4), "ties", dx=all_winners),
    wrong(
        "max_pool: dy goes to the last element",
        layers.max_pool(2),
        (1, 2, 2),
        "derivative",
        EXACT,
        dx=lambda m: m.dx[:, :, ::-1, ::-1],
    ),
    wrong(
        "avg_pool: dx not divided by the window",
        layers.avg_pool(2),
        (1, 4, 4),
        "derivative",
        EXACT,
        dx=lambda m: 4 * m.dx,
    ),
    Mutant(
        "avg_pool: dx counts padding where y does not",
        lambda: _mixed(layers.avg_pool(3, 2, padding=1, count_padding=False), layers.avg_pool(3, 2, padding=1)),
        (1, 4, 4),
        "derivative",
        EXACT,
    ),
    Mutant(
        "avg_pool: dx divided by what a last window reads beyond the padding",
        lambda: _mixed(layers.avg_pool(2, ceil=True), layers.avg_pool(2, padding=((0, 1), (0, 1)))),
        (1, 3, 3),
        "derivative",
        EXACT,
    ),
    Mutant(
        "max_pool: dx of windows without gaps",
        lambda: _mixed(layers.max_pool(2, 1, dilation=2, dims=1), layers.max_pool(2, 2, dims=1)),
        (1, 4),
        "derivative",
        EXACT,
    ),
    wrong(
        "max_unpool: dy as if no place were there twice",
        layers.max_unpool(2, 1, dims=1),
        ((1, 4), Discrete((1, 4))),
        "derivative",
        EXACT | {"within": {"x[1]": (0, 1)}},
        dx=lambda m: (np.take_along_axis(m.dy, m.x[1], axis=2), None),
    ),
    Mutant(
        "max_unpool: of equal places the sum",
        lambda: forwards(layers.max_unpool(2, 1, dims=1), lambda _, x, y: _summed(x, y)),
        ((1, 3), Discrete((1, 3))),
        "derivative",
        EXACT | {"within": {"x[1]": (0, 1)}},
    ),
    wrong("lp_pool: dx without the sign of x", layers.lp_pool(2, 2), (1, 2, 2), "derivative", dx=lambda m: abs(m.dx)),
    wrong(
        "scale_pool: dg forgets to sum the window",
        layers.scale_pool(2),
        (1, 2, 2),
        "derivative",
        EXACT,
        gain=lambda m: m.dparams.gain / 4,
    ),
    wrong(
        "scale_pool: dx without the gain",
        layers.scale_pool(2),
        (1, 2, 2),
        "derivative",
        EXACT,
        dx=lambda m: m.dx / m.params.gain.reshape(-1, 1, 1),
    ),
    Mutant(
        "adaptive_avg_pool: dx of regions that do not overlap",
        lambda: _mixed(layers.adaptive_avg_pool(2), layers.avg_pool(2, 2, padding=(0, 1), dims=1)),
        (1, 3),
        "derivative",
        EXACT,
    ),
    wrong(
        "adaptive_max_pool: the last of an overlap never wins",
        layers.adaptive_max_pool(2),
        (1, 3),
        "derivative",
        EXACT,
        dx=lambda m: m.dx * [1, 0, 1],
    ),
    wrong(
        "global_avg_pool: dx not divided",
        layers.global_avg_pool(),
        (1, 2, 2),
        "derivative",
        EXACT,
        dx=lambda m: 4 * m.dx,
    ),
    wrong(
        "global_max_pool: dy goes to all elements",
        layers.global_max_pool(),
        (1, 2, 2),
        "derivative",
        EXACT,
        dx=lambda m: np.broadcast_to(m.dy[:, :, None, None], m.x.shape).copy(),
    ),
    wrong("relu: no mask", layers.relu(), (4,), "derivative", EXACT, dx=lambda m: m.dy),
    wrong(
        "relu: the mask of the wrong branch", layers.relu(), (4,), "derivative", EXACT, dx=lambda m: m.dy * (m.x <= 0)
    ),
    wrong("relu: mask of dy instead of x", layers.relu(), (4,), "linear", dx=lambda m: m.dy * (m.dy > 0)),
    Mutant("relu: writes to dy", lambda: in_place(layers.relu(), lambda params, x, dy: add_one(dy)), (4,), "pure"),
    Mutant(
        "relu: writes to x",
        lambda: in_place(layers.relu(), lambda params, x, dy: x.flags.writeable and add_one(x)),
        (4,),
        "pure",
    ),
    Mutant("relu: one mask for all calls", scratch_relu, (4,), "repeatable"),
    wrong("leaky_relu: the slope on both sides", layers.leaky_relu(0.1), (4,), "derivative", dx=lambda m: 0.1 * m.dy),
    wrong(
        "sigmoid: y where 1 - y belongs", layers.sigmoid(), (4,), "complex_steps", SMOOTH, dx=lambda m: m.dy * m.y * m.y
    ),
    Mutant(
        "sigmoid: works in float64 inside",
        lambda: forwards(layers.sigmoid(), lambda params, x, y: y * np.float64(1)),
        (4,),
        "dtype",
    ),
    wrong(
        "sigmoid: dx through a float16 table",
        layers.sigmoid(),
        (4,),
        "derivative",
        dx=lambda m: m.dx.astype(np.float16).astype(m.x.dtype),
    ),
    wrong("tanh: 1 - y for 1 - y²", layers.tanh(), (4,), "complex_steps", SMOOTH, dx=lambda m: m.dy * (1 - m.y)),
    Mutant("tanh: uses y up as scratch", lambda: scribbling(layers.tanh()), (4,), "pure"),
    Mutant("tanh: vjp works once", lambda: used_up(layers.tanh()), (4,), "repeatable"),
    wrong("softmax: the sum is missing", layers.softmax(), (4,), "derivative", SMOOTH, dx=lambda m: m.y * m.dy),
    wrong(
        "softmax: the sum runs over the batch",
        layers.softmax(),
        (4,),
        "derivative",
        SMOOTH,
        dx=lambda m: m.y * (m.dy - (m.y * m.dy).sum(axis=0)),
    ),
    wrong("softmax: dx = 0", layers.softmax(), (4,), "derivative", SMOOTH, dx=lambda m: 0 * m.dy),
    Mutant("softmax: normalised over the batch", lambda: _over_batch(), (4,), "split", SMOOTH),
    wrong(
        "log_softmax: dy not summed",
        layers.log_softmax(),
        (4,),
        "derivative",
        SMOOTH,
        dx=lambda m: m.dy - np.exp(m.y) * m.dy,
    ),
    wrong(
        "gelu: the bell left out",
        layers.gelu(),
        (4,),
        "complex_steps",
        SMOOTH,
        dx=lambda m: m.dy * m.y / m.x,
    ),
    Mutant(
        "gelu: derivative of the tanh form",
        lambda: _mixed(layers.gelu(), layers.gelu(approximate="tanh")),
        (4,),
        "derivative",
        SMOOTH,
    ),
    wrong(
        "mish: the gate taken for a constant", layers.mish(), (4,), "derivative", SMOOTH, dx=lambda m: m.dy * m.y / m.x
    ),
    wrong(
        "log_sigmoid: the sigmoid of x, not of -x",
        layers.log_sigmoid(),
        (4,),
        "complex_steps",
        SMOOTH,
        dx=lambda m: m.dy * np.exp(m.y),
    ),
    wrong(
        "celu: the width left out",
        layers.celu(0.5),
        (4,),
        "derivative",
        SMOOTH,
        dx=lambda m: m.dy * np.where(m.x > 0, 1, m.y + 1),
    ),
    wrong(
        "softsign: the square left out",
        layers.softsign(),
        (4,),
        "derivative",
        SMOOTH,
        dx=lambda m: m.dy / (1 + np.abs(m.x)),
    ),
    wrong(
        "tanh_shrink: tanh for its square",
        layers.tanh_shrink(),
        (4,),
        "derivative",
        SMOOTH,
        dx=lambda m: m.dy * np.tanh(m.x),
    ),
    wrong(
        "glu: the gate taken for a constant",
        layers.glu(),
        (4,),
        "derivative",
        SMOOTH,
        dx=lambda m: np.concatenate([m.dx[:, :2], 0 * m.dx[:, 2:]], axis=1),
    ),
    wrong(
        "glu: halves exchanged",
        layers.glu(gate="silu"),
        (4,),
        "derivative",
        SMOOTH,
        dx=lambda m: np.concatenate([m.dx[:, 2:], m.dx[:, :2]], axis=1),
    ),
    wrong("maxout: a tie counts twice", layers.maxout(2), (4,), "ties", dx=tied_pieces),
    wrong("maxout: pieces far apart", layers.maxout(2), (4,), "derivative", EXACT, dx=lambda m: m.dx[:, [0, 2, 1, 3]]),
    Mutant(
        "bilinear: dx exchanged",
        lambda: pulling(layers.bilinear(2), lambda m: (m.dparams, m.dx[::-1])),
        ((3,), (3,)),
        "derivative",
    ),
    Mutant(
        "bilinear: dW with its vectors exchanged",
        lambda: pulling(layers.bilinear(2), grads(weight=lambda m: c(m.dparams.weight.swapaxes(0, 1)))),
        ((3,), (3,)),
        "derivative",
        EXACT,
    ),
    Mutant(
        "cosine_similarity: lengths taken for constants",
        lambda: pulling(layers.cosine_similarity(), lambda m: (m.dparams, lengths_fixed(m))),
        ((3,), (3,)),
        "derivative",
        SMOOTH,
    ),
    Mutant(
        "noisy_dense: the noise left out of dS",
        lambda: trained(layers.noisy_dense(2), grads(weight_sigma=lambda m: m.dparams.weight.copy())),
        (3,),
        "derivative",
        DRAWS,
    ),
    Mutant(
        "noisy_dense: dx by the weights without noise",
        lambda: trained(layers.noisy_dense(2), grads(dx=lambda m: m.dy @ m.params.weight.T)),
        (3,),
        "derivative",
        DRAWS,
    ),
    Mutant(
        "mixture: shares taken for constants",
        lambda: pulling(
            layers.mixture(dense(2), layers.tanh(), gate=dense(2)),
            grads(gate=lambda m: tree.map(np.zeros_like, m.dparams.gate)),
        ),
        (2,),
        "derivative",
        SMOOTH,
    ),
    wrong("softmin: the sign forgotten", layers.softmin(), (4,), "derivative", SMOOTH, dx=lambda m: -m.dx),
    wrong("hard_tanh: the ends pass", layers.hard_tanh(), (4,), "derivative", EXACT, dx=lambda m: m.dy),
    wrong("hard_sigmoid: the slope left out", layers.hard_sigmoid(), (4,), "derivative", EXACT, dx=lambda m: 6 * m.dx),
    wrong(
        "hard_swish: the gate taken for a constant",
        layers.hard_swish(),
        (4,),
        "derivative",
        dx=lambda m: m.dy * m.y / m.x,
    ),
    wrong("soft_shrink: small numbers pass", layers.soft_shrink(1.0), (6,), "derivative", EXACT, dx=lambda m: m.dy),
    wrong(
        "hard_shrink: one side only", layers.hard_shrink(), (4,), "derivative", EXACT, dx=lambda m: m.dy * (m.x > 0.5)
    ),
    wrong(
        "threshold: the mask turned",
        layers.threshold(0.25, 1),
        (4,),
        "derivative",
        EXACT,
        dx=lambda m: m.dy * (m.x <= 0.25),
    ),
    wrong(
        "prelu: dslope not summed over the channel's positions",
        layers.prelu(),
        (2, 3),
        "derivative",
        EXACT,
        slope=lambda m: (m.dy * np.minimum(m.x, 0))[:, :, 0].sum(axis=0),
    ),
    wrong(
        "prelu: dslope of the positive side",
        layers.prelu(),
        (3,),
        "derivative",
        EXACT,
        slope=lambda m: (m.dy * np.maximum(m.x, 0)).sum(axis=0),
    ),
    wrong(
        "prelu: a shared dslope is a mean",
        layers.prelu(shared=True),
        (3,),
        "derivative",
        EXACT,
        slope=lambda m: m.dparams.slope / m.x.size,
    ),
    Mutant(
        "gelu: derivative of the sigmoid form", lambda: _mixed(layers.gelu(), layers.silu()), (4,), "derivative", SMOOTH
    ),
    wrong(
        "flatten: dx in Fortran order",
        layers.flatten(),
        (2, 3, 2),
        "derivative",
        dx=lambda m: m.dy.reshape(m.x.shape, order="F"),
    ),
    Mutant(
        "flatten: promises the wrong length",
        lambda: attrs.evolve(layers.flatten(), shape=lambda shape: (1 + int(np.prod(shape)),)),
        (2, 3),
        "shape",
    ),
    Mutant(
        "reshape: reads memory in its order",
        lambda: forwards(layers.reshape((6,)), lambda params, x, y: x.reshape(len(x), -1, order="A")),
        (2, 3),
        "order",
    ),
    wrong("batch_norm: statistics taken for constants", batch_norm(), (3,), "derivative", BN, dx=without_mean_terms),
    wrong(
        "batch_norm: the variance taken for a constant", batch_norm(), (3,), "derivative", BN, dx=without_variance_term
    ),
    wrong("batch_norm: 1/N missing", batch_norm(), (3,), "derivative", BN, dx=summed_instead_of_mean),
    wrong(
        "layer_norm: the mean taken for a constant", layers.layer_norm(), (4,), "derivative", SMOOTH, dx=without_centre
    ),
    wrong("layer_norm: means without the gain", layers.layer_norm(), (4,), "derivative", SMOOTH, dx=without_gain),
    wrong(
        "layer_norm: dg of what is not yet normalised",
        layers.layer_norm(),
        (4,),
        "derivative",
        SMOOTH,
        gain=lambda m: (m.dy * (m.x - m.x.mean(axis=-1, keepdims=True))).sum(axis=0),
    ),
    wrong("rms_norm: a centre that it has not", layers.rms_norm(), (4,), "derivative", SMOOTH, dx=centred),
    wrong(
        "group_norm: means of channels alone", layers.group_norm(1), (2, 3), "derivative", SMOOTH, dx=of_channels_alone
    ),
    wrong(
        "group_norm: db of the first position only",
        layers.group_norm(1),
        (2, 3),
        "derivative",
        SMOOTH,
        bias=lambda m: m.dy[:, :, 0].sum(axis=0),
    ),
    wrong(
        "local_response_norm: neighbours taken for constants",
        layers.local_response_norm(3, alpha=2.0),
        (4,),
        "derivative",
        SMOOTH,
        dx=lambda m: m.dy * m.y / m.x,
    ),
    wrong(
        "pad: what is outside of a reflection dropped",
        layers.pad((2,), mode="reflect"),
        (1, 4),
        "derivative",
        EXACT,
        dx=lambda m: m.dy[:, :, 2:-2],
    ),
    wrong(
        "crop: dx moved to the other side",
        layers.crop(((1, 2),)),
        (1, 6),
        "derivative",
        EXACT,
        dx=lambda m: c(m.dx[:, :, ::-1]),
    ),
    wrong(
        "upsample: the mean instead of the sum",
        layers.upsample(2),
        (1, 2, 2),
        "derivative",
        EXACT,
        dx=lambda m: m.dx / 4,
    ),
    wrong(
        "upsample: back by the weights of other corners",
        layers.upsample(2, mode="bilinear"),
        (1, 3),
        "derivative",
        EXACT,
        dx=lambda m: layers.upsample(2, mode="bilinear", align_corners=True)._apply((), m.x)[1](m.dy)[1],
    ),
    wrong(
        "pixel_shuffle: places exchanged",
        layers.pixel_shuffle(2),
        (4, 2, 2),
        "derivative",
        EXACT,
        dx=lambda m: m.dx[:, [0, 2, 1, 3]],
    ),
    wrong(
        "weight_norm: the length taken for a constant",
        layers.weight_norm(layers.dense(2, bias=False)),
        (3,),
        "derivative",
        SMOOTH,
        direction=lambda m: m.x.T @ m.dy * m.params.length / np.sqrt((m.params.direction**2).sum(axis=0)),
    ),
    wrong(
        "spectral_norm: its value taken for a constant",
        layers.spectral_norm(layers.dense(2, bias=False)),
        (3,),
        "derivative",
        SMOOTH,
        weight=lambda m: m.x.T @ m.dy / np.linalg.norm(m.params.weight @ m.params.left.array),
    ),
    wrong(
        "tied: the target's share dropped",
        layers.tied(
            layers.serial(layers.dense(2, bias=False), layers.dense(2, bias=False)), "dense_1.weight", "dense_0.weight"
        ),
        (2,),
        "derivative",
        SMOOTH,
        dense_0=lambda m: m.dparams.dense_0._replace(weight=m.x.T @ (m.dy @ m.params.dense_0.weight.T)),
    ),
    wrong(
        "permute: there instead of back",
        layers.permute((2, 3, 1)),
        (3, 3, 3),
        "derivative",
        EXACT,
        dx=lambda m: m.dy.transpose(0, 2, 3, 1),
    ),
    wrong("batch_norm: dx = 0", batch_norm(), (3,), "derivative", BN, dx=lambda m: 0 * m.dx),
    Mutant(
        "batch_norm: the successor depends on dy",
        lambda: pulling(batch_norm(), running(lambda m, name: getattr(m.dparams, name).array + m.dy.sum())),
        (3,),
        "successors",
        BN,
    ),
    Mutant(
        "batch_norm: the successor has another shape",
        lambda: pulling(batch_norm(), running(lambda m, name: getattr(m.dparams, name).array[None])),
        (3,),
        "successors",
        BN,
    ),
    Mutant(
        "batch_norm: the statistics come unmarked",
        lambda: pulling(batch_norm(), grads(mean=lambda m: m.dparams.mean.array)),
        (3,),
        "shape",
        BN,
    ),
    Mutant("batch_norm: evaluation hands out copies", lambda: _copies(), (3,), "successors", BN),
    Mutant(
        "batch_norm: batch statistics in evaluation",
        lambda: attrs.evolve(batch_norm(), apply=batch_norm().train(rng.key(0))._apply),
        (3,),
        "split",
        BN,
    ),
    Mutant(
        "dropout: the mask not scaled on the way back",
        lambda: trained(layers.dropout(0.5), grads(dx=lambda m: m.dx / 2)),
        (6,),
        "derivative",
        DRAWS,
    ),
    Mutant("dropout: another mask on the way back", two_masks, (6,), "derivative", DRAWS),
    Mutant(
        "spatial_dropout: dx of dropped channels too",
        lambda: trained(layers.spatial_dropout(0.5), grads(dx=lambda m: 2 * m.dy)),
        (4, 2),
        "derivative",
        DRAWS,
    ),
    Mutant(
        "alpha_dropout: the factor left out on the way back",
        lambda: trained(layers.alpha_dropout(0.5), grads(dx=lambda m: m.dy * (m.dx != 0))),
        (6,),
        "derivative",
        DRAWS,
    ),
    Mutant(
        "gaussian_noise: dx with the noise in it",
        lambda: trained(layers.gaussian_noise(0.5), grads(dx=lambda m: m.dy * (1 + m.y - m.x))),
        (4,),
        "derivative",
        DRAWS,
    ),
    Mutant(
        "drop_path: dx not scaled",
        lambda: trained(layers.drop_path(0.5), grads(dx=lambda m: m.dx / 2)),
        (3,),
        "derivative",
        DRAWS,
    ),
    Mutant("dropout: random without a key", global_dropout, (6,), "repeatable", DRAWS),
    Mutant("dropout: one mask for every key", keyless_dropout, (6,), "keys", DRAWS),
    Mutant("dropout: training is called otherwise", lambda: after(name="noise"), (6,), "train", DRAWS),
    Mutant(
        "dropout: training promises otherwise", lambda: after(shape=lambda shape: (*shape, 1)), (6,), "train", DRAWS
    ),
    Mutant(
        "dropout: training begins otherwise",
        lambda: after(init=lambda key, shape: (np.ones(1),)),
        (6,),
        "train",
        DRAWS,
    ),
    Mutant(
        "gaussian_sample: dv without the half",
        lambda: trained(layers.gaussian_sample(), grads(dx=lambda m: (m.dx[0], 2 * m.dx[1]))),
        ((3,), (3,)),
        "derivative",
        DRAWS,
    ),
    wrong(
        "take: of a place taken twice the last gradient only",
        layers.take([0, 0]),
        (2,),
        "derivative",
        EXACT,
        dx=lambda m: np.stack([m.dy[:, 1], 0 * m.dy[:, 1]], axis=1),
    ),
    Mutant("dropout: trained again, drawn again", resampling, (6,), "train", DRAWS),
    wrong(
        "residual: the shortcut's gradient dropped",
        layers.residual(dense(3)),
        (3,),
        "derivative",
        EXACT,
        dx=lambda m: m.dx - m.dy,
    ),
    Mutant("parallel: slices of dy swapped", lambda: _swapped(), (3,), "derivative", EXACT),
    Mutant("serial: dy not pulled through the last child", lambda: _short(), (3,), "derivative", SMOOTH),
    wrong("frozen: its leaves get gradients", layers.frozen(dense(2)), (3,), "shape", weight=lambda m: m.x.T @ m.dy),
    Mutant(
        "identity: one example only",
        lambda: forwards(layers.identity(), lambda params, x, y: x if len(x) > 1 else x[0]),
        (3,),
        "batch_of_one",
    ),
    # What is made of others, or is one of a family: a mistake for each, as each has a vjp of its own.
    wrong("add: the last part gets half", layers.add(), PAIR, "derivative", EXACT, dx=lambda m: (m.dx[0], m.dx[1] / 2)),
    wrong("concatenate: parts in reverse", layers.concatenate(), PAIR, "derivative", EXACT, dx=lambda m: m.dx[::-1]),
    wrong("stack: parts in reverse", layers.stack(), PAIR, "derivative", EXACT, dx=lambda m: m.dx[::-1]),
    wrong("select: all parts get it", layers.select(1), PAIR, "derivative", EXACT, dx=lambda m: (m.dx[1], m.dx[1])),
    wrong(
        "beside: gradients of the neighbour",
        layers.beside(layers.dense(2), layers.tanh()),
        PAIR,
        "derivative",
        SMOOTH,
        dx=lambda m: m.dx[::-1],
    ),
    wrong(
        "graph: what is read twice gets one gradient",
        layers.graph(lambda net, x: net.sum(x, net.act(x)), sum=layers.add(), act=layers.tanh()),
        (3,),
        "derivative",
        SMOOTH,
        dx=lambda m: m.dx - m.dy,
    ),
    wrong(
        "named: dx of a bias",
        layers.named("other", layers.dense(2)),
        (2,),
        "derivative",
        EXACT,
        dx=lambda m: m.dx + m.dy,
    ),
    wrong("transpose: dy as it is", layers.transpose(), (2, 2), "derivative", EXACT, dx=lambda m: m.dy),
    wrong(
        "pixel_unshuffle: rows in reverse",
        layers.pixel_unshuffle(2),
        (1, 2, 2),
        "derivative",
        EXACT,
        dx=lambda m: m.dx[:, :, ::-1],
    ),
    wrong(
        "sinusoidal_positions: waves in dx",
        layers.sinusoidal_positions(),
        (2, 4),
        "linear",
        SMOOTH,
        dx=lambda m: m.dx + m.y - m.x,
    ),
    wrong(
        "conv_transpose3d: dx of a kernel in reverse",
        layers.conv_transpose3d(1, (1, 1, 2)),
        (1, 1, 1, 2),
        "derivative",
        EXACT,
        dx=lambda m: m.dx[..., ::-1],
    ),
    wrong(
        "separable_conv2d: dW of the depthwise part without the pointwise one",
        layers.separable_conv2d(2, 2),
        (2, 3, 3),
        "derivative",
        SMOOTH,
        depthwise=lambda m: m.dparams.depthwise._replace(weight=2 * m.dparams.depthwise.weight),
    ),
    wrong("instance_norm: dx of no mean", layers.instance_norm(), (2, 4), "derivative", SMOOTH, dx=lambda m: m.dy),
    wrong(
        "elu: the slope below 0 without α",
        layers.elu(0.5),
        (4,),
        "derivative",
        dx=lambda m: np.where(m.x > 0, m.dx, 2 * m.dx),
    ),
    wrong("selu: without its scale", layers.selu(), (4,), "derivative", dx=lambda m: m.dx / 1.0507),
    wrong("silu: dx of the sigmoid alone", layers.silu(), (4,), "derivative", SMOOTH, dx=lambda m: m.dy * m.y / m.x),
    wrong("softplus: dx of a rectifier", layers.softplus(), (4,), "derivative", SMOOTH, dx=lambda m: m.dy * (m.x > 0)),
    wrong(
        "relu6: no end above",
        layers.relu6(),
        (4,),
        "derivative",
        EXACT | {"domain": (-3, 9)},
        dx=lambda m: m.dy * (m.x > 0),
    ),
    wrong(
        "rnn_cell: nothing goes back to the state",
        layers.rnn_cell(2),
        PAIR,
        "derivative",
        SMOOTH,
        dx=lambda m: (0 * m.dx[0], m.dx[1]),
    ),
    wrong(
        "lstm_cell: nothing goes back to c",
        layers.lstm_cell(2),
        (PAIR, (3,)),
        "derivative",
        SMOOTH,
        dx=lambda m: ((m.dx[0][0], 0 * m.dx[0][1]), m.dx[1]),
    ),
    wrong(
        "gru_cell: dh without what z keeps",
        layers.gru_cell(2),
        PAIR,
        "derivative",
        SMOOTH,
        dx=lambda m: (m.dx[0] - m.dy[0] / 2, m.dx[1]),
    ),
    wrong(
        "transformer_encoder_layer: dx without the way past",
        layers.transformer_encoder_layer(2, 1, hidden=2, activation=layers.tanh()),
        (3, 2),
        "derivative",
        SMOOTH,
        dx=lambda m: m.dx - m.dy,
    ),
    wrong(
        "transformer_decoder_layer: nothing goes back to the memory",
        layers.transformer_decoder_layer(2, 1, hidden=2, activation=layers.tanh()),
        ((2, 2), (3, 2)),
        "derivative",
        SMOOTH,
        dx=lambda m: (m.dx[0], 0 * m.dx[1]),
    ),
    wrong(
        "reparametrized: dW of the weights that are made",
        positive(),
        (3,),
        "derivative",
        SMOOTH,
        weight=lambda m: m.dparams.weight / np.exp(m.params.weight),
    ),
]


def _lazy(forward: Callable[..., Any], params: Params, x: Array) -> tuple[Array, Any]:
    y, vjp = forward(params, x)
    return y, lambda dy, input_gradient=True: vjp(dy) if input_gradient else (tree.map(np.zeros_like, params), None)


def _summed(x: Any, y: Array) -> Array:
    """The values of signals at their places, added where places are equal."""
    found = np.zeros_like(y)
    for n, c in np.ndindex(*y.shape[:2]):
        np.add.at(found[n, c], x[1][n, c].astype(int), x[0][n, c])
    return found


def _mixed(value: Layer, derivative: Layer) -> Layer:
    """The value of one layer with the vjp of another."""
    return attrs.evolve(value, apply=lambda p, x: (value._apply(p, x)[0], derivative._apply(p, x)[1]))


def _over_batch() -> Layer:
    right = layers.softmax()

    def forward(params: Params, x: Array) -> tuple[Array, Any]:
        y, vjp = right._apply(params, x.T)
        return y.T, lambda dy, input_gradient=True: ((), vjp(dy.T)[1].T)

    return attrs.evolve(right, apply=forward)


def _copies() -> Layer:
    right = batch_norm()

    def forward(params: Params, x: Array) -> tuple[Array, Any]:
        y, vjp = right._apply(params, x)

        def copying(dy: Array, input_gradient: bool = True) -> Any:
            dparams, dx = vjp(dy, input_gradient)
            return dparams._replace(mean=tree.Running(params.mean.array.copy())), dx

        return y, copying

    return attrs.evolve(right, apply=forward)


def trained(layer: Layer, f: Callable[[Call], tuple[Params, Any]]) -> Layer:
    """The mistake in training only."""
    wrong = pulling(layer, f)
    return attrs.evolve(layer, train=wrong._train)


def _swapped() -> Layer:
    right = layers.parallel(dense(2), dense(2), combine="concatenate")

    def forward(params: Params, x: Array) -> tuple[Array, Any]:
        y, vjp = right._apply(params, x)
        return y, lambda dy, input_gradient=True: vjp(np.concatenate([dy[:, 2:], dy[:, :2]], axis=1), input_gradient)

    return attrs.evolve(right, apply=forward)


def _short() -> Layer:
    right = layers.serial(dense(3), layers.tanh())

    def forward(params: Params, x: Array) -> tuple[Array, Any]:
        y, _ = right._apply(params, x)
        _, vjp = dense(3)._apply(params.dense_0, x)

        def short(dy: Array, input_gradient: bool = True) -> Any:
            own, dx = vjp(dy, input_gradient)
            return params._replace(dense_0=own), dx

        return y, short

    return attrs.evolve(right, apply=forward)
