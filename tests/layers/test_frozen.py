"""Frozen layers: in evaluation for ever, and no work for their gradients."""

from fnnet import layers, rng, tree
from tests.layers.asked import asked_for, spied

X = rng.normal(rng.key(0), (2, 4))


def test_frozen_layers_evaluate_for_ever_and_take_trained_params():
    net = layers.serial(layers.dense(4), layers.batch_norm())
    params = net.init(rng.key(0), (4,))
    held = tree.hold(params)
    fixed = layers.frozen(net)
    assert fixed.name == net.name
    assert fixed.train(rng.key(0)) is fixed
    assert tree.structure(fixed.init(rng.key(0), (4,))) == tree.structure(held)
    assert fixed.apply(held, X)[0].tobytes() == net.apply(params, X)[0].tobytes()
    fresh = tree.release(fixed.init(rng.key(0), (4,)))
    for (path, leaf), (same, other) in zip(tree.items(fresh), tree.items(params), strict=True):
        assert path == same
        assert type(leaf) is type(other)
        assert tree.array(leaf).tobytes() == tree.array(other).tobytes()


def test_no_dx_for_frozen_layers_in_front():
    asked = asked_for(
        lambda spy: layers.serial(spy(layers.frozen(layers.dense(3))), spy(layers.tanh()), spy(layers.dense(2)))
    )
    assert asked == [("dense", False)]


def test_no_work_in_a_frozen_branch():
    """Beside a branch that learns; asked for dx, the frozen branch pulls back once."""

    def net(spy):
        return layers.parallel(layers.frozen(spy(layers.dense(3))), spy(layers.dense(3)))

    assert asked_for(net) == [("dense", False)]
    asked = []
    both = net(lambda inner: spied(inner, asked))
    y, vjp = both.apply(both.init(rng.key(0), (4,)), X)
    vjp(y)
    assert asked == [("dense", True), ("dense", True)]
