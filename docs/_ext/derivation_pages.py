"""The pages of derivations, made of `fnnet.explain` before Sphinx reads its sources: all numbers are of this build."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from drawings import drawing
from flow_picture import picture
from folder_of_pages import written
from rooms import every_name

from fnnet import explain
from fnnet.explain import text
from fnnet.explain.naming import is_loss

HEADING = "## What is read"
DERIVATION = "## The derivation, step by step"
INTRO = """# Derivations

A page a layer: its formula, the derivation in steps, the numbers of a small case after every step, what reads what, the
law that proves it, and the code. The steps are textbook NumPy that is run when this site is built, and compared with
what the layer itself gives. The same for any shape, and for a layer of your own, in a terminal:

```sh
fnnet explain conv2d --shape 1 4 4
fnnet explain "conv2d(2, 3, padding=1)" --shape 2 5 5
fnnet explain scan --shape 1 + 5 1
fnnet explain my_layers.py:scale --shape 3
```
"""


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("builder-inited", lambda app: write(Path(app.srcdir)))
    return {"parallel_read_safe": True}


def write(source: Path) -> None:
    """All pages, into docs/derivations, which git does not track."""
    written(source / "derivations", {f"{name}.md": page(name) for name in text.names()} | {"index.md": index()})


def page(name: str, told: Callable[[str], explain.Explanation] = explain.explained) -> str:
    """The source of a page."""
    explanation = told(name)
    if not explanation.agrees:
        raise ValueError(f"the derivation of {name} does not give what the layer gives: {explanation.off}")
    full = f"fnnet.losses.{name.removeprefix('losses.')}" if is_loss(name) else f"fnnet.layers.{name}"
    reference = f"[`{name}` in the reference](../api/{every_name()[full]}.rst)"
    content = explain.in_markdown(explanation)
    taught = drawing(name)
    if taught:
        content = content.replace(DERIVATION, f"## A picture\n\n```{{raw}} html\n{taught}\n```\n\n{DERIVATION}", 1)
    drawn = picture(explanation)
    if drawn:
        content = content.replace(HEADING, f"{HEADING}\n\n```{{raw}} html\n{drawn}\n```", 1)
    terminal = f"In a terminal: `fnnet explain {name}`, with `--shape` for another one. {reference}."
    return content.replace("\n\n", f"\n\n{terminal}\n\n", 1)


def index() -> str:
    """The page above them."""
    rows = []
    for name in text.names():
        first = explain.explained(name).about.split("\n\n")[0]
        kind = "loss" if is_loss(name) else "layer"
        rows.append(f"| [{name}]({name}.md) | {kind} | {' '.join(first.split())} |")
    table = "\n".join(["| | | |", "|---|---|---|", *rows])
    without = "\n".join(f"- `{name}`: {reason}." for name, reason in text.NOTHING_TO_DERIVE.items())
    tree = "\n".join(["```{toctree}", ":hidden:", "", *text.names(), "```"])
    return f"{INTRO}\n{table}\n\nTwo names of `fnnet.layers` have none:\n\n{without}\n\n{tree}\n"
