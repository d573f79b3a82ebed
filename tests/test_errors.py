"""Errors: what they are, how they are phrased, and the checks that make numbers Python numbers."""

from fractions import Fraction

import numpy as np
import pytest

from fnnet import arguments, errors

CLASSES = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, errors.FnnetError)]


@pytest.mark.parametrize("error", CLASSES)
def test_each_is_a_value_error_with_a_path(error):
    found = errors.inside(errors.inside(error("x: expected 1, got 2"), "conv2d_0"), "serial")
    assert isinstance(found, ValueError)
    assert str(found) == "serial > conv2d_0: x: expected 1, got 2"
    assert found.path == ("serial", "conv2d_0")


def test_some_are_what_python_would_raise_too():
    assert issubclass(errors.DtypeError, TypeError)
    assert issubclass(errors.NonFiniteError, ArithmeticError)


def test_other_errors_keep_their_type_and_get_a_note():
    found = errors.inside(errors.inside(KeyError("gain"), "scale_0"), "serial")
    assert type(found) is KeyError
    assert found.__notes__ == ["in layer scale_0", "in layer serial"]


def test_wording():
    assert errors.expected("stride", "≥ 1", 0) == "stride: expected ≥ 1, got 0"
    assert errors.expected("stride", "≥ 1", 0, "use 1") == "stride: expected ≥ 1, got 0; use 1"
    assert arguments.one_of(["a"]) == "'a'"


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_whole_numbers_become_ints(value):
    assert arguments.whole("n", value, 0) == 3
    assert type(arguments.whole("n", value, 0)) is int


@pytest.mark.parametrize("value", [True, np.True_, 3.0, np.float32(3), "3", None, [3], Fraction(3), 2])
def test_what_is_no_whole_number(value):
    with pytest.raises(errors.ConfigError, match="n: expected a whole number ≥ 3, got "):
        arguments.whole("n", value, 3)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.float64(0.5), Fraction(1, 2), np.array(0.5)])
def test_real_numbers_become_floats(value):
    assert arguments.real("rate", value, 0, 1) == 0.5
    assert type(arguments.real("rate", value, 0, 1)) is float


@pytest.mark.parametrize(
    "value",
    [
        *(True, np.True_, np.array(True), "0.5", b"1", bytearray(b"1"), np.str_("0.5"), np.array("0.5")),
        *(None, float, [0.5, 0.5], np.array([0.5]), 1j, np.complex64(1), -0.1, 1.1, np.nan, np.inf, 10**400),
    ],
)
def test_what_is_no_real_number_between(value):
    with pytest.raises(errors.ConfigError, match=r"rate: expected a number in \[0, 1\], got "):
        arguments.real("rate", value, 0, 1)


@pytest.mark.parametrize(("open", "interval"), [("(", r"\(0, 1\]"), (")", r"\[0, 1\)"), ("()", r"\(0, 1\)")])
def test_open_ends(open, interval):
    for value, end in ((0, "("), (1, ")")):
        if end in open:
            with pytest.raises(errors.ConfigError, match=f"rate: expected a number in {interval}, got {value}"):
                arguments.real("rate", value, 0, 1, open=open)
        else:
            assert arguments.real("rate", value, 0, 1, open=open) == value


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_finite_by_default(value):
    with pytest.raises(errors.ConfigError, match="slope: expected a finite number, got"):
        arguments.real("slope", value)
