"""The pages of results: those of `experiments/`, whose figures and links are found from here."""

from pathlib import Path
from typing import Any

from folder_of_pages import written

NAMES = ("RESULTS", "RESULTS.zh")  # the second, in Chinese, where it is there


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("builder-inited", lambda app: write(Path(app.srcdir)))
    return {"parallel_read_safe": True}


def write(source: Path) -> None:
    """All pages, into docs/results, which git does not track."""
    made = source.parent / "experiments"
    there = {name: made / f"{name}.md" for name in NAMES if (made / f"{name}.md").is_file()}
    pages = {f"{name}.md": page(path.read_text(encoding="utf-8")) for name, path in there.items()}
    others = [name for name in there if name != NAMES[0]]
    tree = "\n".join(["", "```{toctree}", ":hidden:", "", *others, "```", ""]) if others else ""
    written(source / "results", pages | {f"{NAMES[0]}.md": pages[f"{NAMES[0]}.md"] + tree})


def page(text: str) -> str:
    """A page with its figures where they lie, and without links to files that are no pages.

    >>> page("![a](figures/a.png) [runs.tar.xz](runs.tar.xz) [中文](RESULTS.zh.md)")
    '![a](../../experiments/figures/a.png) `runs.tar.xz` [中文](RESULTS.zh.md)'
    """
    text = text.replace("](figures/", "](../../experiments/figures/")
    return text.replace("[runs.tar.xz](runs.tar.xz)", "`runs.tar.xz`")
