"""Weights of PyTorch and Keras: by kind and never by shape, each pair told, and the same numbers out."""

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import DataError, ShapeError
from fnnet.exchange import from_keras, from_torch, to_torch

IMAGES = layers.serial(
    layers.conv2d(4, 3, padding=1),
    layers.batch_norm(),
    layers.relu(),
    layers.max_pool(2),
    layers.flatten(),
    layers.dense(6),
    layers.relu(),
    layers.dense(3),
)
SHAPE = (2, 6, 6)


def drawn(word, *shape):
    return rng.normal(rng.fold_in(rng.key(9), word), shape)


def torch_state():
    return {
        "features.0.weight": drawn("c", 4, 2, 3, 3),
        "features.0.bias": drawn("cb", 4),
        "features.1.weight": drawn("g", 4),
        "features.1.bias": drawn("b", 4),
        "features.1.running_mean": drawn("m", 4),
        "features.1.running_var": np.abs(drawn("v", 4)),
        "features.1.num_batches_tracked": np.array(7),
        "head.0.weight": drawn("w", 6, 36),
        "head.0.bias": drawn("wb", 6),
        "head.2.weight": drawn("w2", 3, 6),
        "head.2.bias": drawn("w2b", 3),
    }


def by_loops(x, state, keras=False):
    """What PyTorch computes of x (N, C, H, W), in loops, in float64; Keras flattens its images channels-last."""
    w = {name: np.asarray(value, np.float64) for name, value in state.items()}
    n, c, h, width = x.shape
    kernel, bias = w["features.0.weight"], w["features.0.bias"]
    padded = np.zeros((n, c, h + 2, width + 2))
    padded[:, :, 1:-1, 1:-1] = x
    y = np.zeros((n, 4, h, width))
    for o in range(4):
        for p in range(h):
            for q in range(width):
                y[:, o, p, q] = (padded[:, :, p : p + 3, q : q + 3] * kernel[o]).sum(axis=(1, 2, 3)) + bias[o]
        mean, variance = w["features.1.running_mean"][o], w["features.1.running_var"][o]
        y[:, o] = (y[:, o] - mean) / np.sqrt(variance + 1e-5) * w["features.1.weight"][o] + w["features.1.bias"][o]
    y = np.maximum(y, 0).reshape(n, 4, h // 2, 2, width // 2, 2).max(axis=(3, 5))
    flat = y.transpose(0, 2, 3, 1).reshape(n, -1) if keras else y.reshape(n, -1)
    hidden = np.maximum(flat @ w["head.0.weight"].T + w["head.0.bias"], 0)
    return hidden @ w["head.2.weight"].T + w["head.2.bias"]


def fresh(net=IMAGES, shape=SHAPE):
    return net.init(rng.key(0), shape)


def test_a_torch_net_computes_the_same():
    params, pairing = from_torch(IMAGES, fresh(), torch_state())
    x = rng.normal(rng.key(1), (3, *SHAPE))
    np.testing.assert_allclose(IMAGES.apply(params, x)[0], by_loops(x, torch_state()), rtol=1e-4, atol=1e-5)
    assert dict(pairing) == {
        "conv2d_0": "features.0",
        "batch_norm_0": "features.1",
        "dense_0": "head.0",
        "dense_1": "head.2",
    }
    assert "dense_1       <-  head.2" in str(pairing)
    assert isinstance(params.batch_norm_0.mean, tree.Running)
    assert all(not tree.array(leaf).flags.writeable for leaf in tree.leaves(params))


def test_there_and_back_is_nothing_lost():
    state = torch_state()
    params, pairing = from_torch(IMAGES, fresh(), state)
    back = to_torch(IMAGES, params, dict(pairing))
    assert back.keys() == state.keys()
    for name, array in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        np.testing.assert_array_equal(back[name], array)
    again, _ = from_torch(IMAGES, fresh(), back)
    for one, other in zip(tree.leaves(params), tree.leaves(again), strict=True):
        np.testing.assert_array_equal(tree.array(one), tree.array(other))
    plain = to_torch(IMAGES, params)
    assert "dense_0.weight" in plain


def keras_state():
    """The same net as Keras holds it: images channels-last, so that the rows behind the flattened image differ."""
    state = torch_state()
    return {
        "conv.kernel": state["features.0.weight"].transpose(2, 3, 1, 0),
        "conv.bias": state["features.0.bias"],
        "bn.gamma": state["features.1.weight"],
        "bn.beta": state["features.1.bias"],
        "bn.moving_mean": state["features.1.running_mean"],
        "bn.moving_variance": state["features.1.running_var"],
        "dense.kernel": state["head.0.weight"].T,
        "dense.bias": state["head.0.bias"],
        "dense_1.kernel": state["head.2.weight"].T,
        "dense_1.bias": state["head.2.bias"],
    }


def test_a_keras_net_computes_the_same():
    params, pairing = from_keras(IMAGES, fresh(), keras_state(), shape=SHAPE)
    x = rng.normal(rng.key(1), (3, *SHAPE))
    want = by_loops(x, torch_state(), keras=True)
    np.testing.assert_allclose(IMAGES.apply(params, x)[0], want, rtol=1e-4, atol=1e-5)
    assert dict(pairing)["dense_0"] == "dense"


@pytest.mark.parametrize(
    "net",
    [
        layers.serial(
            layers.serial(*(child for _, child in IMAGES[:5])), layers.dense(6), layers.relu(), layers.dense(3)
        ),
        layers.serial(
            *(child for _, child in IMAGES[:5]),
            layers.dropout(0.5),
            layers.named("head", IMAGES[5]),
            layers.relu(),
            IMAGES[7],
        ),
    ],
)
def test_a_flattened_image_is_known_through_other_layers(net):
    params, _ = from_keras(net, fresh(net), keras_state(), shape=SHAPE)
    x = rng.normal(rng.key(1), (3, *SHAPE))
    np.testing.assert_allclose(net.apply(params, x)[0], by_loops(x, torch_state(), keras=True), rtol=1e-4, atol=1e-5)


def test_a_flattened_image_needs_its_shape():
    with pytest.raises(
        DataError, match=r"dense_0.weight: expected to know the image that was flattened.*shape=\(C, H, W"
    ):
        from_keras(IMAGES, fresh(), keras_state())


def test_a_square_matrix_is_turned_all_the_same():
    net = layers.serial(layers.dense(3))
    weight = np.arange(9.0, dtype=np.float32).reshape(3, 3)
    state = {"fc.weight": weight, "fc.bias": np.zeros(3, np.float32)}
    np.testing.assert_array_equal(from_torch(net, fresh(net, (3,)), state).params.dense_0.weight, weight.T)
    keras = {"fc.kernel": weight, "fc.bias": np.zeros(3, np.float32)}
    np.testing.assert_array_equal(from_keras(net, fresh(net, (3,)), keras).params.dense_0.weight, weight)


TWINS = layers.serial(layers.dense(4), layers.relu(), layers.dense(4))


def twins():
    return {name: drawn(name, *shape) for name, shape in
            (("a.weight", (4, 4)), ("a.bias", (4,)), ("b.weight", (4, 4)), ("b.bias", (4,)))}  # fmt: skip


def test_modules_that_could_be_swapped_need_names():
    """Also in the right order: that of names in a file is none, as `conv10` stands before `conv2`."""
    for state in (twins(), dict(reversed(twins().items()))):
        with pytest.raises(
            DataError, match=r"dense_0: expected one module of its kind and shape, .*'a'.*names=\{'dense_0"
        ):
            from_torch(TWINS, fresh(TWINS, (4,)), state)
        params, pairing = from_torch(TWINS, fresh(TWINS, (4,)), state, names={"dense_0": "a"})
        assert dict(pairing) == {"dense_0": "a", "dense_1": "b"}
        np.testing.assert_array_equal(params.dense_1.bias, twins()["b.bias"])
        swapped, _ = from_torch(TWINS, fresh(TWINS, (4,)), state, names={"dense_1": "a", "dense_0": "b"})
        np.testing.assert_array_equal(swapped.dense_1.weight, twins()["a.weight"].T)


def edited(**changes):
    state = torch_state()
    for name, value in changes.items():
        name = name.replace("__", ".")
        state.pop(name) if value is None else state.update({name: value})
    return state


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            edited(head__2__weight=None),
            r"dense_1: expected a module of PyTorch for dense \(weight \(6, 3\), bias \(3,\)\)",
        ),
        (edited(extra__weight=np.ones((2, 2))), "arrays: expected a layer for every module, got none for 'extra'"),
        (edited(head__0__weight=np.ones((6, 35))), r"dense_0: .*among those left: head.0 \(weight \(6, 35\)"),
        (edited(head__0__bias=np.full(6, np.nan)), "head.0.bias: expected finite numbers"),
        (edited(head__0__bias=np.ones(6) * 1j), "head.0.bias: expected an array of numbers"),
        (edited(head__0__bias=[0.0] * 6), "head.0.bias: expected a NumPy array, got list; use tensor.numpy"),
        ({"weight": np.ones(3)}, "arrays: expected names such as 'layer.weight', got 'weight'"),
        (
            [*torch_state().items(), ("head.0.bias", np.ones(6))],
            "arrays: expected every name once, got 'head.0.bias' twice",
        ),
    ],
)
def test_what_does_not_fit_is_told(state, message):
    with pytest.raises((DataError, ShapeError), match=message):
        from_torch(IMAGES, fresh(), state)


def test_wrong_names_are_told():
    with pytest.raises(DataError, match=r"names: expected a layer with params: .*dense_0.*, got 'dense_9'"):
        from_torch(IMAGES, fresh(), torch_state(), names={"dense_9": "head.0"})
    with pytest.raises(DataError, match=r"names\['dense_0'\]: expected one of the modules .*, got 'tail'"):
        from_torch(IMAGES, fresh(), torch_state(), names={"dense_0": "tail"})
    with pytest.raises(DataError, match="names: expected a layer with params"):
        to_torch(IMAGES, fresh(), {"relu_0": "x"})


def test_a_layer_that_the_other_library_does_not_have_is_told():
    def init(key, shape):
        return {"gain": np.ones(shape, np.float32)}

    own = layers.layer(init, lambda params, x: (x, lambda dy: (params, dy)), name="own")
    net = layers.serial(own)
    with pytest.raises(
        DataError,
        match=r"own_0: expected one of dense, conv1d, .*, batch_norm, prelu, whose weights PyTorch has too",
    ):
        from_torch(net, fresh(net, (3,)), {"a.weight": np.ones(3)})


def test_marks_and_dtypes_are_those_of_the_net():
    net = layers.serial(layers.frozen(layers.dense(3)), layers.dense(2))
    like = tree.cast(fresh(net, (4,)), np.float64)
    state = {"0.weight": np.ones((3, 4), np.float32), "0.bias": np.zeros(3, np.float16),
             "1.weight": np.ones((2, 3), np.int64), "1.bias": np.zeros(2)}  # fmt: skip
    params, _ = from_torch(net, like, state)
    assert isinstance(params.dense_0.weight, tree.Frozen)
    assert {tree.array(leaf).dtype for leaf in tree.leaves(params)} == {np.dtype(np.float64)}


def test_a_real_torch_module():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'fnnet[parity]'")
    nn = torch.nn
    module = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 6),
        nn.ReLU(), nn.Linear(6, 3),
    ).float().eval()  # fmt: skip  # whatever other tests have made PyTorch's default
    state = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    params, _ = from_torch(IMAGES, fresh(), state)
    x = rng.normal(rng.key(1), (3, *SHAPE))
    with torch.no_grad():
        np.testing.assert_allclose(
            IMAGES.apply(params, x)[0], module(torch.from_numpy(x)).numpy(), rtol=1e-4, atol=1e-5
        )
