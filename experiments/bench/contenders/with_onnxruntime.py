"""ONNX Runtime on the CPU: the net as `fnnet.exchange.to_onnx` writes it; predictions alone."""

import os
from collections.abc import Callable

import numpy as np
import onnxruntime

from experiments.bench.contenders import PREDICTED
from experiments.bench.contenders.with_fnnet import made
from experiments.bench.works import Work, batch
from fnnet.exchange import to_onnx


def versions() -> dict[str, str]:
    """What computes here."""
    return {"onnxruntime": onnxruntime.__version__}


def trainer(work: Work, n: int) -> Callable[[], float]:
    """Nothing: its Python package for the CPU does not train."""
    raise NotImplementedError("ONNX Runtime's package predicts only")


def predictor(work: Work, n: int) -> Callable[[], np.ndarray]:
    """Scores, with all of its optimisations of the graph."""
    (net, params), (x, _) = made(work), batch(work, n)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = int(os.environ["OMP_NUM_THREADS"]), 1
    model = to_onnx(net, params, work.input).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: np.concatenate([session.run(None, {name: x[i : i + PREDICTED]})[0] for i in range(0, n, PREDICTED)])
