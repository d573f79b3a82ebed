"""What a check found, as values that print themselves."""

import attrs
import numpy as np
from numpy.typing import ArrayLike

from fnnet import rng, tree
from fnnet.arrays import Arrays, Cotangent, Shapes, places
from fnnet.testing.case import Claims, named_leaves
from fnnet.testing.laws import LAWS
from fnnet.types import Array, Params


@attrs.frozen(eq=False)
class Example:
    """A small case that breaks a law, to be worked by hand.

    Args:
        params: of the layer.
        x: the batch.
        dy: the cotangent of the layer's value.
        what: which result is wrong, such as "y" or "d params.weight".
        got: what the layer gave.
        expected: what it should have given.
    """

    params: Params
    x: Arrays
    dy: Cotangent
    what: str
    got: Array | None
    expected: Array | None

    def __str__(self) -> str:
        rows = [(name, tree.array(leaf)) for name, leaf in named_leaves(self.params).items()]
        rows += [*places(self.x, "x"), *places(self.dy, "dy")]
        if self.expected is not None:
            rows += [(f"{self.what}: got", self.got), (f"{self.what}: expected", self.expected)]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:>{width}} = {_numbers(value, width + 3)}" for name, value in rows)


def _numbers(value: ArrayLike | None, indent: int) -> str:
    value = np.asarray(value)
    if value.dtype.kind in "fc":
        value = value.round(6) + 0.0  # no -0.
    text = np.array2string(
        value, threshold=200, separator=", ", formatter={"float_kind": "{:g}".format, "object": str}, max_line_width=100
    )
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip()).replace("\n", "\n" + " " * indent)


@attrs.frozen(eq=False)
class Finding:
    """How one law fared.

    Args:
        law: its name, a key of `fnnet.testing.LAWS`.
        mode: "evaluation" or "training".
        verdict: "holds", "broken", "skipped", or "unmeasured": no case was found in which it can be judged.
        figure: the largest error as a multiple of what is allowed; None where nothing is measured.
        leaf: the worst result: "x" (for dx), "y" or a leaf such as "params.weight".
        reason: why it is broken, skipped or unmeasured.
        shape: of one example in `example`.
        example: the smallest case found that still breaks the law.
    """

    law: str
    mode: str
    verdict: str
    figure: float | None = None
    leaf: str = ""
    reason: str = ""
    shape: Shapes | None = None
    example: Example | None = None

    def __str__(self) -> str:
        where = f"{self.leaf}: {self.reason}" if self.leaf else self.reason
        figure = "" if self.figure is None else f"error {self.figure:.2g} times what is allowed"
        remark = "; ".join(part for part in (where, figure) if part)
        return f"{self.mode:<10}  {self.law:<14}  {self.verdict:<7}  {remark}".rstrip()


def meaning(law: str) -> str:
    """A law in a line.

    >>> meaning("order")
    'The memory order of x and dy makes no difference beyond rounding.'
    """
    return (LAWS[law].__doc__ or "").strip().splitlines()[0]


@attrs.frozen(eq=False)
class CheckResult:
    """What `check_layer` found; true if no law is broken (one that could not be measured is not).

    Args:
        layer: its name.
        shape: of one example.
        batch: examples in a batch.
        key: replays the check exactly.
        claims: what was said about the layer.
        findings: one for each law and mode.
    """

    layer: str
    shape: Shapes
    batch: int
    key: rng.Key
    claims: Claims
    findings: tuple[Finding, ...]

    def __bool__(self) -> bool:
        return not self.broken

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The findings of broken laws."""
        return tuple(finding for finding in self.findings if finding.verdict == "broken")

    def __str__(self) -> str:
        judged = sum(finding.verdict in ("holds", "broken") for finding in self.findings)
        unmeasured = sum(finding.verdict == "unmeasured" for finding in self.findings)
        state = f"{len(self.broken)} of {judged} laws broken" if self.broken else f"all {judged} laws hold"
        state += f", {unmeasured} could not be measured" if unmeasured else ""
        lines = [f"{self.layer} on examples {self.shape}, batch of {self.batch}: {state}"]
        told: dict[str, Finding] = {}  # reason -> the first broken law that gave it
        for finding in self.findings:
            first = told.setdefault(finding.reason, finding) if finding in self.broken else finding
            same = finding is not first and finding.figure is None
            lines.append(f"  {attrs.evolve(finding, leaf='', reason=f'as {first.law}') if same else finding}")
        for finding in self.broken:
            if finding.example is None or (finding.example.expected is None and finding is not told[finding.reason]):
                continue  # a case that says no more than the first of its kind
            lines += ["", f"{finding.law} in {finding.mode}, the smallest case found (examples {finding.shape}):"]
            lines += [f"  {line}" for line in str(finding.example).splitlines()]
        if self.broken:
            lines += ["", "what these laws say:"]
            lines += [
                f"  {law:<14}  {meaning(law)}"
                for law in dict.fromkeys(f.law for f in self.broken if f in told.values())
            ]
            laws = sorted({finding.law for finding in self.broken})
            options = {"batch": self.batch, "key": self.key, "laws": laws}
            options |= {name: value for name, value in attrs.asdict(self.claims, recurse=False).items() if value}
            given = ", ".join(f"{name}={getattr(value, '__name__', value)}" for name, value in options.items())
            lines += ["", f"replay: check_layer(layer, {self.shape}, {given})"]
        return "\n".join(lines)
