"""The lists of CONTRIBUTING.md name the places that matter: all of them, and no others."""

import inspect
import re
from pathlib import Path

import pytest

import fnnet.losses
from fnnet import layers, optim
from fnnet.optim import schedules
from tests import cases
from tests.golden import cases as golden
from tests.optim import cases as optim_cases

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DRAWN_FROM = {"tests/recipe/test_random_nets.py"}  # nets of what is there; nothing breaks where one is not drawn
WAIT = {"tests/golden/cases.py", "fnnet/exchange/one_file.py", "fnnet/exchange/onnx/writing.py"}
PLAIN = {"add", "beside", "concatenate", "graph", "multiply", "select", "stack"}  # one line of NumPy, or none
PLAIN |= {"take", "gaussian_sample", "per_step", "reverse", "last", "mean_over"}
PLAIN |= {"carried", "recomputed"}
ACTIVATIONS = {"activations", "piecewise", "softmax", "log_softmax"}  # rooms whose layers README names together
PLAIN |= {"crop", "permute", "reparametrized", "tied", "transpose"}
LAYERS = [name for name in layers.__all__ if name[0].islower()]


def listed(title):
    """The places in the table below a heading, NAME and REPORT still in them."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def room(name):
    """The file of a layer: its own, or that of its family."""
    return Path(inspect.getsourcefile(inspect.unwrap(getattr(layers, name)))).stem


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_is_in_every_place(name):
    for place in listed("Add a layer"):
        path = ROOT / place.replace("NAME", room(name))
        assert path.is_file(), path
        if place in WAIT or "NAME" in place:
            continue  # golden cases and exports may wait, and the file is the place
        words = "activations" if place == "README.md" and room(name) in ACTIVATIONS else name
        assert re.search(rf"\b{words}\b", path.read_text(encoding="utf-8")), f"{name} is not in {path}"
    assert name in {row.covers for row in cases.LAYERS}


def test_no_other_place_has_to_know_every_layer():
    """Where all layers are named, a new one would be missed: such a place belongs into the list."""
    known = {place for place in listed("Add a layer") if "NAME" not in place}
    for path in (*ROOT.glob("fnnet/**/*.py"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("experiments/**/*.py")):
        words = set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
        if sum(name in words for name in LAYERS) > 0.9 * len(LAYERS):
            assert path.relative_to(ROOT).as_posix() in known | DRAWN_FROM, path


def test_most_layers_have_a_golden_case():
    """That one may wait does not mean that it need not come."""
    text = inspect.getsource(golden)
    compared = [name for name in LAYERS if name not in PLAIN]
    assert sum(bool(re.search(rf"\b{name}\b", text)) for name in compared) > 0.8 * len(compared)


def test_every_loss_is_in_every_place():
    for place in listed("Add a loss"):
        if "NAME" in place:
            continue
        text = (ROOT / place).read_text(encoding="utf-8")
        for row in cases.LOSSES:
            assert re.search(rf"\b{row.covers}\b", text), f"{row.covers} is not in {place}"
    assert {row.covers for row in cases.LOSSES} | cases.OF_LOSSES == set(fnnet.losses.__all__)


def test_every_optimizer_is_in_every_place():
    public = [name for name in optim.__all__ if inspect.isfunction(getattr(optim, name)) and name != "apply_updates"]
    rows = {name.split()[0] for name in (*optim_cases.EVERY, *optim_cases.OTHERS)}
    for name in public:
        if name not in vars(schedules):
            assert name in rows
        path = Path(inspect.getsourcefile(inspect.unwrap(getattr(optim, name))))
        assert path.parent == ROOT / "fnnet" / "optim"
        assert f"`{name}`" in optim.__doc__, f"{name} is not in the table of fnnet.optim"
    for place in listed("Add an optimizer"):
        assert "NAME" in place or (ROOT / place).is_file()


def test_the_places_of_a_study_exist():
    for place in listed("Add a study"):
        for report in ("r1", "r2", "r3", "r4", "r5", "best"):
            assert (ROOT / place.replace("REPORT", report)).is_file()


def test_every_page_that_is_linked_is_there():
    for page in ("CONTRIBUTING.md", "README.md", "tests/README.md"):
        path = ROOT / page
        for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{page}: {link}"
