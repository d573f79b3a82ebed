"""`describe`: what a file that holds a net is: how it is made, and its layers."""

from pathlib import Path
from typing import Annotated

import tyro

import fnnet
from fnnet import checkpoint
from fnnet.runs import cli
from fnnet.runs.commands.show import layer_table
from fnnet.runs.folder import PARAMS


def main(args: list[str]) -> int:
    """Print the recipe and the layers of a net."""
    return cli.parse(describe, args, "fnnet describe")


def describe(file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]) -> int:
    """Say what net a file holds: how it is made, what it takes, and its layers with their params and work.

    Args:
        file: written by `fnnet.save`, or params.safetensors of a run, or a run folder.
    """
    path = file / PARAMS if file.is_dir() else file
    net, params, shape = fnnet.load(path)
    print(f"{net}\n\nfor examples of shape {shape}\n")
    cli.console().print(layer_table(net, params, shape))
    if metadata := checkpoint.read_metadata(path):
        print(f"\nmetadata: {metadata}")
    return 0
