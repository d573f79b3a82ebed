"""The tables of speeds on the pages, from one file: `python -m experiments.bench.pages` writes them anew.

The file is what `python -m experiments bench nets --threads 1 --json docs/bench-nets.json` leaves.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

from experiments.bench.command import WORKS
from fnnet.errors import ConfigError, expected

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "bench-nets.json"
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
FULL = ROOT / "docs" / "performance.md"
SHOWN = ("lenet5", "mlp-32", "cnn", "resnet", "vgg", "wide-mlp")  # in the READMEs
HEAD = "| milliseconds | fnnet | with `keep_memory` | PyTorch | JAX | ONNX Runtime | products alone | of peak |"


def main() -> None:
    """Write the tables of all pages."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    for path in (*READMES, FULL):
        path.write_text(renewed(path, results), encoding="utf-8")


def renewed(path: Path, results: dict[str, Any]) -> str:
    """The text of a page with the figures of these results."""
    page = path.read_text(encoding="utf-8")
    return with_table(page, HEAD, full(results)) if path == FULL else with_figures(page, short(results))


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
        what = "one example" if row["batch"] == 1 else f"{row['batch']:,} examples"
        what = f"a step of {row['batch']}" if row["mode"] == "train" else what
        times = [cell(row["seconds"], who) for who in ("fnnet", "kept", "torch", "jax", "onnxruntime")]
        share = row["multiply_adds_per_second"] / results["gemm_multiply_adds_per_second"]
        net = WORKS[row["work"]].says.split(", batch")[0]
        cells = [f"{net}, {what}", *times, milliseconds(row["products_seconds"]), f"{share:.0%}"]
        lines.append("| " + " | ".join(cells).replace("%", " %") + " |")
    return lines


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
