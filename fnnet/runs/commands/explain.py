"""`explain`: a layer's derivative step by step, with the numbers of a small case."""

from typing import Annotated, Any, Literal

import tyro

from fnnet import explain, rng
from fnnet.errors import ConfigError, expected
from fnnet.explain import naming, text
from fnnet.runs import cli
from fnnet.runs.commands import check


def main(args: list[str]) -> int:
    """Print how a layer or a loss comes to its numbers."""
    return cli.parse(explained, args, "fnnet explain")


def explained(
    net: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="LAYER")] = "",
    shape: tuple[str, ...] = (),
    batch: int = 0,
    mode: Literal["evaluation", "training", ""] = "",
    seed: int = 0,
) -> int:
    """Explain a layer or a loss with the numbers of a small case: formula, derivation, what is read, proof, code.

    Without a layer, names those whose derivation is written. A file that is named is run.

    Args:
        net: a name such as conv2d, a net as Python writes it such as "conv2d(2, 3, padding=1)", or for a layer of your
            own FILE.py:FACTORY.
        shape: of one example, without the batch axis, such as 1 4 4; with an i in front of whole numbers, i 5; with
            + between the parts of a tuple, 2 + 3 2.
        batch: examples; 0 for as many as the derivation likes.
        mode: evaluation or training; by default the one that the derivation is about.
        seed: of everything drawn.
    """
    if not net:
        print("derivations are written for:", *text.names())
        return 0
    options: dict[str, Any] = {"key": rng.key(seed), "batch": batch or None, "mode": mode or None}
    own = naming.shape_written(" ".join(shape)) if shape else None
    module, colon, _ = net.rpartition(":")
    if not colon or "(" in module:
        print(explain.explained(net, own, **options))
        return 0
    if own is None:
        raise ConfigError(expected("shape", "that of one example", "none", "say it: --shape 3"))
    with check.of_users(net):
        print(explain.explain(check.load(net), own, **options))
    return 0
