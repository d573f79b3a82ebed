"""Settings that trainings share, and the tables from their words to values of fnnet."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import attrs

from fnnet import initializers, optim
from fnnet.arguments import real, whole
from fnnet.initializers import Initializer
from fnnet.optim import schedules
from fnnet.types import Optimizer

Schedule: TypeAlias = Callable[[int], float]
Validator: TypeAlias = Callable[[object, "attrs.Attribute[Any]", Any], None]


def at_least(least: int) -> Validator:
    """An attrs validator: a whole number ≥ `least`."""

    def check(_: object, attribute: "attrs.Attribute[Any]", value: int) -> None:
        whole(attribute.name, value, least)

    return check


def positive(_: object, attribute: "attrs.Attribute[Any]", value: float) -> None:
    """An attrs validator: a number above 0, and no more than a million."""
    real(attribute.name, value, 0, 1e6, open="(")


def not_below_zero(_: object, attribute: "attrs.Attribute[Any]", value: float) -> None:
    """An attrs validator: a number ≥ 0."""
    real(attribute.name, value, 0)


def share(_: object, attribute: "attrs.Attribute[Any]", value: float) -> None:
    """An attrs validator: a number in [0, 1)."""
    real(attribute.name, value, 0, 1, open=")")


def sizes(_: object, attribute: "attrs.Attribute[Any]", value: tuple[int, ...]) -> None:
    """An attrs validator: whole numbers ≥ 1."""
    for i, n in enumerate(value):
        whole(f"{attribute.name}[{i}]", n, 1)


def optional(check: Validator) -> Validator:
    """An attrs validator: None, or what another one takes."""
    found: Validator = attrs.validators.optional(check)
    return found


LATER = "later"  # in the metadata of a field that older runs do not have: the value that they were made by

InitializationName = Literal["he", "he_uniform", "xavier", "xavier_uniform", "lecun", "normal_0.01", "normal_1"]
OptimizerName = Literal[
    "adam", "adamw", "sgd", "momentum", "nesterov", "rmsprop", "adagrad",
    "adamax", "nadam", "radam", "amsgrad", "adabelief", "adadelta", "lion", "lamb", "muon",
]  # fmt: skip
ScheduleName = Literal["constant", "cosine", "one_cycle", "step", "exponential", "inverse_time"]


@attrs.frozen
class Settings:
    """Settings of a training: every one is an option of the command line, and all are recorded in config.json."""

    seed: int = attrs.field(default=0, validator=at_least(0))
    """Seed of everything random: weights, order of the examples, dropout."""
    epochs: int = attrs.field(default=10, validator=at_least(1))
    """Times every example is seen; with patience, at most."""
    batch_size: int = attrs.field(default=64, validator=at_least(1))
    """Examples in a step; the last batch of an epoch may be short."""
    learning_rate: float | None = attrs.field(default=None, validator=optional(positive))
    """The highest learning rate of the schedule; by default one that suits the optimizer: adam and its kin 0.002, sgd
    0.1, momentum, nesterov and muon 0.02, adagrad and lamb 0.01, lion 0.0003, adadelta 1."""
    schedule: ScheduleName = "cosine"
    """How the learning rate changes over the run, from step to step."""
    optimizer: OptimizerName = "adam"
    """The update rule."""
    train_examples: int | None = attrs.field(default=None, validator=optional(at_least(1)))
    """Train on the first so many examples only; all by default."""
    validation_examples: int = attrs.field(default=0, validator=at_least(0))
    """Hold back the last so many of the training examples, and look at them after every epoch; 0 for those that the
    data have for it, if any."""
    patience: int | None = attrs.field(default=None, validator=optional(at_least(1)))
    """End when so many epochs in a row have not lowered the validation loss, and keep the net of the best epoch."""
    threads: int = attrs.field(default=1, validator=at_least(1))
    """Threads of the matrix products. Another number may give other last digits."""
    l2: float = attrs.field(default=0.0, validator=not_below_zero, metadata={LATER: 0.0})
    """λ of a penalty λ/2 Σ w² on the loss, over all weights but not biases."""
    micro_batch: int | None = attrs.field(default=None, validator=optional(at_least(1)), metadata={LATER: None})
    """Examples pulled back at once, in parts of a batch that several workers can share out; by default the whole batch.
    Another number gives other last digits, and batch norm sees a part as its batch."""

    def __attrs_post_init__(self) -> None:
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", RATES[self.optimizer])

    @property
    def rate(self) -> float:
        """The learning rate."""
        assert self.learning_rate is not None
        return self.learning_rate


def by_default(settings: Settings) -> dict[str, Any]:
    """What every setting would be had none been given, but with its optimizer's learning rate.

    >>> by_default(Settings(optimizer="sgd", learning_rate=3.0))["learning_rate"]
    0.1
    """
    kind = type(settings)
    usual = {field.name: field.default for field in attrs.fields(kind)}
    return {**usual, "learning_rate": kind(optimizer=settings.optimizer).learning_rate}


INITIALIZERS: dict[str, Initializer] = {
    "he": initializers.he_normal(),
    "he_uniform": initializers.he_uniform(),
    "xavier": initializers.xavier_normal(),
    "xavier_uniform": initializers.xavier_uniform(),
    "lecun": initializers.lecun_normal(),
    "normal_0.01": initializers.normal(0.01),
    "normal_1": initializers.normal(1.0),
}

# From the highest rate and the number of steps in the run to a schedule; each comes down far by the end.
SCHEDULES: dict[str, Callable[[float, int], Schedule]] = {
    "constant": lambda rate, steps: schedules.constant(rate),
    "cosine": lambda rate, steps: schedules.cosine(rate, steps),
    "one_cycle": lambda rate, steps: schedules.one_cycle(rate, steps),
    "step": lambda rate, steps: schedules.step(rate, every=-(-steps // 4), factor=0.5),
    "exponential": lambda rate, steps: schedules.exponential(rate, 0.01, steps=steps),
    "inverse_time": lambda rate, steps: schedules.inverse_time(rate, 9.0, steps=steps),
}

# From a learning rate or schedule to an optimizer.
OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adam": lambda rate: optim.adam(rate),
    "adamw": lambda rate: optim.adamw(rate),
    "sgd": lambda rate: optim.sgd(rate),
    "momentum": lambda rate, momentum=0.9: optim.sgd(rate, momentum=momentum),
    "nesterov": lambda rate, momentum=0.9: optim.sgd(rate, momentum=momentum, nesterov=True),
    "rmsprop": lambda rate: optim.rmsprop(rate),
    "adagrad": lambda rate: optim.adagrad(rate),
    "adamax": lambda rate: optim.adamax(rate),
    "nadam": lambda rate: optim.nadam(rate),
    "radam": lambda rate: optim.radam(rate),
    "amsgrad": lambda rate: optim.amsgrad(rate),
    "adabelief": lambda rate: optim.adabelief(rate),
    "adadelta": lambda rate: optim.adadelta(rate),
    "lion": lambda rate: optim.lion(rate),
    "lamb": lambda rate: optim.lamb(rate),
    "muon": lambda rate: optim.muon(rate, optim.adam(lambda count: 0.1 * rate(count))),  # biases, gains: by Adam
}

# What suits each: a rate at which it trains small nets well.
RATES: dict[str, float] = {
    **dict.fromkeys(OPTIMIZERS, 0.002),
    "sgd": 0.1,
    "momentum": 0.02,
    "nesterov": 0.02,
    "adagrad": 0.01,
    "adadelta": 1.0,
    "lion": 0.0003,
    "lamb": 0.01,
    "muon": 0.02,
}


def optimizer(config: Settings, steps: int, **options: float) -> Optimizer:
    """The optimizer of some settings, with options of its own, its schedule stretched over `steps` steps."""
    found = OPTIMIZERS[config.optimizer](SCHEDULES[config.schedule](config.rate, steps), **options)
    return optim.l2(found, config.l2, where=optim.is_weight) if config.l2 else found
