"""docs/experiments.md names all that is trained by name, with the parameters that each net has."""

import re
from pathlib import Path

import pytest

from fnnet import rng, tree
from fnnet.runs.registry import EXPERIMENTS, get
from fnnet.types import Discrete

PAGE = (Path(__file__).parents[1] / "docs/experiments.md").read_text(encoding="utf-8")
ROWS = {name: row for row, name in re.findall(r"(?m)^(\| `([\w-]+)` \|.*)$", PAGE)}
SHAPES = {
    "sine": (1,),
    "best-sine": (1,),
    "segment": (1, 48, 48),
    "characters": Discrete((128,)),
    "addition": Discrete((11,)),
}


def test_the_page_names_what_there_is():
    assert list(ROWS) == list(EXPERIMENTS)


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if get(name).net is not None])
def test_the_page_counts_parameters(name):
    experiment = get(name)
    params = experiment.net(experiment.settings()).init(rng.key(0), SHAPES.get(name, (1, 28, 28)))
    count = sum(tree.array(leaf).size for leaf in tree.leaves(params) if not isinstance(leaf, tree.Running))
    assert f"| {count:,} |" in ROWS[name]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_page_says_how_it_is_trained(name):
    assert f"`fnnet train {name}" in ROWS[name]
