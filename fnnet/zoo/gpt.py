"""GPT: a transformer that says what comes next."""

from fnnet import initializers, layers
from fnnet.types import Layer


def gpt(
    vocabulary: int = 50257,
    context: int = 1024,
    *,
    features: int = 768,
    heads: int = 12,
    depth: int = 12,
    dropout: float = 0.1,
) -> Layer:
    """Scores of the next token at every step: ids (T,) to (T, vocabulary), T up to `context`.

    The sizes by default are those of GPT-2's smallest: 124,439,808 parameters, with the table of words also giving the
    scores. Give much smaller ones to train it.

    Args:
        vocabulary: how many tokens.
        context: the most steps.
        features: at every step.
        heads: of attention, which divide features.
        depth: transformer layers.
        dropout: behind the positions and in every layer, in training.

    Source: Radford et al. 2019, "Language models are unsupervised multitask learners", section 2.3.

    >>> from fnnet.types import Discrete
    >>> gpt(10, 8, features=12, heads=3, depth=2).shape(Discrete((8,)))
    (8, 10)
    """
    init = initializers.normal(0.02)
    block = layers.transformer_encoder_layer(
        features, heads, causal=True, activation=layers.gelu(approximate="tanh"), dropout=dropout, init=init
    )
    net = layers.serial(
        layers.embedding(vocabulary, features, init=init),
        layers.learned_positions(context),
        layers.dropout(dropout),
        *[block] * depth,
        layers.layer_norm(),
        layers.per_step(layers.dense(vocabulary, bias=False)),
    )
    return layers.tied(net, "per_step_0.weight", "embedding_0.weight", transpose=True)
