"""Adding numbers: a small transformer that writes the sum, digit by digit."""

from collections.abc import Iterator

import attrs
import numpy as np

from fnnet import losses, rng, training, zoo
from fnnet.arguments import whole
from fnnet.data import batch_count
from fnnet.errors import ConfigError, expected
from fnnet.runs import made
from fnnet.runs.answers import Answers, Look, NoOptions, Section
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.kinds.text import write_on
from fnnet.runs.markdown import table
from fnnet.runs.measure import Measure
from fnnet.runs.settings import OptimizerName, ScheduleName, Settings, at_least, optimizer, positive
from fnnet.runs.trained import Trained
from fnnet.types import Array, Layer, Shapes

_KEY = rng.fold_in(rng.key(0), "addition")  # the pairs are the same whatever the seed of the run
MOST = 3  # digits of a number
SHOWN = 10  # sums on a page
PLUS, EQUALS = 10, 11  # the ids behind those of the ten digits
WORDS = "0123456789+="
UNASKED = -1  # the target where the next character is part of the question


def pairs(key: rng.Key, digits: int, count: int) -> Array:
    """So many different pairs of numbers below 10^digits, (count, 2), in random order.

    >>> pairs(rng.key(0), 1, 100).tolist()[:2]
    [[0, 0], [7, 2]]
    """
    of_each = 10**digits
    chosen = rng.permutation(key, of_each**2)[:count]
    return np.stack([chosen // of_each, chosen % of_each], axis=1)


def written(numbers: Array, width: int, reverse: bool = False) -> Array:
    """The digits of numbers (N,), each as wide, (N, width); with `reverse` the ones come first.

    >>> written(np.array([7, 120]), 3).tolist(), written(np.array([7, 120]), 3, reverse=True).tolist()
    ([[0, 0, 7], [1, 2, 0]], [[7, 0, 0], [0, 2, 1]])
    """
    powers = 10 ** np.arange(width)
    return numbers[:, None] // (powers if reverse else powers[::-1]) % 10


def numbers(digits: Array) -> Array:
    """The numbers whose digits are written (N, width), the ones last.

    >>> numbers(np.array([[0, 0, 7], [1, 2, 0]])).tolist()
    [7, 120]
    """
    return digits @ 10 ** np.arange(digits.shape[1])[::-1]


def sums(asked: Array, digits: int, reverse: bool = True) -> tuple[Array, Array]:
    """Pairs (N, 2) as texts such as 123+456=9750: what is read, and what is to be written next at every step.

    Returns:
        ids (N, 3·digits + 2) and targets of the same shape, `UNASKED` as long as the question goes on.

    >>> x, target = sums(np.array([[12, 39]]), 2)
    >>> "".join(WORDS[i] for i in x[0]), target[0].tolist()
    ('12+39=15', [-1, -1, -1, -1, -1, 1, 5, 0])
    """
    a, b = asked.T
    ones = np.ones((len(asked), 1), np.int64)
    answer = written(a + b, digits + 1, reverse)
    question = np.concatenate([written(a, digits), PLUS * ones, written(b, digits), EQUALS * ones], axis=1)
    text = np.concatenate([question, answer], axis=1)
    target = text[:, 1:].copy()
    target[:, : question.shape[1] - 1] = UNASKED
    return text[:, :-1], target


def exact_match(logits: Array, target: Array) -> float:
    """The share of texts of which every asked character is the likeliest one.

    Just these are right when the net writes on by itself, taking the likeliest character each time: up to the first
    mistake it reads what it reads here.

    >>> scores = np.log(np.array([[[1.0, 2.0], [3.0, 1.0]], [[1.0, 2.0], [3.0, 1.0]]]))
    >>> exact_match(scores, np.array([[-1, 0], [1, 1]]))
    0.5
    """
    return float(_right(logits, target).mean())


def _right(logits: Array, target: Array) -> Array:
    """Of which texts (N,) that holds."""
    return ((logits.argmax(axis=2) == target) | (target == UNASKED)).all(axis=1)


EXACT = Measure("exact_match", exact_match, scale=100, digits=2, unit="%")


def _few(_: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    """An attrs validator: so few digits that all pairs can be put in order."""
    if whole(attribute.name, value, 1) > MOST:
        raise ConfigError(expected(attribute.name, f"a whole number from 1 to {MOST}", value))


@attrs.frozen
class Config(Settings):
    """A small GPT on sums of two numbers of so many digits; those it is tested on it has never read."""

    epochs: int = attrs.field(default=10, validator=at_least(1))
    """Times every sum is seen; with patience, at most."""
    batch_size: int = attrs.field(default=32, validator=at_least(1))
    """Sums in a step; the last batch of an epoch may be short."""
    learning_rate: float = attrs.field(default=0.003, validator=positive)
    """The highest learning rate of the schedule."""
    schedule: ScheduleName = "one_cycle"
    """How the learning rate changes over the run, from step to step."""
    optimizer: OptimizerName = "adamw"
    """The update rule."""
    digits: int = attrs.field(default=3, validator=_few)
    """Of each of the two numbers, zeros in front included, from 1 to 3."""
    reverse: bool = True
    """Write the sum from its ones on, as one does by hand; else from the front, which is harder."""
    train_examples: int = attrs.field(default=20_000, validator=at_least(1))
    """Sums to train on, those held back included."""
    test_examples: int = attrs.field(default=2_000, validator=at_least(1))
    """Sums to test on, of other pairs."""
    features: int = attrs.field(default=48, validator=at_least(1))
    """Numbers at every step of the net."""
    heads: int = attrs.field(default=4, validator=at_least(1))
    """Of attention, a divisor of the features."""
    depth: int = attrs.field(default=2, validator=at_least(1))
    """Transformer layers."""


def net(config: Config) -> Layer:
    """Ids (T,) to scores of the next one, (T, 12)."""
    return zoo.gpt(
        len(WORDS),
        3 * config.digits + 2,
        features=config.features,
        heads=config.heads,
        depth=config.depth,
        dropout=0.0,
    )


def problem(config: Config, data: str | None, source: str | None = None) -> Problem:
    """The net, and pairs of numbers that are drawn by a fixed key, each at most once."""
    asked, n = config.train_examples + config.test_examples, 100**config.digits
    if asked > n:
        most = f"at most the {n:,} pairs of numbers of {config.digits} digits"
        raise ConfigError(expected("train_examples and test_examples together", most, f"{asked:,}"))
    both = pairs(_KEY, config.digits, asked)
    train, test = (
        sums(part, config.digits, config.reverse)
        for part in (both[config.test_examples :], both[: config.test_examples])
    )
    own = made.parts(train, test, config.validation_examples)
    return Problem(
        net=net(config),
        loss=losses.per_step(losses.with_options(losses.softmax_cross_entropy, ignore=UNASKED)),
        optimizer=optimizer(config, config.epochs * batch_count(len(own["train"][0]), config.batch_size)),
        classes=tuple(WORDS),
        source=f"sums of numbers of {config.digits} digits",
        loss_words="cross-entropy, nats per digit",
        **own,
    )


def read(word: str, config: Config, shape: Shapes, names: tuple[str, ...]) -> tuple[Array, list[str]]:
    """Two numbers with a plus between them, as the ids of a question.

    Raises:
        ConfigError: they are something else, or have too many digits.
    """
    numbers = [part.strip() for part in word.split("+")]
    if len(numbers) != 2 or not all(part.isdecimal() and len(part) <= config.digits for part in numbers):
        wanted = f"two numbers of at most {config.digits} digits with + between them, such as 12+39"
        raise ConfigError(expected(word, wanted, "something else"))
    question = sums(np.array([[int(part) for part in numbers]]), config.digits)[0][0]
    return question[: 2 * config.digits + 2], []


def answer(trained: Trained, word: str, question: Array, options: NoOptions) -> str:
    """The sum as the net writes it, digit by digit, and whether it is right."""
    digits, reverse = trained.settings.digits, trained.settings.reverse
    said = write_on(trained.net, trained.params, 3 * digits + 2, question, digits + 1, rng.key(0), temperature=0)
    text = "".join(trained.classes[i] for i in (said[::-1] if reverse else said))
    a, b = (int(part) for part in word.split("+"))
    found = text.lstrip("0") or "0"
    return f"{found} ({'right' if found == str(a + b) else f'should be {a + b}'})"


def carries(asked: Array, digits: int) -> Array:
    """How many digits are carried in adding pairs (N, 2) by hand.

    >>> carries(np.array([[12, 39], [999, 1], [1, 2]]), 3).tolist()
    [1, 3, 0]
    """
    ends = 10 ** np.arange(1, digits + 1)
    return (asked[:, :1] % ends + asked[:, 1:] % ends >= ends).sum(axis=1)


def _sections(look: Look) -> Iterator[Section]:
    """How many sums are right by how many digits are carried, and the first ones that are not."""
    x, target = look.problem.test
    digits, reverse = look.settings.digits, look.settings.reverse
    logits = training.predict(look.problem.net, look.params, x)
    said, right = logits.argmax(axis=2), _right(logits, target)
    asked = np.stack([numbers(x[:, :digits]), numbers(x[:, digits + 1 : 2 * digits + 1])], axis=1)
    carried = carries(asked, digits)
    rows = [
        [count, f"{here.sum():,}", f"{right[here].sum():,}"]
        for count in range(digits + 1)
        for here in [carried == count]
        if here.any()
    ]
    yield Section("By what is carried", [table(["digits carried", "test sums", "right"], rows, "rrr")])
    if right.all():
        return
    wrong = np.flatnonzero(~right)[:SHOWN]
    written_by_net = said[wrong][:, -digits - 1 :]
    found = numbers(written_by_net[:, ::-1] if reverse else written_by_net)
    lines = [[f"{a} + {b}", a + b, answer] for (a, b), answer in zip(asked[wrong], found, strict=True)]
    of_all = f"The first {SHOWN} of {np.count_nonzero(~right):,}" if np.count_nonzero(~right) > SHOWN else "All"
    words = f"{of_all} sums of which a digit is wrong; each digit is said behind those that are right."
    yield Section("Mistakes", [words, table(["sum", "is", "said"], lines, "rrr")])


EXPERIMENT = Experiment(
    "addition",
    Config,
    net,
    problem,
    Answers((EXACT,), read, answer, "a sum such as 12+39", _sections),
)
