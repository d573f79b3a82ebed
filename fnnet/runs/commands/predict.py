"""`predict`: read picture files with a trained net."""

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from fnnet import layers
from fnnet.errors import ConfigError, FnnetError, expected
from fnnet.runs import cli
from fnnet.runs.trained import load_trained


def main(args: list[str]) -> int:
    """Print a class and its probability for every picture; the exit code is 1 if one of them could not be read."""
    return cli.parse(predict, args, "fnnet predict")


def predict(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    images: Annotated[
        tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE…", help_behavior_hint="(required)")
    ],
) -> int:
    """Classify picture files of any size and mode with the trained net of a run.

    Args:
        run: a run folder.
        images: picture files, turned upright as their cameras say. Digits, one each, are cut out and put in the middle
            as in MNIST; pictures for a net that was trained on a folder are read as those were.
    """
    if not images:
        usage = "usage: fnnet predict RUN IMAGE…"
        raise ConfigError(expected("predict", "a picture file or more after the run", "none", usage))
    trained = load_trained(run)
    net, params, classes = trained.net, trained.params, trained.classes
    failed = 0
    for path in images:
        try:
            x, done = trained.read(path)
        except FnnetError as error:
            print(f"error: {error}", file=sys.stderr)
            failed += 1
            continue
        logits, _ = net.apply(params, x[None])
        p = layers.softmax().apply((), logits)[0][0]
        best = np.argsort(-p, kind="stable")[:3]
        others = ", ".join(f"{classes[i]} {p[i]:.1%}".replace("%", " %") for i in best[1:])
        treated = f"  [{'; '.join(done)}]" if done else ""
        print(f"{path}: {classes[best[0]]} ({p[best[0]]:.1%}".replace("%", " %") + f"); then {others}{treated}")
    return cli.FAULT if failed else 0
