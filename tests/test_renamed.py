"""Old names say the new one; what a net offers for completion is what its users call."""

import copy
import re
from importlib import import_module
from pathlib import Path

import pytest

from fnnet import layers

MOVED = {  # module: names that have moved, and where to
    "fnnet.errors": {name: f"fnnet.arguments.{name}" for name in ("flag", "one_of", "real", "whole")},
    "fnnet.optim": {"scale": "fnnet.optim.scale_by_factor", "trace": "fnnet.optim.momentum"},
    "fnnet.testing": {"Report": "fnnet.testing.CheckResult"},
    "fnnet.testing.strategies": {
        "batches": "fnnet.testing.strategies.batches_of",
        "windows": "fnnet.testing.strategies.window_options",
    },
    "fnnet.training": {"Watch": "fnnet.training.EarlyStoppingState"},
    "fnnet.tree": {"freeze": "fnnet.tree.read_only", "slots": "fnnet.tree.items"},
}
OF_A_LAYER = {
    "initialize": "Layer.init",
    "forward": "Layer.apply",
    "infer": "Layer.shape",
    "sample": "Layer.train",
    "children": "iteration over the net",
    "rebuild": "fnnet.walk.replace",
}


def resolved(path):
    module, name = path.rsplit(".", 1)
    return getattr(import_module(module), name)


@pytest.mark.parametrize(
    ("module", "old", "new"), [(m, old, new) for m, own in MOVED.items() for old, new in own.items()]
)
def test_an_old_name_says_the_new_one_which_exists(module, old, new):
    assert callable(resolved(new))
    with pytest.raises(AttributeError, match=f"^{module}.{old} is now {new}$"):
        getattr(import_module(module), old)
    with pytest.raises(AttributeError, match=f"'{module}' has no attribute 'no_such_name'"):
        _ = import_module(module).no_such_name


@pytest.mark.parametrize(("old", "new"), OF_A_LAYER.items())
def test_an_old_field_of_a_layer_says_the_new_one(old, new):
    with pytest.raises(AttributeError, match=f"^Layer.{old} is now {new}"):
        getattr(layers.relu(), old)


def test_a_net_offers_what_its_users_call_and_nothing_else():
    net = layers.serial(layers.dense(2), layers.dropout(0.5))
    offered = {name for name in dir(net) if not name.startswith("_")}
    assert offered == {"apply", "init", "name", "recipe", "shape", "train"}
    assert not hasattr(net, "no_such_name")
    assert copy.copy(net).name == "serial"


def test_the_changelog_tells_of_every_one():
    text = (Path(__file__).parents[1] / "CHANGELOG.md").read_text()
    told = dict(re.findall(r"^\| `([\w.]+)` \| `?([^`|]+?)`? \|$", text, re.MULTILINE))
    moved = {f"{module}.{old}": new for module, own in MOVED.items() for old, new in own.items()}
    assert told == moved | {f"Layer.{old}": new for old, new in OF_A_LAYER.items()}
