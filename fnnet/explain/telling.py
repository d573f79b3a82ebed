"""An explanation in words: as parts, and these for a terminal or as Markdown."""

from collections.abc import Iterator
from textwrap import dedent, fill
from typing import Any, NamedTuple

import attrs
import numpy as np

from fnnet import tree
from fnnet.arrays import Discrete, is_tuple, places
from fnnet.explain.explanation import SAME, Explanation, Reads, arguments, arrays_of
from fnnet.testing.case import named_leaves
from fnnet.types import Array

DIGITS, WIDTH, MOST = 4, 78, 80  # of a number, of a line, and numbers of an array that are written out
TERMINAL, LEAST = 80, 36  # columns in all, and those that an array wants


_HAND = "numbers that can be followed by hand, and any cotangent dy of y."
_READ = "The derivative of one element of y by every element of x; a dot is one that it does not depend on."
_LAW = (
    "`vjp` is the transposed derivative: ⟨u, vjp(dy)⟩ = ⟨J u, dy⟩, here for one random direction u, and by differences "
    "of the value, (⟨f(· + hu), dy⟩ - ⟨f(· - hu), dy⟩) / 2h with h = 10⁻⁶."
)
_KIT = (
    "`fnnet.testing.check_layer` holds every layer to this in many directions, on drawn cases, and to the other laws: "
    "exactness, purity, shapes, dtypes, keys."
)


class Passage(NamedTuple):
    """A piece of an explanation.

    Args:
        kind: "title", "heading", "prose", "code" or "numbers".
        text: Markdown in prose; else as it stands.
    """

    kind: str
    text: str


def passages(told: Explanation) -> Iterator[Passage]:
    """All of an explanation, piece by piece."""
    case = told.case
    yield Passage("title", told.name)
    yield Passage("code", told.call)
    if told.about:
        yield from _about(told.about)
    yield Passage("heading", "The case")
    examples = f"{case.batch} example{'s' * (case.batch > 1)}"
    yield Passage("prose", f"{examples} of shape {_shape(case.shape)}, in {case.mode}; {_HAND}")
    leaves = [(name.removeprefix("params."), tree.array(leaf)) for name, leaf in named_leaves(case.params).items()]
    held = [held for name, value in arguments(case.layer).items() for held in arrays_of(name, value)]
    yield Passage("numbers", table([*told.inputs.items(), *held, *leaves, *places(case.dy, "dy")]))
    yield Passage("heading", "The derivation, step by step" if told.steps else "What comes out")
    yield from _steps(told)
    if told.readings:
        yield Passage("heading", "What is read")
        yield Passage("prose", _READ)
        for reading in told.readings:
            yield Passage("numbers", elements_read(reading))
    yield Passage("heading", "The law that proves it")
    yield Passage("prose", _LAW)
    yield Passage("numbers", slopes(told))
    yield Passage("prose", _KIT)
    if told.code:
        yield Passage("heading", "The code")
        for where, code in told.code:
            yield Passage("prose", f"`{where}`")
            yield Passage("code", code)


def _about(about: str) -> Iterator[Passage]:
    for block in about.split("\n\n"):
        formula = block.startswith("    ")
        yield Passage("numbers", dedent(block)) if formula else Passage("prose", " ".join(block.split()))


def _steps(told: Explanation) -> Iterator[Passage]:
    for step in told.steps:
        yield Passage("prose", step.prose)
        if step.code:
            yield Passage("code", step.code)
            if step.made:
                yield Passage("numbers", table(list(step.made.items())))
    if told.steps:
        yield Passage("prose", agreement(told))
        return
    yield Passage("prose", told.remark)
    found = [(_result(name), tree.array(leaf)) for name, leaf in told.found.items() if leaf is not None]
    yield Passage("numbers", table(found))


def _result(name: str) -> str:
    """What a result of the law kit is called here: dx for "x", dweight for "params.weight"."""
    return name if name[0] == "y" else f"d{name.removeprefix('params.')}"


def agreement(told: Explanation) -> str:
    """How the steps' results compare with the layer's."""
    names = ", ".join(f"`{name}`" for name in told.off)
    worst = max(told.off.values())
    if not told.agrees:
        wrong = ", ".join(f"`{name}`" for name, off in told.off.items() if not off < SAME)
        return f"The layer itself gives something else: {wrong}."
    return f"The layer itself gives the same {names}" + (f", to {worst:.0e}." if worst else ", exactly.")


def slopes(told: Explanation) -> str:
    """The table of slopes."""
    lines = [("moved along u", "vjp pulled back", "by differences")]
    for by, pulled, differences in map(attrs.astuple, told.slopes):
        lines.append((by.removeprefix("params."), f"{pulled:.7f}", f"{differences:.7f}"))
    widths = [max(len(line[i]) for line in lines) for i in range(3)]
    return "\n".join("   ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines)


def table(arrays: list[tuple[str, Any]]) -> str:
    """Arrays by name, their shapes beside them."""
    lines = []
    for name, value in arrays:
        if value is None:
            continue
        array = np.asarray(value)
        head, indent = _head(f"{name} {array.shape} = " if array.ndim else f"{name} = ")
        lines.append(head + numbers(array, indent))
    return "\n".join(lines)


def _head(words: str) -> tuple[str, int]:
    """What stands in front of an array, and how far in its lines stand: below a head that leaves it little room."""
    return (words, len(words)) if WIDTH - len(words) >= LEAST else (f"{words.rstrip()}\n    ", 4)


def numbers(array: Array, indent: int = 0) -> str:
    """The numbers of an array, to a few digits.

    >>> print(numbers(np.array([[1.0, -0.0], [1 / 3, 2e-5]])))
    [[     1,      0],
     [0.3333,  2e-05]]
    """
    if array.size > MOST:
        return f"{array.size} numbers from {array.min():.{DIGITS}g} to {array.max():.{DIGITS}g}"
    if array.dtype.kind in "fc":
        array = array + 0.0  # no -0.
        with np.errstate(all="ignore"):
            words = [f"{number:.{DIGITS}g}" for number in array.flat]
    else:
        words = [str(number) for number in array.flat]
    return _grid(words, array.shape, indent, WIDTH - indent)


def _grid(words: list[str], shape: tuple[int, ...], indent: int, width: int) -> str:
    """Words in the brackets of an array of this shape, all as wide as the longest, lines indented but for the first."""
    longest = max(map(len, words), default=0) if shape else 0
    padded = np.array([f"{word:>{longest}}" for word in words], object).reshape(shape)
    text = np.array2string(
        padded, separator=", ", formatter={"all": str}, max_line_width=width, threshold=padded.size + 1
    )
    return ("\n" + " " * indent).join(line.rstrip() for line in text.splitlines() if line.strip())


def elements_read(reading: Reads) -> str:
    """What one element reads.

    >>> print(elements_read(Reads((0, 1), np.array([[0.0, 2.0]]))))
    y[0, 1] reads x (1, 2) = [[·, 2]]
    """
    head, indent = _head(f"y{list(reading.index)} reads x {reading.slopes.shape} = ")
    words = [f"{slope:.{DIGITS}g}" if slope else "·" for slope in reading.slopes.flat]
    return head + _grid(words, reading.slopes.shape, indent, WIDTH - indent)


def _shape(shape: Any) -> str:
    if is_tuple(shape):
        return " and ".join(map(_shape, shape))
    return f"{shape.shape} of whole numbers" if isinstance(shape, Discrete) else str(shape)


def in_terminal(told: Explanation) -> str:
    """For a terminal: headings underlined, code and numbers indented."""
    out = []
    for kind, text in passages(told):
        if kind in ("title", "heading"):
            out.append(f"{text}\n{('=' if kind == 'title' else '-') * len(text)}")
        elif kind == "prose":
            out.append(_wrapped(text))
        else:
            indent = "    " if kind == "code" else "  "
            lines = (folded for line in text.splitlines() for folded in _folded(line, TERMINAL - len(indent)))
            out.append("\n".join(indent + line if line else "" for line in lines))
    return "\n\n".join(out)


def _folded(line: str, width: int) -> Iterator[str]:
    """A line of code or numbers, cut at blanks where it is too long; what follows stands four columns further in.

    >>> list(_folded("  y = one + two", 12))
    ['  y = one +', '      two']
    """
    left = " " * (len(line) - len(line.lstrip()) + 4)
    while len(line) > width and (cut := line.rfind(" ", len(line) - len(line.lstrip()) + 1, width + 1)) > 0:
        yield line[:cut].rstrip()
        line = left + line[cut:].lstrip()
    yield line


def _wrapped(text: str) -> str:
    return "\n\n".join(fill(paragraph, TERMINAL) for paragraph in text.split("\n\n"))


_MARKDOWN = {
    "title": "# {}",
    "heading": "## {}",
    "prose": "{}",
    "code": "```python\n{}\n```",
    "numbers": "```text\n{}\n```",
}


def in_markdown(told: Explanation) -> str:
    """As a page: the same, in Markdown."""
    out = []
    for kind, text in passages(told):
        out.append(_MARKDOWN[kind].format(text))
    return "\n\n".join(out) + "\n"
