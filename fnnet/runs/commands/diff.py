"""`diff`: two runs compared to the byte."""

from pathlib import Path
from typing import Annotated

import tyro

from fnnet.runs import cli, compare
from fnnet.runs.folder import opened


def main(args: list[str]) -> int:
    """Say whether two runs are identical; the exit code is 1 where they are not."""
    return cli.parse(diff, args, "fnnet diff")


def diff(
    one: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    other: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
) -> int:
    """Compare what two runs computed: every loss, the digests of the params, the metrics, the trained net.

    Args:
        one: a run folder.
        other: another.
    """
    these = opened(one), opened(other)
    return tell(compare.causes(*these), compare.outcomes(*these))


def tell(causes: list[str], outcomes: list[str]) -> int:
    """Print a comparison and return its exit code."""
    if not outcomes:
        print("identical, to the byte" + (", although recorded facts differ:" if causes else ""))
    else:
        print("different:")
        for line in outcomes:
            print(f"  {line}")
        print("recorded facts that differ:" if causes else "no recorded fact differs")
    for line in causes:
        print(f"  {line}")
    return cli.FAULT if outcomes else 0
