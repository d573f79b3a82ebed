"""Nets as ONNX models and back: `to_onnx` and `from_onnx`. Extra `onnx`."""
