"""The tables of measurements on the pages, from files: `python -m experiments.bench.pages` writes them anew.

| file | what leaves it |
|---|---|
| `docs/bench-nets.json` | `python -m experiments bench nets --before … --threads 1 --json docs/bench-nets.json` |
| `docs/bench-nets-all.json` | `… bench nets --before … --threads 2 --json docs/bench-nets-all.json` |
| `docs/bench-nets-amd.json` | the first of these with `--starts 1` on another processor |
| `docs/bench-layers.json` | `… bench layers --against torch onnxruntime --threads 1 --json docs/bench-layers.json` |
| `docs/bench-growth.json` | `… bench slopes startup --threads 1 --json docs/bench-growth.json` |
"""

import json
import math
import re
from pathlib import Path
from typing import Any

from experiments.bench.command import WORKS
from experiments.bench.race import of_peers
from fnnet.errors import ConfigError, expected

ROOT = Path(__file__).resolve().parents[2]
RESULTS = {what: ROOT / "docs" / f"bench-{what}.json" for what in ("nets", "nets-all", "nets-amd", "layers", "growth")}
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
FULL = ROOT / "docs" / "performance.md"
SHOWN = ("lenet5", "mlp-32", "cnn", "resnet", "vgg", "wide-mlp")  # in the READMEs
HEAD = "| milliseconds | fnnet | with `keep_memory` | PyTorch | JAX | ONNX Runtime | products alone | of peak |"
CHANGE = (
    "| milliseconds | before | with `keep_memory` | now | fastest peer | ratio "
    "| 2 cores: before | now | fastest peer | ratio |"
)
OTHER = "| milliseconds, AMD | before | with `keep_memory` | now | fastest peer | ratio |"
LAYERS = "| milliseconds | fnnet | PyTorch | ONNX Runtime | ratio | products alone | MB, fnnet | MB, PyTorch |"
GROWTH = "| a step of | along | sizes | time | asked | memory | asked |"
STARTUP = "| seconds, the first step in warm ones | least | median | goal |"


def main() -> None:
    """Write the tables of all pages."""
    for path in (*READMES, FULL):
        path.write_text(renewed(path, read()), encoding="utf-8")


def read() -> dict[str, Any]:
    """What the files hold."""
    return {what: json.loads(path.read_text(encoding="utf-8")) for what, path in RESULTS.items()}


def renewed(path: Path, results: dict[str, Any]) -> str:
    """The text of a page with the figures of these results."""
    page = path.read_text(encoding="utf-8")
    if path != FULL:
        return with_figures(page, short(results["nets"]))
    rows = {
        HEAD: full(results["nets"]),
        CHANGE: list(map(changed, results["nets"]["rows"], results["nets-all"]["rows"])),
        OTHER: list(map(changed, results["nets-amd"]["rows"])),
        LAYERS: list(map(by_itself, results["layers"]["rows"])),
        GROWTH: list(map(grown, results["growth"]["slopes"])),
        STARTUP: [begun(what, row) for what, row in results["growth"]["startup"].items()],
    }
    for head, lines in rows.items():
        page = with_table(page, head, lines)
    return page


def with_table(page: str, head: str, rows: list[str]) -> str:
    """A page whose table with this head has these rows."""
    before, found, behind = page.partition(head + "\n")
    if not found:
        raise ConfigError(expected("page", f"a table that begins with {head}", "none"))
    rest = behind[re.match(r"(\|.*\n)*", behind).end() :]  # type: ignore[union-attr]
    return before + found + "\n".join(["|---" * head.count(" |") + "|", *rows, ""]) + rest


def with_figures(page: str, rows: list[list[str]]) -> str:
    r"""A page whose table that ends with ONNX Runtime has these figures; heads and first cells stay.

    >>> page = "| work | a | ONNX Runtime |\n|---|---|---|\n| LeNet | 1 | 2 |\n"
    >>> with_figures(page, [["3", "–"]]).splitlines()[-1]
    '| LeNet | 3 | – |'
    """
    found = re.search(r"\| ONNX Runtime \|\n\|[-|]+\n((?:\|.*\n)+)", page)
    old = found[1].splitlines() if found else []
    if not found or len(old) != len(rows):
        raise ConfigError(expected("page", f"a table of {len(rows)} nets whose last column is ONNX Runtime", str(old)))
    new = [" | ".join([line.split(" | ")[0], *row]) + " |" for line, row in zip(old, rows, strict=True)]
    return page[: found.start(1)] + "\n".join([*new, ""]) + page[found.end(1) :]


def short(results: dict[str, Any]) -> list[list[str]]:
    """A step by fnnet, PyTorch, JAX; one example by these and ONNX Runtime: a row for each of the nets shown."""
    rows = {(row["work"], row["mode"], row["batch"]): row["seconds"] for row in results["rows"]}
    three = ("fnnet", "torch", "jax")
    return [
        [
            *(cell(rows[name, "train", WORKS[name].batch], who) for who in three),
            *(cell(rows[name, "infer", 1], who) for who in (*three, "onnxruntime")),
        ]
        for name in SHOWN
    ]


def full(results: dict[str, Any]) -> list[str]:
    """A row for every race."""
    lines = []
    for row in results["rows"]:
        times = [cell(row["seconds"], who) for who in ("fnnet", "kept", "torch", "jax", "onnxruntime")]
        share = row["multiply_adds_per_second"] / results["gemm_multiply_adds_per_second"]
        lines.append(
            _line(_what(row), *times, milliseconds(row["products_seconds"]), f"{share:.0%}".replace("%", " %"))
        )
    return lines


def changed(one: dict[str, Any], all_cores: dict[str, Any] | None = None) -> str:
    """A race on one core, or on one and on all: what came before, now, and the fastest of the peers."""
    cells = []
    for row, own in ((one, ("before", "before-kept", "fnnet")), (all_cores, ("before", "fnnet"))):
        if row is None:
            continue
        seconds = row["seconds"]
        fastest = min(found["median"] for found in of_peers(seconds))
        ratio = seconds["fnnet"]["median"] / fastest
        cells += [*(cell(seconds, who) for who in own), milliseconds(fastest), f"{ratio:.2f}"]
    return _line(_what(one), *cells)


def by_itself(row: dict[str, Any]) -> str:
    """A layer, or a step of a larger net, with its peaks of memory."""
    times = [cell(row["seconds"], who) for who in ("fnnet", "torch", "onnxruntime")]
    ratio = "–" if row["ratio_to_fastest_peer"] is None else f"{row['ratio_to_fastest_peer']:.2f}"
    peaks = [megabytes(row["peak_bytes"][who]) if who in row["peak_bytes"] else "–" for who in ("fnnet", "torch")]
    return _line(_what(row), *times, ratio, milliseconds(row["products_seconds"]), *peaks)


def grown(row: dict[str, Any]) -> str:
    """A work along an axis: the exponents of its time and memory, and those of the arithmetic."""
    exponents = (
        cell for cost in ("time", "memory") for cell in (f"{row[cost]['measured']:.2f}", str(row[cost]["asked"]))
    )
    return _line(row["work"], row["axis"], f"{row['sizes'][0]:,} … {row['sizes'][-1]:,}", *exponents)


def begun(what: str, row: dict[str, float]) -> str:
    """What it takes to begin: seconds, or for the first step times a warm one."""
    figures = [f"{row[figure]:.3f}" if figure in row else "–" for figure in ("least", "median", "at_most")]
    return _line("first step of LeNet-5" if what == "first step" else f"`{what}`", *figures)


def _what(row: dict[str, Any]) -> str:
    """The work of a race."""
    n = row["batch"]
    examples = "one example" if n == 1 else f"{n:,} examples"
    task = {"train": f"a step of {n}", "both": f"batch {n}", "infer": examples}[row["mode"]]
    return f"{WORKS[row['work']].says.split(', batch')[0]}, {task}"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def megabytes(size: int) -> str:
    """With a digit behind the point below 10.

    >>> megabytes(2_345_000), megabytes(123_456_789)
    ('2.3', '123')
    """
    return f"{size / 1e6:.{0 if size >= 1e7 else 1}f}"


def cell(seconds: dict[str, dict[str, float]], who: str) -> str:
    """The median of a contender, in milliseconds; a dash where it cannot do the work."""
    return milliseconds(seconds[who]["median"]) if who in seconds else "–"


def milliseconds(seconds: float) -> str:
    """With three digits that count, and with three decimals at most.

    >>> [milliseconds(s) for s in (0.0000245, 0.00122, 0.0105, 0.142, 1.5)]
    ['0.025', '1.22', '10.5', '142', '1500']
    """
    decimals = min(max(2 - math.floor(math.log10(1e3 * seconds)), 0), 3)
    return f"{1e3 * seconds:.{decimals}f}"


if __name__ == "__main__":
    main()
