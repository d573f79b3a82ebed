import gc
import tracemalloc

import numpy as np
import pytest

from fnnet import layers, rng, training
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError
from tests.test_laws import lenet5
from tests.training.cases import ARRAYS, KEY, NETS, SHAPE, meeting


@pytest.mark.parametrize("size", [1, 4, 23, 64])
@pytest.mark.parametrize("name", NETS)
def test_predictions_are_the_nets(name, size):
    net = NETS[name]
    params = net.init(KEY, SHAPE)
    found = training.predict(net, params, ARRAYS[0], size=size)
    np.testing.assert_allclose(found, net.apply(params, ARRAYS[0])[0], rtol=2e-5, atol=1e-6)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


@pytest.mark.parametrize(
    ("net", "shape"),
    [(lenet5(), (1, 28, 28)), (layers.serial(layers.dense(50), layers.tanh(), layers.dense(3)), (40,))],
)
def test_an_examples_bytes_do_not_depend_on_its_neighbours(net, shape):
    params, x = net.init(KEY, shape), rng.normal(rng.key(0), (100, *shape))
    whole = training.predict(net, params, x)
    for n in (1, 63, 65):
        assert training.predict(net, params, x[:n]).tobytes() == whole[:n].tobytes()
    others = rng.normal(rng.key(1), (100, *shape))
    others[37] = x[37]
    assert training.predict(net, params, others)[37].tobytes() == whole[37].tobytes()
    assert training.predict(net, params, x[64:]).tobytes() == whole[64:].tobytes()


@pytest.mark.parametrize("name", NETS)
def test_workers_change_no_byte(name):
    net = NETS[name]
    params, (x, *rest) = net.init(KEY, SHAPE), ARRAYS
    metrics = {"size": lambda y, target: float(abs(y).sum())}
    for workers in (2, 3, 40):
        found = training.predict(net, params, x, size=5, workers=workers)
        assert found.tobytes() == training.predict(net, params, x, size=5).tobytes()
        own = training.evaluate(net, params, (x, *rest), metrics, size=5, workers=workers)
        assert own == training.evaluate(net, params, (x, *rest), metrics, size=5)
    for call in (
        lambda n: training.predict(net, params, x, workers=n),
        lambda n: training.evaluate(net, params, ARRAYS, workers=n),
    ):
        with pytest.raises(ConfigError, match="workers: expected a whole number ≥ 1, got 0"):
            call(0)


def test_tiles_are_predicted_side_by_side():
    """Of two tiles neither is over before both have begun."""
    assert training.predict(meeting(2), (), np.ones((2, 1)), size=1, workers=2).shape == (2, 1)


def test_arrays_on_disk(tmp_path):
    x = rng.normal(rng.key(0), (30, 3))
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    net = layers.dense(2)
    params = net.init(KEY, (3,))

    class Rows:
        """As an HDF5 or zarr array looks."""

        shape, dtype = x.shape, x.dtype

        def __getitem__(self, where):
            assert isinstance(where, slice)
            return x[where].tolist()

    class Rows32(Rows):
        def __getitem__(self, where):
            return x[where]

    wanted = training.predict(net, params, x, size=8)
    for on_disk in mapped, Rows32():
        found = training.predict(net, params, on_disk, size=8)
        assert type(found) is np.ndarray
        assert found.tobytes() == wanted.tobytes()
    with pytest.raises(DtypeError, match=r"x: expected the params' dtype float32, got float64"):
        training.predict(net, params, Rows(), size=8)


def test_activations_are_dropped():
    """A tile's activations are 64 · 4096 · 4 bytes a layer; all of them together would be 32 times that."""
    net = layers.serial(layers.dense(4096), layers.relu(), layers.dense(4096), layers.relu(), layers.dense(2))
    params, x = net.init(KEY, (2,)), np.ones((2048, 2), np.float32)
    training.predict(net, params, x[:64])
    gc.collect()
    tracemalloc.start()
    training.predict(net, params, x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 64 * 4096 * 4


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p, x: training.predict(layers.dense, p, x), ConfigError, "net: expected a Layer"),
        (lambda p, x: training.predict(NET, training.TrainState(0, p, (), KEY), x), ConfigError, "pass state.params"),
        (lambda p, x: training.predict(NET, p, x, size=0), ConfigError, "size: expected a whole number ≥ 1, got 0"),
        (
            lambda p, x: training.predict(NET, p, x[:0]),
            DataError,
            r"x: expected a batch .* got shape \(0, 3\)",
        ),
        (
            lambda p, x: training.predict(NET, p, x.tolist()),
            DtypeError,
            r"got list; convert with np\.asarray\(x, n",
        ),
        (lambda p, x: training.predict(NET, p, np.ma.masked_array(x)), DtypeError, "a MaskedArray"),
        (
            lambda p, x: training.predict(NET, p, x.astype(int)),
            DtypeError,
            "x: expected the params' dtype float32",
        ),
        (lambda p, x: training.predict(NET, p, x[:, :2]), ShapeError, "dense: "),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(NET.init(KEY, (3,)), np.ones((5, 3), np.float32))


NET = layers.dense(2)
