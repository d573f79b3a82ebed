"""A net as one file: the same bytes, with NumPy alone."""

import ast
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from fnnet import layers, recipe, rng, tree
from fnnet.arrays import Discrete, flat
from fnnet.errors import ConfigError
from fnnet.exchange import to_python
from tests import cases
from tests.cases import LAYERS

OWN = {value for value in vars(cases).values() if recipe.is_factory(value) and value.__module__ == cases.__name__}


def made_of(net):
    """All factories that a net is made with."""
    found = recipe.recipe_of(net)
    inside = {found.factory} if found else set()
    for _, child in net:
        inside |= made_of(child)
    return inside


def module_at(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


LATER = {layers.carried}  # its state belongs to batches of one size: refused by name
ROWS = [row for row in LAYERS if not made_of(row.make()) & (OWN | LATER)]


def test_every_other_layer_is_tried_and_those_that_wait_are_refused_by_name(tmp_path):
    assert {factory for row in ROWS for factory in made_of(row.make())} | LATER | OWN == {
        getattr(layers, name) for name in layers.__all__ if name not in ("layer", "reparametrized")
    } | OWN
    for row in LAYERS:
        if made_of(row.make()) & LATER:
            with pytest.raises(ConfigError, match="expected one of the layers"):
                to_python(tmp_path / "net.py", row.make(), row.make().init(rng.key(0), row.shape), row.shape)


def equal(got, want):
    """Equal to the byte, part by part."""
    if isinstance(want, tuple):
        return isinstance(got, tuple) and len(got) == len(want) and all(map(equal, got, want))
    return (got.dtype, got.shape, got.tobytes()) == (want.dtype, want.shape, want.tobytes())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_layer_gives_the_same_bytes(row, dtype, tmp_path):
    net, path = row.make(), tmp_path / "net_in_one_file.py"
    params = tree.cast(net.init(rng.key(2), row.shape), dtype)
    x = row.batch(rng.key(3), 5, dtype)
    to_python(path, net, params, row.shape)
    y, _ = net.apply(params, x)
    if not tree.leaves(params) and dtype == np.float64:
        with pytest.raises(ValueError, match="expected float32 examples"):  # a net without params is of either dtype
            module_at(path).predict(x)
        return
    before = [part.copy() for part in flat(x)]
    assert equal(module_at(path).predict(x), y)
    assert equal(tuple(flat(x)), tuple(before))


def test_several_inputs_and_outputs_run_from_the_shell(tmp_path):
    net = layers.graph(
        lambda net, a, b: (net.add(net.up(a), b[0]), net.up(a), b[1]), up=layers.dense(2), add=layers.add()
    )
    shape = ((3,), ((2,), Discrete(())))
    params, path = net.init(rng.key(0), shape), tmp_path / "net.py"
    x = (rng.normal(rng.key(1), (4, 3)), (rng.normal(rng.key(2), (4, 2)), np.arange(4)))
    to_python(path, net, params, shape)
    assert "x ((N, 3) float32, ((N, 2) float32, (N,) whole numbers)), which gives ((N, 2)" in path.read_text()
    for name, array in zip("abc", flat(x), strict=True):
        np.save(tmp_path / name, array)
    command = [sys.executable, "-W", "error", path, "a.npy", "b.npy", "c.npy", "y.npz"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with np.load(tmp_path / "y.npz") as made:
        assert equal(tuple(made[name] for name in ("y_0", "y_1", "y_2")), net.apply(params, x)[0])
    with pytest.raises(ValueError, match=r"expected whole numbers examples of shape \(\), got float64 \(\)"):
        module_at(path).predict((x[0], (x[1][0], np.ones(4))))


NET = layers.serial(
    layers.conv2d(4, 3, padding="same", stride=2),
    layers.batch_norm(),
    layers.residual(layers.serial(layers.conv2d(4, 3, padding=1), layers.relu())),
    layers.parallel(layers.max_pool(2), layers.avg_pool(2), combine="concatenate"),
    layers.flatten(),
    layers.named("head", layers.serial(layers.dense(5), layers.gelu(), layers.dropout(0.5), layers.dense(2))),
    layers.log_softmax(),
)
SHAPE = (2, 9, 9)


@pytest.mark.parametrize("weights", ["inside", "beside"])
def test_it_runs_where_there_is_no_fnnet(weights, tmp_path):
    params = NET.init(rng.key(0), SHAPE)
    path = tmp_path / "net.py"
    to_python(path, NET, params, SHAPE, weights=weights)
    assert sorted(tmp_path.iterdir()) == ([path] if weights == "inside" else [tmp_path / "net.npz", path])
    x = rng.normal(rng.key(1), (6, *SHAPE))
    np.save(tmp_path / "x.npy", x)
    code = (
        "import sys, runpy; sys.modules['fnnet'] = None; sys.argv = ['net.py', 'x.npy', 'y.npy']; "
        "runpy.run_path('net.py', run_name='__main__'); "
        "print(*sorted({name.split('.')[0] for name in sys.modules} & {'attrs', 'optree'}))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
    assert np.load(tmp_path / "y.npy").tobytes() == NET.apply(params, x)[0].tobytes()
    usage = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    assert usage.returncode == 1
    assert "usage: python" in usage.stderr


def test_it_is_tidy(tmp_path):
    """It imports NumPy and the standard library, holds what it uses and no more, and says what it is."""
    path = tmp_path / "net.py"
    to_python(path, NET, NET.init(rng.key(0), SHAPE), SHAPE, weights="beside")
    text = path.read_text()
    tree_of = ast.parse(text)
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(tree_of)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported <= {"numpy", *sys.stdlib_module_names}
    assert max(map(len, text.splitlines())) <= 150
    assert "x (N, 2, 9, 9) float32, which gives (N, 2) float32;" in ast.get_docstring(tree_of)
    assert "layers.serial(layers.conv2d(4, 3," in ast.get_docstring(tree_of)
    assert "def convolve_weight_gradient" not in text
    assert "adjoint" not in text.replace("its two adjoints", "")
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0 or "No module named ruff" in checked.stderr, checked.stdout
    dense = tmp_path / "dense.py"
    to_python(dense, layers.dense(2), layers.dense(2).init(rng.key(0), (3,)), (3,), weights="beside")
    assert len(dense.read_text()) < 2500


def test_a_wrong_example_is_told(tmp_path):
    path = tmp_path / "net.py"
    to_python(path, layers.dense(2), layers.dense(2).init(rng.key(0), (3,)), (3,))
    module = module_at(path)
    for x in (np.ones((2, 4), np.float32), np.ones((2, 3))):
        with pytest.raises(ValueError, match=r"expected float32 examples of shape \(3,\), got"):
            module.predict(x)


@recipe.factory
def doubled():
    return layers.layer(lambda key, shape: (), lambda params, x: (2 * x, lambda dy: ((), 2 * dy)))


def test_own_layers_bring_their_code(tmp_path):
    net, path = layers.serial(layers.dense(2), doubled()), tmp_path / "net.py"
    params = net.init(rng.key(0), (3,))
    with pytest.raises(
        ConfigError, match=r"doubled_0: expected one of the layers .*dense.*, got .*doubled; say with own="
    ):
        to_python(path, net, params, (3,))
    assert not path.exists()
    to_python(path, net, params, (3,), own={doubled: lambda x, here: f"2 * {x}"})
    x = rng.normal(rng.key(1), (4, 3))
    assert module_at(path).predict(x).tobytes() == net.apply(params, x)[0].tobytes()
    bare = layers.serial(layers.layer(lambda key, shape: (), lambda params, x: (x, lambda dy: ((), dy)), name="bare"))
    with pytest.raises(ConfigError, match="bare_0: expected a layer that knows how it was made"):
        to_python(path, bare, ((),), (3,))
    with pytest.raises(ConfigError, match='weights: expected "inside" or "beside"'):
        to_python(path, net, params, (3,), weights="there")
