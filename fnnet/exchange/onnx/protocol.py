"""The package `onnx`, imported where it is used."""

from typing import Any


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
