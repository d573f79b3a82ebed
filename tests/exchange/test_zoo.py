"""Whole nets by name go out and come back: as ONNX by onnxruntime and by `from_onnx`, as one file to the byte."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: pip install 'fnnet[onnx]'")

from fnnet import rng
from fnnet.arrays import each, flat
from fnnet.exchange import from_onnx, to_onnx, to_python
from tests.exchange.test_one_file import equal, module_at
from tests.exchange.test_onnx import as_onnxruntime
from tests.zoo.test_zoo import CASES

NETS = [
    *("lenet5", "mobilenet-v1", "mobilenet-v2", "unet", "vit-tiny", "mlp-mixer", "gpt", "bert"),
    *("character lstm", "character gru", "variational autoencoder"),
]


@pytest.fixture(params=NETS)
def small(request):
    """A small net of that kind with its params, the shape of an example, a batch, and what it makes of it."""
    case = CASES[request.param]
    net, shape = case.small(), case.small_shape
    params = net.init(rng.key(0), shape)
    x = case.batch(np.random.default_rng(0), shape)[0]
    x = each(lambda array: array.astype(np.float32) if array.dtype == np.float64 else array, x)
    return net, params, shape, x, net.apply(params, x)[0]


def test_onnx_there_and_back(small):
    net, params, shape, x, y = small
    model = to_onnx(net, params, shape)
    made = as_onnxruntime(model, each(lambda array: array if array.dtype.kind == "f" else array.astype(np.int64), x))
    again = from_onnx(model)
    assert again.shape == shape
    ours = flat(again.net.apply(again.params, x)[0])
    for theirs, back, want in zip(made if isinstance(made, list) else [made], ours, flat(y), strict=True):
        np.testing.assert_allclose(theirs, want, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(back, want, rtol=1e-4, atol=1e-5)


def test_one_file_gives_the_same_bytes(small, tmp_path):
    net, params, shape, x, y = small
    to_python(tmp_path / "net_of_the_zoo.py", net, params, shape, weights="beside")
    assert equal(module_at(tmp_path / "net_of_the_zoo.py").predict(x), y)
