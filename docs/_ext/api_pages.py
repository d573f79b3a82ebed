"""The pages of the reference, written from the table in `rooms` before Sphinx reads its sources."""

import importlib
import inspect
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from docstrings import inline, restructured
from folder_of_pages import written
from rooms import GROUPS, LAYERS, PAGES, Page, every_name, names_of

from fnnet.errors import FnnetError
from fnnet.explain.text import names as text_names

MOST = 6  # links to where a name is used
QUESTIONS = ("one-page", "sharp-bits", "faq", "conventions", "coming-from")  # other pages with code
DOCS = Path(__file__).resolve().parents[1]


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("builder-inited", write)
    app.connect("autodoc-process-docstring", process, priority=400)  # before napoleon
    app.connect("autodoc-process-bases", lambda app, name, obj, options, bases: bases.clear())
    return {"parallel_read_safe": True}


def write(app: Any) -> None:
    """All pages, into docs/api, which git does not track."""
    written(Path(app.srcdir) / "api", {f"{page.file}.rst": text(page) for page in PAGES} | {"index.rst": index()})


def index() -> str:
    """The page above all others."""
    titles = {page.file: page for page in PAGES}
    lines = ["Reference", "=========", "", "Every public name, on the page of its family.", ""]
    for group, files in GROUPS:
        lines += [group, "-" * len(group), "", ".. list-table::", "   :class: names", "   :widths: 30 70", ""]
        for file in files:
            page = titles[file]
            words = " ".join(f"``{name}``" for name in names_of(page)[:60])
            lines += [f"   * - :doc:`{page.title} <{file}>`", f"     - {words}"]
        lines += ["", ".. toctree::", "   :hidden:", "", *(f"   {file}" for file in files), ""]
    return "\n".join(lines)


def text(page: Page) -> str:
    """The source of a page."""
    module = importlib.import_module(page.module)
    lines = [page.title, "=" * len(page.title), ""]
    family = page in LAYERS
    if page == LAYERS[0]:
        lines += [".. py:module:: fnnet.layers", ""]
    elif not family:
        lines += [f".. py:module:: {page.module}", "", f"``{page.module}``", ""]
        lines += restructured(inspect.getdoc(module).splitlines(), linker(page.module))
    lines += [f".. py:currentmodule:: {page.module}", ""]
    names = names_of(page)
    if len(names) > 3:
        lines += [".. list-table::", "   :class: names", "   :widths: 30 70", ""]
        for name in names:
            lines += [f"   * - :py:obj:`{name} <{page.module}.{name}>`", f"     - {_first(module, name, page.module)}"]
        lines.append("")
    for name in names:
        lines += [*_entry(module, page.module, name), ""]
    return "\n".join(lines)


def _first(module: Any, name: str, where: str) -> str:
    """What a name is, in the first sentence of its docstring."""
    value = getattr(module, name)
    told = inspect.isfunction(value) or inspect.isclass(value)
    doc = (inspect.getdoc(value) or "") if told else ""
    return inline(" ".join(doc.split("\n\n")[0].split()), linker(where))


def _entry(module: Any, where: str, name: str) -> list[str]:
    value = getattr(module, name)
    if inspect.isclass(value):
        options = ["   :members:", "   :exclude-members: count, index"]
        if issubclass(value, FnnetError | tuple):
            options[-1] += ", add_note, with_traceback"
        return [f".. autoclass:: {where}.{name}", *options]
    if inspect.isfunction(value):
        return [f".. autofunction:: {where}.{name}"]
    return [f".. py:data:: {name}", "", f"   {_told(value)}"]


def _told(value: Any) -> str:
    """What stands behind a name that is neither a function nor a class."""
    if isinstance(value, Mapping):
        return "A table: " + ", ".join(f"``{key}``" for key in value) + "."
    if isinstance(value, tuple):
        return f"{len(value)} words: " + ", ".join(f"``{word}``" for word in value) + "."
    return f"``{value!r}``".replace("collections.abc.", "").replace("typing.", "")


@cache
def linker(module: str) -> Any:
    """From the words of a code span to the public name that they name, as seen from a module."""
    known = every_name()

    def link(words: str) -> str | None:
        words = words.removesuffix("()")
        return next((full for full in (f"{module}.{words}", words, f"fnnet.{words}") if full in known), None)

    return link


def process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Turn a docstring into what Sphinx reads."""
    module = max((page.module for page in PAGES if name.startswith(page.module + ".")), key=len, default="fnnet")
    find = linker(module)
    lines[:] = restructured(lines, lambda words: None if find(words) == name else find(words))
    lines += seen_in(name)


def seen_in(name: str) -> list[str]:
    """Where else a name is met: its derivation, and the pages and tutorials whose code uses it."""
    room, _, own = name.removeprefix("fnnet.").rpartition(".")
    pages = [f"losses.{own}", own] if room == "losses" else [own] if room == "layers" else []
    derived = [page for page in pages if page in text_names()][:1]
    links = [f":doc:`its derivation </derivations/{page}>`" for page in derived]
    used = re.compile(rf"\b{re.escape(room)}\.{re.escape(own)}\b")
    links += [f":doc:`{title} </{page}>`" for page, (title, code) in sources().items() if room and used.search(code)]
    return [f"**See also:** {', '.join(links[:MOST])}", ""] if links else []


@cache
def sources() -> dict[str, tuple[str, str]]:
    """Every page with code, and every tutorial: its title, and its code."""
    found = {}
    for folder, built in (("lessons", "tutorials"), ("pictures", "gallery")):
        for path in sorted((DOCS / folder).glob("plot_*.py")):
            code = path.read_text(encoding="utf-8")
            found[f"{built}/{path.stem}"] = (code.splitlines()[1], code)
    for path in (*sorted((DOCS / "how-to").glob("*.md")), *(DOCS / f"{name}.md" for name in QUESTIONS)):
        page = path.read_text(encoding="utf-8")
        code = "\n".join([*re.findall(r"```python\n(.*?)```", page, re.DOTALL), *_cells(page)])
        title = page.splitlines()[0].removeprefix("# ")
        found[path.relative_to(DOCS).with_suffix("").as_posix()] = (title, code)
    return found


def _cells(page: str) -> list[str]:
    """The code in a page's tables; in the third column of five stand layers, by their names alone."""
    rows = re.findall(r"^\| .* \|$", page, re.MULTILINE)
    spans = [span for row in rows for span in re.findall(r"`([^`]+)`", row)]
    return [*spans, *(f"layers.{row.split(' | ')[2].strip('`')}" for row in rows if row.count(" | ") == 4)]
