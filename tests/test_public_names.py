"""What `import fnnet` gives, and what it costs."""

import subprocess
import sys

import pytest

import fnnet

HEAVY = ("hypothesis", "pytest", "scipy", "PIL", "sklearn", "matplotlib", "pooch", "threadpoolctl")


def loaded(code):
    """The modules that a fresh Python has after running `code`."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.split())


def test_every_public_name_is_there():
    assert fnnet.value_and_grad is fnnet.training.value_and_grad
    for name in fnnet.__all__:
        assert getattr(fnnet, name) is not None
        assert name in dir(fnnet)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="module 'fnnet' has no attribute 'nn'"):
        fnnet.nn  # noqa: B018


def test_the_import_is_light():
    assert not loaded("import fnnet") & {"numpy", "optree", "attrs", *HEAVY}
    everything = "import fnnet\nfor name in fnnet.__all__: getattr(fnnet, name)"
    assert not loaded(everything) & set(HEAVY)
