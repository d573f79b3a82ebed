"""Recurrent nets that say which character comes next."""

from collections.abc import Callable

from fnnet import layers
from fnnet.types import Layer


def character_lstm(vocabulary: int, *, features: int = 128, depth: int = 2, dropout: float = 0.0) -> Layer:
    """Scores of the next character at every step, by LSTMs: ids (T,) to (T, vocabulary).

    Args:
        vocabulary: how many characters.
        features: of each character and in every state.
        depth: LSTMs, one behind the other.
        dropout: behind each of them, in training.

    Source: Graves 2013, "Generating sequences with recurrent neural networks", section 2; one behind the other, without
    detours.

    >>> from fnnet.types import Discrete
    >>> character_lstm(30, features=8).shape(Discrete((5,)))
    (5, 30)
    """
    return _characters(layers.lstm, vocabulary, features, depth, dropout)


def character_gru(vocabulary: int, *, features: int = 128, depth: int = 2, dropout: float = 0.0) -> Layer:
    """The same of GRUs, see `character_lstm`.

    >>> from fnnet.types import Discrete
    >>> character_gru(30, features=8, depth=1).shape(Discrete((5,)))
    (5, 30)
    """
    return _characters(layers.gru, vocabulary, features, depth, dropout)


def _characters(core: Callable[[int], Layer], vocabulary: int, features: int, depth: int, dropout: float) -> Layer:
    return layers.serial(
        layers.embedding(vocabulary, features),
        *(core(features), layers.dropout(dropout)) * depth,
        layers.per_step(layers.dense(vocabulary)),
    )
