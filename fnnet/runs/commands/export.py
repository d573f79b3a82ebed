"""`export`: a net from a file, as what others read."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

import fnnet
from fnnet import exchange
from fnnet.checkpoint.file import file_parts
from fnnet.errors import ConfigError, expected
from fnnet.files import write
from fnnet.runs import cli
from fnnet.runs.folder import PARAMS
from fnnet.types import Layer, Params, Shapes


def main(args: list[str]) -> int:
    """Write a net in another form."""
    return cli.parse(export, args, "fnnet export")


def export(
    file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")],
    to: Literal["onnx", "python", "torch"],
    out: Annotated[Path, tyro.conf.arg(metavar="PATH")],
    force: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
) -> int:
    """Write a net as an ONNX model, as a Python file that needs NumPy alone, or its weights as PyTorch names them.

    Args:
        file: written by `fnnet.save`, or params.safetensors of a run, or a run folder.
        to: "onnx": a model, see `fnnet.exchange.to_onnx`; "python": a program, see `fnnet.exchange.to_python`; "torch":
            a safetensors file for `load_state_dict`.
        out: the file to write.
        force: write it where a file is already.
    """
    if out.exists() and not force:
        raise ConfigError(expected("--out", "a new file", f"{out}, which is there", "add --force to replace it"))
    net, params, shape = fnnet.load(file / PARAMS if file.is_dir() else file)
    WRITERS[to](out, net, params, shape)
    print(out)
    return 0


def _as_onnx(out: Path, net: Layer, params: Params, shape: Shapes) -> None:
    write(out, [exchange.to_onnx(net, params, shape).SerializeToString()])


def _as_torch(out: Path, net: Layer, params: Params, shape: Shapes) -> None:
    write(out, file_parts(exchange.to_torch(net, params), repr(net)))


WRITERS: dict[str, Callable[[Path, Layer, Params, Any], None]] = {
    "onnx": _as_onnx,
    "python": exchange.to_python,
    "torch": _as_torch,
}
