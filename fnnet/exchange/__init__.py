"""Nets and weights on their way to and from elsewhere; nothing is imported before it is used.

| function | what |
|---|---|
| `from_torch`, `to_torch` | weights as PyTorch names and lays them, without PyTorch |
| `from_keras` | weights of Keras, channels last |
| `to_onnx`, `from_onnx` | ONNX models, both ways; extra `onnx` |
| `to_python` | a net as one Python file that needs NumPy alone |
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnnet.exchange.one_file import to_python
    from fnnet.exchange.onnx.reading import from_onnx
    from fnnet.exchange.onnx.writing import to_onnx
    from fnnet.exchange.weights import from_keras, from_torch, to_torch

_PLACES = {
    "from_keras": "weights",
    "from_onnx": "onnx.reading",
    "from_torch": "weights",
    "to_onnx": "onnx.writing",
    "to_python": "one_file",
    "to_torch": "weights",
}

__all__ = ["from_keras", "from_onnx", "from_torch", "to_onnx", "to_python", "to_torch"]


def __getattr__(name: str) -> object:
    """Import a function on first use (PEP 562)."""
    if name in _PLACES:
        return getattr(import_module(f"fnnet.exchange.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'fnnet.exchange' has no attribute {name!r}")
