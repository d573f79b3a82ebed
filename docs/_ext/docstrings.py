"""Our docstrings, which are Markdown as a terminal shows it, as the reStructuredText that Sphinx reads.

What differs: code stands in single backticks, a formula is an indented block, a table has bars. Sections with a head
(`Args:`, `Raises:`) are left to napoleon, which comes after.
"""

import builtins
import re
from collections.abc import Callable, Iterator

HEADS = re.compile(r"(Args|Raises|Returns|Attributes)( \([\w ]+\))?:$")
LABELS = re.compile(r"(Shapes|Source|Params|Keeps)(:| )")
SPAN = re.compile(r"`([^`]+)`")
Link = Callable[[str], str | None]  # the words of a code span -> the full name of what they name


def restructured(lines: list[str], link: Link = lambda words: None) -> list[str]:
    """The lines of a docstring, dedented, as reStructuredText.

    >>> restructured(["Keeps `x`.", "", "    y = x + b", "", "| a | b |", "|---|---|", "| `c` | d* |"])[:5]
    ['Keeps ``x``.', '', '.. code-block:: text', '   :class: formula', '']
    """
    out: list[str] = []
    for block in _blocks(lines):
        first = block[0]
        if first.startswith(">>>"):
            out += block
        elif first.startswith("|"):
            out += _table(block, link)
        elif HEADS.match(first):
            out += [first.replace(" (", "_(").split("_(")[0].rstrip(":") + ":"]
            out += _items(block[1:], link, raises=first.startswith("Raises"))
        elif first.startswith("    "):
            out += [".. code-block:: text", "   :class: formula", "", *(line[1:] for line in block)]
        elif re.match(r"- |\d+\. ", first):
            out += [inline(line, link) for line in _entries(block)]
        else:
            out.append(_paragraph(" ".join(line.strip() for line in block), link))
        out.append("")
    return out


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """What blank lines part, but for sections and formulas: a blank line inside what is indented parts nothing."""
    block: list[str] = []
    for line in [*lines, ""]:
        inside = block and (block[0].startswith("    ") or HEADS.match(block[0]))
        if not line.strip():
            if inside:
                block.append("")
            elif block:
                yield block
                block = []
        elif inside and not line.startswith("    "):
            yield _stripped(block)
            block = [line]
        elif block and not inside and (HEADS.match(line) or line.startswith("|") != block[0].startswith("|")):
            yield block
            block = [line]
        else:
            block.append(line)
    if block:
        yield _stripped(block)


def _stripped(block: list[str]) -> list[str]:
    while not block[-1].strip():
        block = block[:-1]
    return block


def _entries(block: list[str]) -> list[str]:
    """The entries of a list, each on one line."""
    found: list[str] = []
    for line in block:
        if re.match(r"\s*(- |\d+\. )", line) or not found:
            found.append(line)
        else:
            found[-1] += " " + line.strip()
    return found


def _items(block: list[str], link: Link, raises: bool) -> list[str]:
    """The entries of a section, each on one line, as napoleon reads them."""
    found: list[str] = []
    for line in (line for line in block if line.strip()):
        if found and (line.startswith("     ") or ": " not in found[-1]):
            found[-1] += " " + line.strip()
        else:
            found.append(line.strip())
    lines = []
    for item in found:
        name, colon, words = item.partition(": ")
        if colon and re.fullmatch(r"\*{0,2}[\w, *]+", name):
            name = (
                f"~fnnet.errors.{name}" if raises and name.endswith("Error") and not hasattr(builtins, name) else name
            )
            lines.append(f"    {name}: {inline(words, link)}")
        else:
            lines.append(f"    {inline(item, link)}")
    return lines


def _paragraph(text: str, link: Link) -> str:
    label = LABELS.match(text)
    if label and label[2] == ":":
        return f"**{label[1]}:** {inline(text[label.end() :].strip(), link)}"
    return inline(text, link)


def _table(block: list[str], link: Link) -> list[str]:
    """A Markdown table as a list-table; cells may hold `code`."""
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in block]
    rows = [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]
    lines = [".. list-table::", "   :header-rows: 1", ""] if any(rows[0]) else [".. list-table::", ""]
    for row in rows if any(rows[0]) else rows[1:]:
        for i, cell in enumerate(row):
            lines.append(("   * - " if i == 0 else "     - ") + inline(cell.replace("\\|", "|"), link))
    return lines


def inline(text: str, link: Link = lambda words: None) -> str:
    r"""Words with `code` and *stress* in them.

    >>> inline("of `x`'s rows * 2, `*rest` | *so*, name_")
    "of ``x``'s rows \\* 2, ``*rest`` \\| *so*, name\\_"
    """
    parts = SPAN.split(text)
    out = ""
    for i, part in enumerate(parts):
        if i % 2 == 0:
            out += _escaped(part)
            continue
        target = link(part)
        before = "\\ " if out and (out[-1].isalnum()) else ""
        after = "\\ " if parts[i + 1][:1].isalnum() else ""
        out += f"{before}:py:obj:`{part} <{target}>`{after}" if target else f"{before}``{part}``{after}"
    return out


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace("|", "\\|")
    text = re.sub(r"\*(?!\w[^*]*\w\*|\w\*)", lambda m: "\\*" if not _closes(text, m.start()) else "*", text)
    return re.sub(r"(?<=\w)_(?!\w)", r"\\_", text)


def _closes(text: str, at: int) -> bool:
    """Whether the star there ends *stress*."""
    return re.search(r"\*\w[^*]*$", text[:at]) is not None and text[at - 1 : at].strip() != ""
