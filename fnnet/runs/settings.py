"""Settings that trainings share, and the tables from their words to values of fnnet."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import attrs

from fnnet import initializers, optim
from fnnet.arguments import real, whole
from fnnet.errors import ConfigError, expected
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


def _needs_validation(config: "Settings", _: object, value: int | None) -> None:
    """An attrs validator: nothing can be looked at where nothing is held back."""
    if value is not None and not config.validation_examples:
        raise ConfigError(expected("patience", "validation_examples above 0 with it", 0, "say how many to hold back"))


InitializationName = Literal["he", "he_uniform", "xavier", "xavier_uniform", "lecun", "normal_0.01"]
OptimizerName = Literal["adam", "adamw", "sgd", "momentum", "nesterov", "rmsprop", "adagrad"]
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
    learning_rate: float = attrs.field(default=0.002, validator=positive)
    """The highest learning rate of the schedule."""
    schedule: ScheduleName = "cosine"
    """How the learning rate changes over the run, from step to step."""
    optimizer: OptimizerName = "adam"
    """The update rule."""
    train_examples: int | None = attrs.field(default=None, validator=attrs.validators.optional(at_least(1)))
    """Train on the first so many examples only; all by default."""
    validation_examples: int = attrs.field(default=0, validator=at_least(0))
    """Hold back the last so many of the training examples, and look at them after every epoch."""
    patience: int | None = attrs.field(
        default=None, validator=[attrs.validators.optional(at_least(1)), _needs_validation]
    )
    """End when so many epochs in a row have not lowered the validation loss, and keep the net of the best epoch."""
    threads: int = attrs.field(default=1, validator=at_least(1))
    """Threads of the matrix products. Another number may give other last digits."""


INITIALIZERS: dict[str, Initializer] = {
    "he": initializers.he_normal(),
    "he_uniform": initializers.he_uniform(),
    "xavier": initializers.xavier_normal(),
    "xavier_uniform": initializers.xavier_uniform(),
    "lecun": initializers.lecun_normal(),
    "normal_0.01": initializers.normal(0.01),
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
OPTIMIZERS: dict[str, Callable[[Schedule], Optimizer]] = {
    "adam": lambda rate: optim.adam(rate),
    "adamw": lambda rate: optim.adamw(rate),
    "sgd": lambda rate: optim.sgd(rate),
    "momentum": lambda rate: optim.sgd(rate, momentum=0.9),
    "nesterov": lambda rate: optim.sgd(rate, momentum=0.9, nesterov=True),
    "rmsprop": lambda rate: optim.rmsprop(rate),
    "adagrad": lambda rate: optim.adagrad(rate),
}


def optimizer(config: Settings, steps: int) -> Optimizer:
    """The optimizer of some settings, its schedule stretched over `steps` steps."""
    return OPTIMIZERS[config.optimizer](SCHEDULES[config.schedule](config.learning_rate, steps))
