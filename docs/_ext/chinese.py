"""What the Chinese site needs beside its catalogues: a search that finds Chinese words, and captions of small pictures.

Chinese is written without spaces. The index holds every two letters that stand side by side, and a query is cut in the
same way, so whatever stands on a page is found, with no list of words; a letter alone is found too.
"""

import html
import re
from functools import cache
from itertools import pairwise
from typing import Any

from docutils import nodes
from sphinx.search.en import SearchEnglish

CHINESE = "\u4e00-\u9fff"
CAPTION = re.compile(r'(?<=tooltip=")[^"]+(?=")|(?<=thumbnail-title">)[^<]+(?=<)')
SPLIT = r"""
var splitQuery = (query) =>
  (query.match(/[CHINESE]+|(?:(?![CHINESE])[\p{Letter}\p{Number}_])+/gu) || []).flatMap((run) =>
    run.length > 1 && /[CHINESE]/.test(run) ? Array.from(run.slice(1), (letter, i) => run[i] + letter) : [run]);
""".replace("CHINESE", CHINESE)


def pieces(text: str) -> list[str]:
    """Words, and every one and two Chinese letters.

    >>> pieces("反向传播 of x_1")
    ['反', '向', '传', '播', '反向', '向传', '传播', 'of', 'x_1']
    """
    found = []
    for run in re.findall(rf"[{CHINESE}]+|[^\W{CHINESE}]+", text):
        chinese = re.match(f"[{CHINESE}]", run)
        found += [*run, *map("".join, pairwise(run))] if chinese else [run]
    return found


class Search(SearchEnglish):
    """Chinese by pairs of letters, English as ever: half of the site is."""

    lang = "zh"
    js_splitter_code = SPLIT

    def split(self, input: str) -> list[str]:
        """What of a text is indexed."""
        return pieces(input)


@cache
def translations() -> dict[str, str]:
    """Every message of the pages that run, without marks of code."""
    from catalogues import CATALOGUES, read

    return {
        plain(message.id): plain(message.string)
        for folder in ("tutorials", "gallery")
        for path in sorted((CATALOGUES / folder).glob("*.po"))
        for message in read(path)
        if message.id and message.string and not message.fuzzy
    }


def plain(text: str) -> str:
    """A message as a caption has it."""
    return text.replace("`", "").replace("*", "")


def captioned(source: str, known: dict[str, str]) -> str:
    """The captions of small pictures, which sphinx-gallery writes as HTML, in Chinese.

    >>> captioned('<div tooltip="A net &amp; more.">', {"A net & more.": "网络"})
    '<div tooltip="网络">'
    """
    return CAPTION.sub(lambda found: html.escape(known.get(html.unescape(found[0]), html.unescape(found[0]))), source)


def recaption(app: Any, doctree: nodes.document, page: str) -> None:
    """Translate what stands as HTML on the page above the tutorials, and above the pictures."""
    if app.config.language == "zh_CN" and page in ("tutorials/index", "gallery/index"):
        for node in doctree.findall(nodes.raw):
            translated = captioned(node.astext(), translations())
            node.rawsource, node[:] = translated, [nodes.Text(translated)]


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.add_search_language(Search)
    app.connect("doctree-resolved", recaption)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
