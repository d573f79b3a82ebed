"""Layers of a transformer, composed of others: attention and two dense layers at every step, each with a detour."""

from collections.abc import Callable
from typing import Any

from fnnet.arguments import flag, one_of, shown, whole
from fnnet.errors import ConfigError, expected
from fnnet.initializers import Initializer, xavier_uniform
from fnnet.layers.activations import relu
from fnnet.layers.add import add
from fnnet.layers.attention import attention
from fnnet.layers.dense import dense
from fnnet.layers.dropout import dropout as dropping
from fnnet.layers.graph import graph
from fnnet.layers.layer_norm import layer_norm
from fnnet.layers.per_step import per_step
from fnnet.layers.serial import serial
from fnnet.recipe import factory
from fnnet.types import Layer

NORMS = ("pre", "post")


@factory
def transformer_encoder_layer(
    features: int,
    heads: int,
    *,
    hidden: int | None = None,
    norm: str = "pre",
    activation: Layer = relu(),
    dropout: float = 0.0,
    eps: float = 1e-5,
    masked: bool = False,
    causal: bool = False,
    key_value_heads: int | None = None,
    rotary: float | None = None,
    block: int | None = None,
    init: Initializer = xavier_uniform(),
) -> Layer:
    """Self-attention, then two dense layers at every step; each is added to what came in.

        pre:   h = x + attention(norm_0(x)),   y = h + feed_forward(norm_1(h))
        post:  h = norm_0(x + attention(x)),   y = norm_1(h + feed_forward(h))

        feed_forward(h) = dense_1(activation(dense_0(h)))

    It is a `graph` of layers, and its derivative theirs: params have the fields `attention`, `norm_0`, `norm_1`,
    `feed_forward`. It reads x, or with `masked` (x, mask), see `attention`. With "pre", put a `layer_norm` behind the
    last one.

    Args:
        features: D of x.
        heads: of attention; they divide D.
        hidden: features between the dense layers, 4 D by default.
        norm: "pre", before attention and dense layers, or "post", behind the sums, as in the first paper.
        activation: between the dense layers.
        dropout: in training, the fraction dropped of attention's weights, behind attention, behind the activation and
            behind the dense layers.
        eps: of the norms.
        masked: whether it reads a mask.
        causal: see `attention`, as the rest.
        key_value_heads: of attention.
        rotary: of attention.
        block: of attention.
        init: initializer of all weights.

    Shapes: x (N, T, D), mask (N, T, T) or (N, T), y (N, T, D).

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: x has other features, or see `attention`.

    Source: Vaswani et al. 2017, "Attention is all you need", section 3.1; before: Xiong et al. 2020, "On layer
    normalization in the transformer architecture". PyTorch's `TransformerEncoderLayer(batch_first=True)` with
    `norm_first` for "pre", 2048 hidden features and dropout 0.1 by default.

    >>> from fnnet import layers, rng
    >>> net = layers.serial(layers.embedding(50, 8), layers.transformer_encoder_layer(8, 2, causal=True))
    >>> from fnnet.types import Discrete
    >>> net.shape(Discrete((5,)))
    (5, 8)
    >>> [name for name, _ in net[1]]
    ['norm_0', 'attention', 'norm_1', 'feed_forward', 'dropout', 'add']
    """
    before = _before(norm)

    def wire(net: Any, x: Any, *mask: Any) -> Any:
        def attended(h: Any) -> Any:
            return net.attention(h, h, *mask) if mask else net.attention(h)

        h = _detour(net, x, net.norm_0, attended, before)
        return _detour(net, h, net.norm_1, net.feed_forward, before)

    return graph(
        (lambda net, x, mask: wire(net, x, mask)) if flag("masked", masked) else (lambda net, x: wire(net, x)),
        norm_0=layer_norm(eps=eps),
        attention=attention(
            heads,
            key_value_heads=key_value_heads,
            causal=causal,
            rotary=rotary,
            dropout=dropout,
            block=block,
            init=init,
        ),
        norm_1=layer_norm(eps=eps),
        feed_forward=_feed_forward(features, hidden, activation, dropout, init),
        dropout=dropping(dropout),
        add=add(),
    )


@factory
def transformer_decoder_layer(
    features: int,
    heads: int,
    *,
    hidden: int | None = None,
    norm: str = "pre",
    activation: Layer = relu(),
    dropout: float = 0.0,
    eps: float = 1e-5,
    masked: bool = False,
    key_value_heads: int | None = None,
    rotary: float | None = None,
    block: int | None = None,
    init: Initializer = xavier_uniform(),
) -> Layer:
    """Causal self-attention, attention to a memory, then two dense layers at every step, each added to what came in.

        pre:   h = x + attention(norm_0(x)),   g = h + cross(norm_1(h), memory),   y = g + feed_forward(norm_2(g))
        post:  h = norm_0(x + attention(x)),   g = norm_1(h + cross(h, memory)),   y = norm_2(g + feed_forward(g))

        feed_forward(g) = dense_1(activation(dense_0(g)))

    It is a `graph` of layers, and its derivative theirs: params have the fields `attention`, `cross`, `norm_0` to
    `norm_2`, `feed_forward`. It reads (x, memory), or with `masked` (x, memory, mask), where the mask says what may be
    looked at in the memory. What is to come in x is never seen.

    Args:
        features: D of x.
        heads: of both attentions; they divide D.
        hidden: features between the dense layers, 4 D by default.
        norm: "pre", before attention and dense layers, or "post", behind the sums, as in the first paper.
        activation: between the dense layers.
        dropout: in training, the fraction dropped of attention's weights, behind attention, behind the activation and
            behind the dense layers.
        eps: of the norms.
        masked: whether it reads a mask.
        key_value_heads: of both attentions, see `attention`, as the rest.
        rotary: of self-attention; places in the memory are not turned.
        block: of both attentions.
        init: initializer of all weights.

    Shapes: x (N, T, D), memory (N, S, M), mask (N, T, S) or (N, S), y (N, T, D).

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: x has other features, or see `attention`.

    Source: as `transformer_encoder_layer`. PyTorch's `TransformerDecoderLayer`, given a causal mask.

    >>> from fnnet import layers
    >>> layers.transformer_decoder_layer(8, 2).shape(((5, 8), (7, 6)))
    (5, 8)
    """
    before = _before(norm)

    def wire(net: Any, x: Any, *memory: Any) -> Any:
        h = _detour(net, x, net.norm_0, net.attention, before)
        g = _detour(net, h, net.norm_1, lambda query: net.cross(query, *memory), before)
        return _detour(net, g, net.norm_2, net.feed_forward, before)

    own = {"key_value_heads": key_value_heads, "dropout": dropout, "block": block, "init": init}
    return graph(
        (lambda net, x, memory, mask: wire(net, x, memory, mask))
        if flag("masked", masked)
        else (lambda net, x, memory: wire(net, x, memory)),
        norm_0=layer_norm(eps=eps),
        attention=attention(heads, causal=True, rotary=rotary, **own),  # type: ignore[arg-type]
        norm_1=layer_norm(eps=eps),
        cross=attention(heads, **own),  # type: ignore[arg-type]
        norm_2=layer_norm(eps=eps),
        feed_forward=_feed_forward(features, hidden, activation, dropout, init),
        dropout=dropping(dropout),
        add=add(),
    )


def _before(norm: object) -> bool:
    """Whether norms stand before what they are for."""
    if not isinstance(norm, str) or norm not in NORMS:
        raise ConfigError(expected("norm", one_of(NORMS), shown(norm)))
    return norm == "pre"


def _detour(net: Any, x: Any, norm: Callable[[Any], Any], body: Callable[[Any], Any], before: bool) -> Any:
    """x plus what a body makes of it, normed before the body or behind the sum."""
    if before:
        return net.add(x, net.dropout(body(norm(x))))
    return norm(net.add(x, net.dropout(body(x))))


def _feed_forward(features: int, hidden: int | None, activation: Layer, dropout: float, init: Initializer) -> Layer:
    """Two dense layers at every step."""
    features = whole("features", features, 1)
    inside = 4 * features if hidden is None else whole("hidden", hidden, 1)
    return per_step(serial(dense(inside, init=init), activation, dropping(dropout), dense(features, init=init)))
