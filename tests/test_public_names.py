"""What `import fnnet` gives, and what it costs."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import fnnet

ROOT = Path(__file__).resolve().parents[1]
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


def test_the_version_is_that_of_the_metadata(monkeypatch):
    """And of no other place: sources that nobody has installed say so, in a version that tools can read (PEP 440)."""
    assert "__version__" in dir(fnnet)
    monkeypatch.setattr(metadata, "version", lambda name: f"7.0 of {name}")
    assert fnnet.__version__ == "7.0 of fnnet"

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert re.fullmatch(r"\d+(\.\d+)*(\+[a-z0-9]+)?", fnnet.__version__)
    assert fnnet.__version__ == "0+source"


def test_asking_for_the_version_loads_nothing_else():
    assert not loaded("import fnnet; fnnet.__version__") & {"numpy", "optree", "attrs", *HEAVY}


def test_the_papers_of_a_version_agree():
    """The one that is declared is the newest that the changelog knows, and the one to cite."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## \[?(\d[^\] ]*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1]
    assert declared == newest == cited
