"""Train by name, keep a run folder, predict, report, replay: the shell around the functional core, extra `runs`.

A trained net in three lines:

    from fnnet import runs
    net, params = runs.load("runs/lenet5-seed0")
    logits, _ = net.apply(params, x)          # x (N, 1, 28, 28), float32, ink 1 on 0
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnnet.runs.folder import RunError
    from fnnet.runs.trained import Trained, load, load_trained

__all__ = ["RunError", "Trained", "load", "load_trained"]


def __getattr__(name: str) -> object:
    """Import what is asked for on first use (PEP 562): the command line names its commands without NumPy."""
    if name in __all__:
        return getattr(import_module(f"fnnet.runs.{'folder' if name == 'RunError' else 'trained'}"), name)
    raise AttributeError(f"module 'fnnet.runs' has no attribute {name!r}")
