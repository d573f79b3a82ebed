"""A character model: what stands next in Python's own documentation, said by an LSTM, a GRU or a small transformer."""

import platform
from importlib import import_module
from typing import Literal

import attrs
import numpy as np

from fnnet import losses, optim, zoo
from fnnet.data import batch_count
from fnnet.errors import ConfigError, MissingDataError, expected
from fnnet.runs import kinds, made
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.settings import ScheduleName, Settings, at_least, optimizer, positive
from fnnet.types import Array, Layer

HELD_OUT = 10  # one of so many parts of the text is tested on, the last
HEADS = 4  # of a transformer's attention
LONGEST = 1.0  # gradients are shortened to this length

VOCABULARY = "\n" + "".join(map(chr, range(32, 127)))  # what ASCII prints; anything else is read as a question mark
_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})
_CODES = np.full(128, VOCABULARY.index("?"))
_CODES[[ord(c) for c in VOCABULARY]] = range(len(VOCABULARY))


def documentation() -> str:
    """The topics of Python's `help()`, one after the other by name, no paragraph twice.

    They come with the standard library, some of them as parts of others: without that care a text that is held back
    would have been read before.

    Raises:
        MissingDataError: this Python came without them.
    """
    try:
        topics: dict[str, str] = import_module("pydoc_data.topics").topics
    except ModuleNotFoundError:
        raise MissingDataError(expected("pydoc_data.topics", "a part of the standard library", "none")) from None
    paragraphs = (paragraph.strip("\n") for name in sorted(topics) for paragraph in topics[name].split("\n\n"))
    return "\n\n".join(dict.fromkeys(paragraph for paragraph in paragraphs if paragraph.strip())) + "\n"


def encode(text: str) -> Array:
    r"""The place in `VOCABULARY` of every character, typographic quotes and dashes written plainly.

    >>> decode(encode("“x”: a line\n"))
    '"x": a line\n'
    """
    raw = np.frombuffer(text.translate(_PLAIN).encode("ascii", "replace"), np.uint8)
    return _CODES[raw]


def decode(ids: Array) -> str:
    """The text of ids (T,)."""
    return "".join(VOCABULARY[i] for i in ids)


def windows(ids: Array, steps: int) -> tuple[Array, Array]:
    """Ids (T,) in pieces of so many steps, side by side, and the id after each of them: both (N, steps).

    >>> x, target = windows(np.arange(8), 3)
    >>> x.tolist(), target.tolist()
    ([[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]])
    """
    n = (len(ids) - 1) // steps
    return ids[: n * steps].reshape(n, steps), ids[1 : n * steps + 1].reshape(n, steps)


@attrs.frozen
class Config(Settings):
    """A net that reads characters and says at every one which comes next."""

    epochs: int = attrs.field(default=15, validator=at_least(1))
    """Times every piece of the text is seen; with patience, at most."""
    batch_size: int = attrs.field(default=32, validator=at_least(1))
    """Pieces in a step; the last batch of an epoch may be short."""
    learning_rate: float = attrs.field(default=0.005, validator=positive)
    """The highest learning rate of the schedule."""
    schedule: ScheduleName = "one_cycle"
    """How the learning rate changes over the run, from step to step."""
    kind: Literal["lstm", "gru", "gpt"] = "lstm"
    """Long short-term memory, gated recurrent units, or a small transformer."""
    steps: int = attrs.field(default=128, validator=at_least(1))
    """Characters in a piece, which is all that is known of the text before a character."""
    features: int = attrs.field(default=128, validator=at_least(1))
    """Numbers at every step, and in every state of a recurrent net."""
    depth: int = attrs.field(default=1, validator=at_least(1))
    """Layers, one behind the other."""


def net(config: Config) -> Layer:
    """Ids (T,) to scores of the next one, (T, 96)."""
    count, features, depth = len(VOCABULARY), config.features, config.depth
    if config.kind == "gpt":
        return zoo.gpt(count, config.steps, features=features, heads=HEADS, depth=depth, dropout=0.0)
    recurrent = zoo.character_lstm if config.kind == "lstm" else zoo.character_gru
    return recurrent(count, features=features, depth=depth)


def problem(config: Config, data: str | None, source: str | None = None) -> Problem:
    """The net, and the documentation of this Python in pieces side by side, the last of them held out.

    Raises:
        ConfigError: there is less text than is asked for.
        MissingDataError: this Python came without its documentation.
    """
    x, target = windows(encode(documentation()), config.steps)
    n = len(x) - len(x) // HELD_OUT
    taken = config.train_examples or n
    if taken > n:
        raise ConfigError(expected("train_examples", f"at most the {n:,} pieces there are", f"{taken:,}"))
    own = made.parts((x[:taken], target[:taken]), (x[n:], target[n:]), config.validation_examples)
    steps = config.epochs * batch_count(len(own["train"][0]), config.batch_size)
    return Problem(
        net=net(config),
        loss=losses.per_step(losses.softmax_cross_entropy),
        optimizer=optim.chain(optim.clip_by_global_norm(LONGEST), optimizer(config, steps)),
        classes=tuple(VOCABULARY),
        source="Python's documentation",
        note=f"{x.size:,} characters of the documentation that comes with Python {platform.python_version()}",
        loss_words="cross-entropy, nats per character",
        **own,
    )


EXPERIMENT = Experiment("characters", Config, net, problem, kinds.text())
