"""What an experiment is, and what it trains.

To register one, write a module that ends with

    EXPERIMENT = Experiment("name", Config, net, problem, classes(read))

and add its name, the module and its question to `EXPERIMENTS` in `fnnet.runs.registry`. Then `fnnet train name` trains
it, and every field of `Config` is an option with its docstring for help. The pieces:

- `Config`, a frozen attrs class made from `Settings`: more fields, or other defaults for those there are. Plain values
  only: numbers, words, `Literal`, None, tuples of these.
- `problem(config, data, source) -> Problem`: net, loss, optimizer (`settings.optimizer`) and arrays, whose digests
  (`facts.digests`) make a run on other data another run. What is drawn is drawn from `config.seed` or a fixed key.
- an `Answers` of `fnnet.runs.kinds`: `classes`, `numbers`, `pictures`, `text`, or an own one. It decides what is
  measured and shown, and how `predict` asks and answers.

All else is there: training, early stopping, resume, replay, trace, report.

x and targets are arrays or tuples of arrays with one first axis, of floats or whole numbers, as `fnnet.training` takes
them.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import attrs

from fnnet.arrays import count, shape_of
from fnnet.losses import Loss
from fnnet.runs.answers import Answers
from fnnet.runs.settings import Settings
from fnnet.types import Arrays, Layer, Optimizer, Params, Shapes


class Ending(NamedTuple):
    """What becomes of the trained params once the last epoch is over; the same whenever it is asked for.

    Args:
        words: what it is, such as "L-BFGS on all training points".
        change: params -> params.
    """

    words: str
    change: Callable[[Params], Params]


@attrs.frozen(eq=False)
class Problem:
    """Everything a run trains on and with, made from settings and data.

    Args:
        net, loss, optimizer: see `fnnet.training.make_step`.
        train, test: `(x, target)`, x as the net reads it.
        classes: what whole numbers in targets stand for, one name each: classes of pictures, characters of a text;
            empty where they are numbers only.
        source: the data set in a few words, such as "MNIST".
        digests: name of array -> digest of the data as loaded.
        data: what `--data` must be to get them for sure; None where that depends on the machine.
        note: one line the user should read, such as where the data come from; or None.
        validation: held back from training, to look at after every epoch; None where nothing is.
        loss_words: the loss in words, with its unit.
        augment: `(key, batch) -> batch`: every batch is changed so before the step on it, with a key of its own; see
            `fnnet.data.augmented`. None leaves them as they are.
        remainder: what becomes of a last batch that would be short, see `fnnet.data.batches`.
        evaluated: what is measured is measured of this net, with the same params: such as one that draws by a fixed
            key, where a net that draws nothing would be something else; None for `net` itself.
        ending: what is done behind the last epoch; None for nothing.
    """

    net: Layer
    loss: Loss
    optimizer: Optimizer
    train: tuple[Arrays, Arrays]
    test: tuple[Arrays, Arrays]
    classes: tuple[str, ...]
    source: str
    digests: dict[str, str]
    data: str | None = None
    note: str | None = None
    validation: tuple[Arrays, Arrays] | None = None
    loss_words: str = "cross-entropy, nats per example"
    augment: Callable[..., Any] | None = None
    remainder: Literal["keep", "drop", "fill"] = "keep"
    evaluated: Layer | None = None
    ending: Ending | None = None

    def ended(self, params: Params) -> Params:
        """The net that a run leaves, from the params that its epochs end with."""
        return params if self.ending is None else self.ending.change(params)

    @property
    def shape(self) -> Shapes:
        """Of one example."""
        return shape_of(self.train[0])

    @property
    def sizes(self) -> dict[str, int]:
        """How many examples each part of the data has."""
        return {part: count(examples[0]) for part, examples in {"train": self.train, **self.held_out}.items()}

    @property
    def held_out(self) -> dict[str, tuple[Arrays, Arrays]]:
        """What the net is not trained on, by name."""
        return {"test": self.test} if self.validation is None else {"validation": self.validation, "test": self.test}


@attrs.frozen(eq=False)
class Experiment:
    """A question that a training answers.

    Args:
        name: as on the command line.
        settings: the attrs class of its settings, each with a default: `Settings`, or one made from it.
        net: `settings -> Layer`, without data: how a saved net is built again; None where the data decide about it, so
            that it is built as the file says.
        problem: `(settings, data directory or None, source or None) -> Problem`; where a source is named, as in
            `Problem.source`, nothing may stand in for it.
        answers: what kind of answers the net gives.
    """

    name: str
    settings: type[Settings]
    net: Callable[[Any], Layer] | None
    problem: Callable[[Any, str | None, str | None], Problem]
    answers: Answers
