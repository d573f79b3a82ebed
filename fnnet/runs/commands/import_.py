"""`import`: an ONNX model as a net of fnnet, in a file that `fnnet.load` reads."""

from pathlib import Path
from typing import Annotated

import tyro

import fnnet
from fnnet.errors import ConfigError, expected
from fnnet.exchange import from_onnx
from fnnet.runs import cli


def main(args: list[str]) -> int:
    """Read an ONNX model and write a net."""
    return cli.parse(import_, args, "fnnet import")


def import_(
    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL.onnx")],
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")],
    force: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
) -> int:
    """Read an ONNX model as a net of fnnet's layers, which trains and is exported like any other.

    Args:
        model: the file of the model.
        out: the file to write, for `fnnet.load`.
        force: write it where a file is already.
    """
    if out.exists() and not force:
        raise ConfigError(expected("--out", "a new file", f"{out}, which is there", "add --force to replace it"))
    net, params, shape = from_onnx(model)
    fnnet.save(out, net, params, shape, {"imported from": model.name})
    print(out)
    return 0
