"""The site's sources: every public name has its place in the reference, and every code block on a page runs."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import attrs
import numpy as np
import pytest

import fnnet
import fnnet.explain
from fnnet.types import Discrete

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path for path in (ROOT / "docs").glob("**/*.md") if path.parent.name not in ("derivations", "tutorials"))
sys.path.insert(0, str(ROOT / "docs" / "_ext"))
BUILDERS = ("api_pages", "derivation_pages", "docstrings", "drawings", "look", "rooms")
api_pages, derivation_pages, docstrings, drawings, look, rooms = map(importlib.import_module, BUILDERS)


def test_every_public_name_has_one_place():
    """Names that are listed in `__all__`; `from x import *` of any public module gives what the reference shows."""
    placed = rooms.every_name()
    for module in (fnnet, *(importlib.import_module(name) for name in modules())):
        own = [name for name in getattr(module, "__all__", ()) if not inspect.ismodule(getattr(module, name))]
        missing = [name for name in own if f"{module.__name__}.{name}" not in placed]
        assert not missing, (module.__name__, missing)
    assert {f"fnnet.{name}" for name in fnnet.__all__ if name != "kernels"} <= set(placed)


def modules():
    """Every module of the package that lists what it makes public."""
    listing = [path for path in (ROOT / "fnnet").rglob("*.py") if "\n__all__ = " in path.read_text(encoding="utf-8")]
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in listing]


def test_no_name_stands_on_two_pages():
    names = [f"{page.module}.{name}" for page in rooms.PAGES for name in rooms.names_of(page)]
    assert len(names) == len(set(names))
    assert {page.file for page in rooms.PAGES} == {file for _, files in rooms.GROUPS for file in files}
    for page in rooms.PAGES:
        module = importlib.import_module(page.module)
        assert all(hasattr(module, name) for name in rooms.names_of(page)), page


def test_every_name_says_what_it_is():
    for page in rooms.PAGES:
        for name in rooms.names_of(page):
            value = getattr(importlib.import_module(page.module), name)
            if inspect.isfunction(value) or inspect.isclass(value):
                assert inspect.getdoc(value), f"{page.module}.{name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_code_on_pages_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    found = doctest.testfile(str(page), module_relative=False, optionflags=flags, encoding="utf-8")
    assert not found.failed
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    if page.stem != "findings":  # whose jobs are run by tests/test_findings.py
        assert all(block.startswith(">>>") for block in blocks), "a block that no test runs"
    assert bool(blocks) == bool(found.attempted) or page.stem == "findings"


@pytest.mark.parametrize("module", [docstrings, look, rooms], ids=lambda module: module.__name__)
def test_the_builders_own_examples(module):
    assert not doctest.testmod(module).failed


def test_a_docstring_becomes_what_sphinx_reads():
    lines = inspect.cleandoc(
        """A layer.

        y = x_ * w

        It *does* `x`s, and `fnnet.rng`.

            y = x W + b

        Args:
            n: of what `is
                there`.

        Raises:
            ShapeError: a | b.

        Shapes: x (N,
            C).
        """
    ).splitlines()
    found = docstrings.restructured(lines, lambda words: words if words == "fnnet.rng" else None)
    assert found == [
        "A layer.", "",
        "y = x\\_ \\* w", "",
        "It *does* ``x``\\ s, and :py:obj:`fnnet.rng <fnnet.rng>`.", "",
        ".. code-block:: text", "   :class: formula", "", "   y = x W + b", "",
        "Args:", "    n: of what ``is there``.", "",
        "Raises:", "    ~fnnet.errors.ShapeError: a \\| b.", "",
        "**Shapes:** x (N, C).", "",
    ]  # fmt: skip


def test_a_name_of_the_reference_says_where_it_is_met():
    (line, _) = api_pages.seen_in("fnnet.layers.dropout")
    assert ":doc:`its derivation </derivations/dropout>`" in line
    assert "</tutorials/plot_mnist>" in line
    assert "</how-to/resume>" in line
    assert api_pages.seen_in("fnnet.arrays.count") == []


def test_the_page_of_a_derivation_is_computed_and_drawn():
    page = derivation_pages.page("max_pool")
    assert "dwindows = np.where" in page
    assert page.count("<svg") == 4
    read = page.split("## What is read")[1]
    assert read.count("<svg") == 2
    assert read.count('class="up"') == 2  # each output reads the one element that won
    wrong = fnnet.explain.explained("max_pool")
    wrong = attrs.evolve(wrong, off={"y": 1.0})
    with pytest.raises(ValueError, match="max_pool does not give what the layer gives"):
        derivation_pages.page("max_pool", lambda name: wrong)


@pytest.mark.parametrize("name", drawings.DRAWINGS)
def test_a_drawing_is_of_a_derivation_and_drawn(name):
    drawn = drawings.drawing(name)
    ElementTree.fromstring(f"<div>{drawn}</div>")
    assert drawn.count("<svg") == len(drawings.DRAWINGS[name])
    assert drawn in derivation_pages.page(name)


def test_the_lattice_of_ctc_is_its_posterior():
    """Seven places, five steps: what stands in the circles of a step sums to 1, and a mask hides what is to come."""
    drawn = drawings.drawing("ctc")
    shares = [float(share) for share in re.findall(r">(\d\.\d\d)</text>", drawn)]
    assert sum(shares) == pytest.approx(5, abs=0.1)
    _, causal = drawings.drawing("attention").split("</figure>")[:2]
    assert causal.count(">·</text>") == 6


def test_answers_are_folded_to_the_next_one_or_the_end():
    text = """1. What is it?

.. rubric:: Answer 1
   :class: answer

This, by ``code``.

::

   >>> 1

.. rubric:: Answer 2
   :class: answer

That.

.. container:: sphx-glr-footer

   A file.
"""
    pytest.importorskip("sphinx", reason="the site's tools: pip install '.[docs]'")
    document = importlib.import_module("docutils.core").publish_doctree(text)
    answers = importlib.import_module("answers")
    answers.Fold(document).run()
    kinds = [[type(part).__name__ for part in node] for node in document.findall(answers.Answer)]
    assert kinds == [["Head", "paragraph", "literal_block"], ["Head", "paragraph"]]
    assert [node.astext() for node in document.findall(answers.Head)] == ["Answer 1", "Answer 2"]
    assert [type(part).__name__ for part in document] == ["enumerated_list", "Answer", "Answer", "container"]


def test_broken_links_and_heavy_pages_are_told(tmp_path):
    (tmp_path / "index.html").write_text('<a id="here" href="other.html#there">x</a> <a href="gone.html">x</a>')
    (tmp_path / "loads.html").write_text(
        '<script src="https://elsewhere.org/x.js"></script><a href="https://a.org">x</a>'
    )
    (tmp_path / "other.html").write_text(f'<p id="their">{"x" * 1_000_000}</p><a href="index.html#here">x</a>')
    found = list(look.faults(tmp_path, look.read(tmp_path)))
    assert found[0] == "index.html: other.html#there leads to no place on its page"
    assert found[1] == "index.html: gone.html leads nowhere"
    assert found[2] == "loads.html: loads https://elsewhere.org/x.js from elsewhere"
    assert found[3].startswith("other.html: 10000")
    assert len(found) == 4


def test_the_site_beside_has_the_same_pages(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.html").write_text('<a href="../docs-zh/a.html">x</a><a href="../docs-zh/b.html">x</a>')
    found = list(look.faults(tmp_path / "docs", look.read(tmp_path / "docs")))
    assert found == ["a.html: ../docs-zh/b.html leads nowhere"]


COMING = (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8")
LAYER_ROWS = [
    row for row in re.findall(r"^\| ?(.*) \|$", COMING, re.MULTILINE) if row.count(" | ") == 4 and "`(" in row
]


def cells(row):
    return [cell.strip("`") for cell in row.split(" | ")]


def examples(shape, ones):
    """Two examples of a shape, or of each of several; whole numbers where the shape says so."""
    if isinstance(shape, Discrete):
        return ones((2, *shape.shape), "int64")
    return ones((2, *shape), "float32") if isinstance(shape[0], int) else tuple(examples(own, ones) for own in shape)


@pytest.mark.parametrize("row", LAYER_ROWS, ids=lambda row: cells(row)[2])
def test_a_row_of_layers_says_what_comes_out(row):
    theirs, _, ours, one, becomes = cells(row)
    shape, out = eval(one, {"Discrete": Discrete}), ast.literal_eval(becomes)
    net = fnnet.explain.named_net(ours)
    assert net.shape(shape) == out
    x = examples(shape, np.ones)
    assert net.apply(net.init(fnnet.rng.key(0), shape), x)[0].shape == (2, *out)
    if theirs != "—" and importlib.util.find_spec("torch") is not None:
        import torch

        given = examples(shape, lambda own, dtype: torch.ones(own, dtype=getattr(torch, dtype)))
        given = given if isinstance(given, tuple) else (given,) * (3 if "Multihead" in theirs else 1)
        y = eval(theirs, vars(torch.nn))(*given)
        assert (y[0] if isinstance(y, tuple) else y).shape == (2, *out)


def test_the_layers_of_the_table_are_all_there():
    assert len(LAYER_ROWS) == 66


def ours_of_two():
    """fnnet's side of the tables of two columns, but for sentences."""
    rows = [row.split(" | ") for row in re.findall(r"^\| (.*) \|$", COMING, re.MULTILINE) if row.count(" | ") == 1]
    return [(theirs, ours) for theirs, ours in rows if "`" in ours]


@pytest.mark.parametrize("pair", ours_of_two(), ids=lambda pair: pair[0])
def test_a_row_of_two_names_what_there_is(pair, tmp_path):
    """Every call on fnnet's side runs as it stands there; every name in a sentence is one."""
    net = fnnet.layers.dense(3)
    params = net.init(fnnet.rng.key(0), (2,))
    x, y = np.ones((4, 2), np.float32), np.ones((4, 3), np.float32)
    optimizer, loss = fnnet.optim.sgd(0.1), fnnet.losses.squared_error
    names = {name: getattr(fnnet, name) for name in fnnet.__all__} | {
        "fnnet": fnnet, "net": net, "params": params, "x": x, "y": y, "dy": y, "target": y, "optimizer": optimizer,
        "loss": loss, "key": fnnet.rng.key(0), "shape": (2,), "path": tmp_path / "net.safetensors", "body": net,
        "vjp": net.apply(params, x)[1], "grads": params, "state": optimizer.init(params), "updates": params,
        "f": lambda leaf: leaf,
    }  # fmt: skip
    for span in re.findall(r"`([^`]+)`", pair[1]):
        code = f"{span}\n    pass" if span.startswith("for ") else span
        exec(compile(code, "<row>", "exec"), names)
