import numpy as np
import pytest

from fnnet import layers, recipe, rng, tree, walk
from fnnet.errors import ConfigError, ShapeError, StructureError
from fnnet.summary import summary
from fnnet.types import Discrete

KEY = rng.key(0)
IDS = np.array([[0, 2, 2], [4, 1, 0]])
WORDS = layers.serial(layers.embedding(5, 3), layers.per_step(layers.dense(5, bias=False)))
NET = layers.tied(WORDS, "per_step_0.weight", "embedding_0.weight", transpose=True)


def test_a_model_of_words_trains_its_table_from_both_ends():
    params = NET.init(KEY, Discrete((3,)))
    assert tree.paths(params) == ["embedding_0.weight"]
    table = params.embedding_0.weight
    y, vjp = NET.apply(params, IDS)
    np.testing.assert_allclose(y, table[IDS] @ table.T, rtol=1e-6)
    dy = rng.normal(rng.key(1), y.shape)
    grad = vjp(dy)[0].embedding_0.weight
    wanted = np.einsum("ntv,ntd->vd", dy, table[IDS])
    np.add.at(wanted, IDS, dy @ table)
    np.testing.assert_allclose(grad, wanted, rtol=1e-5)
    assert vjp(dy)[0].per_step_0.weight is None


def test_without_transpose_and_in_any_tree():
    """Plain dicts and tuples hold weights too."""
    inner = layers.layer(
        lambda key, shape: {"a": [np.full(shape, 2.0)], "b": (np.ones(shape),)},
        lambda p, x: (p["a"][0] * p["b"][0] * x, lambda dy: (
            {"a": [(dy * p["b"][0] * x).sum(0)], "b": ((dy * p["a"][0] * x).sum(0),)}, dy * p["a"][0] * p["b"][0])),
        name="product",
    )  # fmt: skip
    net = layers.tied(inner, "b.0", "a.0")
    params = net.init(KEY, (2,))
    y, vjp = net.apply(params, np.ones((1, 2)))
    assert y.tolist() == [[4, 4]]
    dparams, dx = vjp(np.ones((1, 2)))
    assert dparams["a"][0].tolist() == [4, 4]
    assert dparams["b"] == (None,)
    assert dx.tolist() == [[4, 4]]


def test_three_weights_are_one():
    inner = layers.serial(*(layers.dense(2, bias=False) for _ in range(3)))
    net = layers.tied(layers.tied(inner, "dense_1.weight", "dense_0.weight"), "dense_2.weight", "dense_0.weight")
    params = net.init(KEY, (2,))
    w = params.dense_0.weight
    y, _ = net.apply(params, np.eye(2, dtype=np.float32))
    np.testing.assert_allclose(y, w @ w @ w, rtol=1e-5)
    assert len(tree.leaves(params)) == 1


def test_the_layers_inside_stay_visible():
    assert [name for name, _ in NET] == ["embedding_0", "per_step_0"]
    seen = []
    again = walk.replace(lambda path, layer: seen.append(path) or layer, NET)
    assert "embedding_0" in seen
    assert again == NET
    assert recipe.from_json(recipe.to_json(NET)) == NET
    net = layers.tied(layers.serial(layers.dense(3), layers.dense(3)), "dense_1.weight", "dense_0.weight")
    assert sum(row.parameters for row in summary(net, (3,))) == 15  # 9 weights once, 6 biases


def test_misfits_say_what_is_wrong():
    inner = layers.serial(layers.dense(3), layers.dense(4), layers.batch_norm())
    for target in (None, "", 3):
        with pytest.raises(ConfigError, match=r'target: expected the path of a weight, as in "dense_0.weight"'):
            layers.tied(inner, target, "dense_0.weight")
    with pytest.raises(ConfigError, match="target: expected another weight than the source"):
        layers.tied(inner, "dense_0.weight", "dense_0.weight")
    with pytest.raises(ConfigError, match="net: expected a Layer"):
        layers.tied(3, "dense_1.weight", "dense_0.weight")
    for target in ("dense_7.weight", "dense_1", "batch_norm_0.mean"):
        with pytest.raises(ConfigError, match=rf"tied: target: expected one of dense_0.weight, .*, got '{target}'"):
            layers.tied(inner, target, "dense_0.weight").init(KEY, (2,))
    with pytest.raises(ShapeError, match=r"tied: source: expected the target's shape \(3, 4\), got \(2, 3\)$"):
        layers.tied(inner, "dense_1.weight", "dense_0.weight").init(KEY, (2,))
    with pytest.raises(ShapeError, match=r"\(3, 4\), got \(4, 3\); see transpose"):
        layers.tied(inner, "dense_1.weight", "dense_0.weight").init(KEY, (4,))
    net = layers.tied(inner, "dense_1.weight", "dense_0.weight", transpose=True)
    with pytest.raises(StructureError, match=r"dense_1\.weight: expected a hole, got ndarray"):
        net.apply(inner.init(KEY, (4,)), np.ones((1, 4), np.float32))
