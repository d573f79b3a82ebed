"""Text: a net that foretells the next character, and so writes on."""

import math
from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from fnnet import losses, rng
from fnnet.arguments import real, whole
from fnnet.arrays import Discrete
from fnnet.errors import ConfigError, expected
from fnnet.generate import draw_ids
from fnnet.runs.answers import Answers, Look, Section
from fnnet.runs.measure import Measure
from fnnet.runs.trained import Trained
from fnnet.types import Array, Layer, Params, Shapes

LETTERS = 300  # of a sample on a page


def bits_per_character(predictions: Array, target: Array) -> float:
    """The mean of -log₂ p of what comes next: predictions (N, T, K) logits, target (N, T) ids.

    >>> round(bits_per_character(np.zeros((1, 3, 4), np.float32), np.array([[0, 1, 3]])), 6)
    2.0
    """
    return float(losses.per_step(losses.softmax_cross_entropy)(predictions, target)[0]) / math.log(2)


BITS = Measure("bits_per_character", bits_per_character, digits=3)


@attrs.frozen
class Options:
    """How `predict` writes on."""

    letters: int = attrs.field(default=200, validator=lambda _, at, value: whole(at.name, value, 1))
    """Characters to write."""
    temperature: float = attrs.field(default=0.7, validator=lambda _, at, value: real(at.name, value, 0))
    """Below 1 likely characters become likelier; at 0 the likeliest is taken."""
    seed: int = attrs.field(default=0, validator=lambda _, at, value: whole(at.name, value, 0))
    """Of the draw."""


def text() -> Answers:
    """Of nets ids (T,) ↦ logits (T, characters), on targets that are the ids one place on.

    Measured are bits a character. `Problem.classes` are the characters. A page shows what the net writes; `predict`
    goes on from a beginning. The net is given the last T ids at most, T being that of the training examples.
    """
    return Answers((BITS,), _read, _say, "the beginning of a text", _sections, options=Options)


def _read(word: str, settings: object, shape: Shapes, classes: Sequence[str]) -> tuple[Array, list[str]]:
    """Ids of a beginning.

    Raises:
        ConfigError: it is empty, or has a character that the net has never seen.
    """
    known = {character: i for i, character in enumerate(classes)}
    strange = sorted(set(word) - known.keys())
    if not word or strange:
        got = f"also {' '.join(map(repr, strange[:5]))}" if strange else "none"
        raise ConfigError(expected(repr(word), f"characters that the net has seen ({len(known)} there are)", got))
    return np.array([known[character] for character in word], np.int64), []


def _say(trained: Trained, word: str, ids: Array, options: Options) -> str:
    key = rng.key(options.seed)
    more = write_on(trained.net, trained.params, _window(trained.shape), ids, options.letters, key, options.temperature)
    return f"{word}{''.join(trained.classes[i] for i in more)}"


def _window(shape: Shapes) -> int:
    """T of the training examples."""
    if not isinstance(shape, Discrete) or len(shape.shape) != 1:
        raise ConfigError(expected("the net's input", "ids (T,), as for text", shape))
    return shape.shape[0]


def write_on(
    net: Layer, params: Params, window: int, ids: Array, letters: int, key: rng.Key, temperature: float
) -> list[int]:
    """What comes behind ids: each drawn from what the net foretells of the last `window` of them."""
    written = ids.tolist()
    for i in range(letters):
        logits, _ = net.apply(params, np.array([written[-window:]]))
        written.append(int(draw_ids(logits[:, -1], rng.fold_in(key, i), temperature=temperature)[0]))
    return written[len(ids) :]


def _sections(look: Look) -> Iterator[Section]:
    problem, key = look.problem, rng.fold_in(rng.key(look.settings.seed), "samples")
    begin = problem.test[0][0][:1]
    paragraphs = ["What the net writes by itself, the freer the higher the temperature."]
    for temperature in (0.3, 0.7, 1.0):
        more = write_on(problem.net, look.params, _window(problem.shape), begin, LETTERS, key, temperature)
        written = "".join(problem.classes[i] for i in more)
        paragraphs += [f"At {temperature:g}:", f"````text\n{written}\n````"]  # a fence, which keeps what is blank
    yield Section("What it writes", paragraphs)
