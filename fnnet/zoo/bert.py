"""BERT: a transformer that reads a whole text at once."""

from typing import Any

from fnnet import initializers, layers
from fnnet.types import Layer


def bert(
    vocabulary: int = 30522,
    context: int = 512,
    *,
    features: int = 768,
    heads: int = 12,
    depth: int = 12,
    dropout: float = 0.1,
) -> Layer:
    """Features of every token, and of the whole text by its first token.

    It reads (ids, segments, mask), each (N, T): the tokens; 0 or 1 for the first or the second text; booleans, True
    where there is a token and no padding. It gives ((N, T, features), (N, features)). The sizes by default are those
    of BERT-base: 109,482,240 parameters.

    Args:
        vocabulary: how many tokens.
        context: the most steps.
        features: at every step.
        heads: of attention, which divide features.
        depth: transformer layers, with norms behind the sums.
        dropout: behind the first norm and in every layer, in training.

    Source: Devlin et al. 2019, "BERT: pre-training of deep bidirectional transformers for language understanding",
    section 3; ε = 1e-12 in its norms, which float32 cannot tell from 0, so 1e-5 here.

    >>> from fnnet.types import Discrete
    >>> ids = Discrete((8,))
    >>> bert(10, 8, features=12, heads=3, depth=2).shape((ids, ids, ids))
    ((8, 12), (12,))
    """
    init = initializers.normal(0.02)
    block = layers.transformer_encoder_layer(
        features, heads, norm="post", activation=layers.gelu(), dropout=dropout, masked=True, init=init
    )
    blocks = {f"block_{i}": block for i in range(depth)}

    def wire(net: Any, ids: Any, segments: Any, mask: Any) -> tuple[Any, Any]:
        x = net.begin(net.add(net.words(ids), net.segments(segments)))
        for name in blocks:
            x = getattr(net, name)(x, mask)
        return x, net.pooled(x)

    return layers.graph(
        wire,
        words=layers.embedding(vocabulary, features, init=init),
        segments=layers.embedding(2, features, init=init),
        add=layers.add(),
        begin=layers.serial(layers.learned_positions(context), layers.layer_norm(), layers.dropout(dropout)),
        **blocks,
        pooled=layers.serial(layers.take([0]), layers.flatten(), layers.dense(features, init=init), layers.tanh()),
    )
