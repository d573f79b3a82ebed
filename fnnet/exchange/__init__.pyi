from fnnet.exchange.one_file import to_python as to_python
from fnnet.exchange.onnx.reading import from_onnx as from_onnx
from fnnet.exchange.onnx.writing import to_onnx as to_onnx
from fnnet.exchange.weights import from_keras as from_keras
from fnnet.exchange.weights import from_torch as from_torch
from fnnet.exchange.weights import to_torch as to_torch
