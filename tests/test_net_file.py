"""A net whole in one file: the same again anywhere, and nothing run or allocated that the file does not hold."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fnnet
from fnnet import checkpoint, layers, optim, recipe, rng, training, tree
from fnnet.checkpoint.canonical import canonical_json
from fnnet.checkpoint.contents import content_digest
from fnnet.checkpoint.file import file_parts
from fnnet.errors import CheckpointError, ConfigError, FnnetError, FormatError
from tests import cases
from tests.cases import LAYERS
from tests.memory import at_most


@recipe.factory
def scaled(by=2.0):
    """A layer of somebody's own."""
    return layers.layer(lambda key, shape: (), lambda params, x: (by * x, lambda dy: ((), by * dy)))


def bare():
    """One that does not know how it was made."""
    return layers.layer(lambda key, shape: (), lambda params, x: (x, lambda dy: ((), dy)))


OWN = [value for value in vars(cases).values() if recipe.is_factory(value) and value.__module__ == cases.__name__]
NET = layers.serial(
    layers.conv2d(2, 3),
    layers.batch_norm(),
    layers.parallel(layers.relu(), layers.leaky_relu(0.5)),
    layers.flatten(),
    layers.named("head", layers.serial(layers.dense(3), layers.dropout(0.5), layers.dense(2))),
)
SHAPE = (1, 5, 5)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


def same(these, those):
    assert tree.paths(these) == tree.paths(those)
    for one, other in zip(tree.leaves(these), tree.leaves(those), strict=True):
        assert type(one) is type(other)
        assert tree.array(one).tobytes() == tree.array(other).tobytes()


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
def test_every_layer_comes_back(case, path):
    net, shape = case.make(), case.shape
    params = net.init(rng.key(3), shape)
    fnnet.save(path, net, params, shape)
    again, found, of = fnnet.load(path, known=OWN)
    assert again == net
    assert of == shape
    same(found, params)


def test_it_computes_the_same_in_another_process(path):
    params = NET.init(rng.key(0), SHAPE)
    fnnet.save(path, NET, params, SHAPE, {"accuracy": 0.5})
    x = rng.normal(rng.key(1), (4, *SHAPE))
    code = (
        "import sys, fnnet; from fnnet import rng; net, params, shape = fnnet.load(sys.argv[1]); "
        "sys.stdout.buffer.write(net.apply(params, rng.normal(rng.key(1), (4, *shape)))[0].tobytes())"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=True)
    assert done.stdout == NET.apply(params, x)[0].tobytes()
    assert checkpoint.read_metadata(path) == {"accuracy": 0.5}


def test_what_is_loaded_trains_on(path):
    net = layers.serial(layers.dense(4), layers.batch_norm(), layers.dense(2))
    fnnet.save(path, net, net.init(rng.key(0), (3,)), (3,))
    net, params, shape = fnnet.load(path)
    optimizer = optim.adam(0.1)
    step = training.make_step(net, fnnet.losses.softmax_cross_entropy, optimizer)
    state = training.init(net, optimizer, rng.key(1), shape)._replace(params=params, opt_state=optimizer.init(params))
    state, _ = step(state, (np.ones((5, 3), np.float32), np.arange(5) % 2))
    assert state.step == 1


def test_own_layers_by_known(path):
    net = layers.serial(layers.dense(2), scaled(3.0))
    fnnet.save(path, net, net.init(rng.key(0), (2,)), (2,))
    with pytest.raises(FormatError, match=r"net.safetensors: net: .*scaled"):
        fnnet.load(path)
    assert fnnet.load(path, known=[scaled])[0] == net
    with pytest.raises(ConfigError, match="dense"):
        fnnet.load(path, known={"dense": scaled})


def test_a_layer_without_a_recipe_is_named(path):
    net = layers.serial(layers.dense(2), bare())
    with pytest.raises(ConfigError, match=r"serial.children.*recipe.factory"):
        fnnet.save(path, net, net.init(rng.key(0), (2,)), (2,))
    assert not path.exists()


def test_a_shape_that_does_not_fit_is_refused(path):
    with pytest.raises(FnnetError, match="conv2d_0"):
        fnnet.save(path, NET, NET.init(rng.key(0), SHAPE), (3,))
    assert not path.exists()


def test_params_alone_are_no_net(path):
    checkpoint.save(path, {"weight": np.ones(2)})
    with pytest.raises(CheckpointError, match=r"expected one with a net and the shape of an example, got params alone"):
        fnnet.load(path)


def test_a_checkpoint_of_another_net_is_refused(path):
    """Shapes match; the function does not."""
    one, other = (layers.serial(layers.dense(2), layers.leaky_relu(slope)) for slope in (0.01, 0.5))
    params = one.init(rng.key(0), (2,))
    checkpoint.save(path, params, net=one)
    same(checkpoint.load(path, like=params, net=one), params)
    with pytest.raises(
        CheckpointError, match=r"net: serial > children > 1 > leaky_relu > slope: expected 0.5, got 0.01; load it into"
    ):
        checkpoint.load(path, like=params, net=other)
    conv = [layers.conv2d(2, 3, padding=1), layers.conv2d(2, 3, stride=2)]
    params = conv[0].init(rng.key(0), SHAPE)
    checkpoint.save(path, params, net=conv[0])
    with pytest.raises(CheckpointError, match=r"net: conv2d > (stride|padding)"):
        checkpoint.load(path, like=params, net=conv[1])
    checkpoint.save(path, params)
    with pytest.raises(CheckpointError, match="one that says what net it belongs to"):
        checkpoint.load(path, like=params, net=conv[0])
    same(checkpoint.load(path, like=params), params)


# Files that somebody made


def made(path, net, shape, rows, arrays, **more):
    """A file with a right digest, whatever it says."""
    body = {"format": 1, "metadata": None, "tree": rows, "net": {"recipe": net, "shape": shape}, **more}
    text = canonical_json({**body, "digest": content_digest(body, arrays)})
    path.write_bytes(b"".join(map(bytes, file_parts(arrays, text))))


DENSE = [["", "Dense(weight, bias)"], ["weight", "array"], ["bias", "array"]]
ARRAYS = {"weight": np.ones((2, 3), np.float32), "bias": np.ones(3, np.float32)}


@pytest.mark.parametrize(
    "net",
    [
        {"dense": {"n": 10**12}},
        {"serial": {"children": [{"dense": {"n": 10**12}}, {"dense": {"n": 10**12}}]}},
        {"conv2d": {"channels": 10**9, "kernel": 3}},
    ],
)
def test_a_bomb_takes_no_memory(path, net):
    """What a file says is large is not made; the params are those of the file, and do not fit."""
    made(path, net, [2] if "conv2d" not in net else [1, 5, 5], DENSE, ARRAYS)

    def use():
        loaded, params, shape = fnnet.load(path)
        loaded.apply(params, np.ones((1, *shape), np.float32))

    with at_most(10_000_000), pytest.raises(FnnetError):
        use()


@pytest.mark.parametrize(
    ("net", "shape", "rows", "message"),
    [
        ({"os.system": {"command": "true"}}, [2], DENSE, "os.system"),
        ({"dense": {"n": 3, "more": 1}}, [2], DENSE, "more"),
        ({"dense": {"n": -3}}, [2], DENSE, "-3"),
        ({"optim.sgd": {"learning_rate": 0.1}}, [2], DENSE, "expected the recipe of a net, got one of a Optimizer"),
        ({"dense": {"n": 3}}, [2, 2], DENSE, "does not fit its shape"),
        ({"dense": {"n": 3}}, [0], DENSE, "net: shape: expected whole numbers from 1"),
        ({"dense": {"n": 3}}, [2.0], DENSE, "net: shape: expected whole numbers from 1"),
        ({"dense": {"n": 3}}, None, DENSE, "params alone"),
        ("dense", [2], DENSE, "net"),
        ({"dense": {"n": 3}}, [2], [["", "set(a, b)"], *DENSE[1:]], r"weight|a row of its own"),
        ({"dense": {"n": 3}}, [2], [["", "Dense(weight)"], *DENSE[1:]], "expected no more rows, got 'bias'"),
        ({"dense": {"n": 3}}, [2], [["", "Dense(class, bias)"], ["class", "array"], DENSE[2]], "record|arrays"),
        ({"dense": {"n": 3}}, [2], [["", "tuple of 9999999"], *DENSE[1:]], "a row of its own"),
    ],
)
def test_files_that_lie_are_told(path, net, shape, rows, message):
    made(path, net, shape, rows, ARRAYS)
    with pytest.raises(FnnetError, match=message):
        fnnet.load(path)


def test_deep_nesting_is_told(path):
    net = {"relu": {}}
    for _ in range(200):
        net = {"serial": {"children": [net]}}
    made(path, net, [2], [["", "tuple of 0"]], {})
    with pytest.raises(FnnetError, match="within each other"):
        fnnet.load(path)
    rows = [[".".join(["0"] * i), "tuple of 1"] for i in range(1500)] + [[".".join(["0"] * 1500), "tuple of 0"]]
    made(path, {"relu": {}}, [2], rows, {})
    with pytest.raises(FnnetError, match="too many brackets"):
        fnnet.load(path)


def test_a_file_of_a_newer_version_says_so(path):
    made(path, {"relu": {}}, [2], [["", "tuple of 0"]], {}, format=2)
    with pytest.raises(CheckpointError, match=r"format: expected 1, got 2; use the fnnet that wrote it"):
        fnnet.load(path)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["serial", "children", "dense", "n", "key", "fraction", "dict", "conv2d", "init"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(
    JSON, st.lists(st.integers(-1, 10**6), max_size=4), st.lists(st.lists(st.text(max_size=9), max_size=3), max_size=4)
)
def test_anything_else_raises_our_own(tmp_path_factory, net, shape, rows):
    path = tmp_path_factory.getbasetemp() / "any-net"
    made(path, json.loads(canonical_json(net)), shape, rows, {})
    with at_most(20_000_000):
        try:
            fnnet.load(path)
        except FnnetError:
            return
