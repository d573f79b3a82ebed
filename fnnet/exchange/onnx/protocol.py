"""The package `onnx`, imported where it is used, and an order of its own."""

from collections.abc import Mapping
from typing import Any

# The gates of recurrent nets in ONNX's order, by their places in fnnet's: i o f g of i f g o, and z r n of r z n.
GATES: Mapping[str, tuple[int, ...]] = {"RNN": (0,), "LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}


def library() -> Any:
    """The package `onnx`.

    Raises:
        ModuleNotFoundError: it is not installed; the message says how it is.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{error}; ONNX needs it: pip install 'fnnet[onnx]'", name=error.name) from None
    return onnx
