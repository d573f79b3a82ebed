"""A metric, and how its values are told: on a terminal, in tables, along an axis."""

import attrs

from fnnet.errors import ConfigError, expected
from fnnet.types import Metric


def _is_name(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    """An attrs validator: a word that can stand behind `test_` in a line of metrics."""
    if not value.isidentifier() or value == "loss":
        raise ConfigError(expected(f"measure: {attribute.name}", "an identifier other than 'loss'", repr(value)))


@attrs.frozen(eq=False)
class Measure:
    """A metric by name, and how its values are told.

    Args:
        name: `test_name` is what it is called in metrics.jsonl; in words it is the same with spaces.
        metric: `(predictions, target) -> number`, a mean over examples, or marked by `fnnet.metrics.over_batches`.
        scale: factor before a value is told, such as 100 for percent.
        digits: decimals that are told.
        unit: behind the value, such as "%".
        log: whether curves have a logarithmic axis for it.

    >>> from fnnet import metrics
    >>> Measure("accuracy", metrics.accuracy, scale=100, digits=2, unit="%").told(0.98765)
    'accuracy 98.77 %'
    """

    name: str = attrs.field(validator=_is_name)
    metric: Metric
    scale: float = 1.0
    digits: int = 4
    unit: str = ""
    log: bool = False

    @property
    def words(self) -> str:
        """Its name in words."""
        return self.name.replace("_", " ")

    @property
    def axis(self) -> str:
        """What stands along an axis of it."""
        return f"{self.words}, {self.unit}" if self.unit else self.words

    def text(self, value: float) -> str:
        """A value with its unit."""
        number = f"{self.scale * value:.{self.digits}f}"
        return f"{number} {self.unit}" if self.unit else number

    def told(self, value: float) -> str:
        """A value with its unit, and what it is the value of."""
        return f"{self.words} {self.text(value)}"


def loss_text(value: float) -> str:
    """A loss with four decimals, or where those say little by its power of ten.

    >>> loss_text(0.25), loss_text(7.147e-08), loss_text(0.0)
    ('0.2500', '7.1e-08', '0.0000')
    """
    return f"{value:.1e}" if 0 < abs(value) < 1e-3 else f"{value:.4f}"
