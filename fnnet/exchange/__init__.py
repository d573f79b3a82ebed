"""Nets and weights on their way to and from elsewhere; nothing is imported before it is used.

| function | what |
|---|---|
| `from_torch`, `to_torch` | weights as PyTorch names and lays them, without PyTorch |
| `from_keras` | weights of Keras, channels last |
| `to_onnx`, `from_onnx` | ONNX models, both ways; extra `onnx` |
| `to_python` | a net as one Python file that needs NumPy alone |
"""

from fnnet.lazy import lazily

__all__ = ["from_keras", "from_onnx", "from_torch", "to_onnx", "to_python", "to_torch"]

lazily(
    __name__,
    {
        ".one_file": ("to_python",),
        ".onnx.reading": ("from_onnx",),
        ".onnx.writing": ("to_onnx",),
        ".weights": ("from_keras", "from_torch", "to_torch"),
    },
)
