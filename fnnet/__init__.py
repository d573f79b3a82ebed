"""Functional neural networks in NumPy: nets are values, every derivative is written by hand and proved.

Modules are imported when they are first used, so `import fnnet` costs next to nothing:

>>> import fnnet
>>> fnnet.rng.key(0)
Key(seed=0, path=())

`fnnet.__version__` is that of the installed package; "0+source" in sources that nobody has installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnnet import (
        arguments,
        arrays,
        batching,
        checkpoint,
        data,
        errors,
        exchange,
        explain,
        generate,
        initializers,
        kernels,
        labels,
        layers,
        losses,
        metrics,
        optim,
        over_batches,
        parallel,
        plots,
        recipe,
        rng,
        runs,
        runtime,
        summary,
        sums,
        testing,
        training,
        tree,
        types,
        walk,
        zoo,
    )
    from fnnet.net_file import load, save
    from fnnet.training.value_and_grad import value_and_grad

    __version__: str

__all__ = [
    "arguments",
    "arrays",
    "batching",
    "checkpoint",
    "data",
    "errors",
    "exchange",
    "explain",
    "generate",
    "initializers",
    "kernels",
    "labels",
    "layers",
    "load",
    "losses",
    "metrics",
    "optim",
    "over_batches",
    "parallel",
    "plots",
    "recipe",
    "rng",
    "runs",
    "runtime",
    "save",
    "summary",
    "sums",
    "testing",
    "training",
    "tree",
    "types",
    "value_and_grad",
    "walk",
    "zoo",
]


_FUNCTIONS = {"load": "fnnet.net_file", "save": "fnnet.net_file", "value_and_grad": "fnnet.training"}


def __getattr__(name: str) -> object:
    """Import a module of the package, or look up its version, on first use (PEP 562)."""
    if name == "__version__":
        return _version()
    if name in _FUNCTIONS:
        return getattr(import_module(_FUNCTIONS[name]), name)
    if name in __all__:
        return import_module(f"fnnet.{name}")
    raise AttributeError(f"module 'fnnet' has no attribute {name!r}")


def _version() -> str:
    """The version in the metadata of the installed package."""
    metadata = import_module("importlib.metadata")
    try:
        return str(metadata.version("fnnet"))
    except metadata.PackageNotFoundError:
        return "0+source"


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])
