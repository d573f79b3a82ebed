"""docs/layers.md names every layer there is, and none that there is not."""

import re
from pathlib import Path

from fnnet import layers

PAGE = (Path(__file__).parents[1] / "docs/layers.md").read_text(encoding="utf-8")


def test_every_layer_has_its_place_in_the_table():
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(name for name in layers.__all__ if name[0].islower())
