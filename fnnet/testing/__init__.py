"""Proof for layers, ours and yours: laws every layer must keep, checked on cases drawn to make faults show.

>>> from fnnet import layers, testing
>>> print(testing.check_layer(layers.relu(), (4,), laws=["derivative", "pure"]))
relu on examples (4,), batch of 3: all 2 laws hold
  evaluation  derivative      holds    error ... times what is allowed
  evaluation  pure            holds

In a test of your own write `testing.assert_layer(my_layer(), (4,))`. A broken law is shrunk to the smallest case that
still breaks it and printed with small numbers to work through by hand. `fnnet.testing.strategies` has strategies for
Hypothesis (extra `test`).
"""

from typing import TYPE_CHECKING

from fnnet.renamed import renamed
from fnnet.testing.check import assert_layer, assert_vjp, check_layer, check_vjp
from fnnet.testing.findings import CheckResult, Example, Finding
from fnnet.testing.hessian import hvp
from fnnet.testing.laws import DERIVATIVE_LAWS, LAWS

__all__ = [
    "DERIVATIVE_LAWS",
    "LAWS",
    "CheckResult",
    "Example",
    "Finding",
    "assert_layer",
    "assert_vjp",
    "check_layer",
    "check_vjp",
    "hvp",
]

if not TYPE_CHECKING:
    __getattr__ = renamed(__name__, {"Report": "fnnet.testing.CheckResult"})
