"""How far nets grow: any number of layers behind each other, a hundred within each other."""

import pickle

import numpy as np
import pytest

from fnnet import layers, losses, net_file, optim, recipe, rng, summary, training
from fnnet.errors import ConfigError
from fnnet.types import MOST_WITHIN

KEY = rng.key(0)
X = np.ones((2, 4), np.float32)
RULE = optim.adam(1e-3)
AROUND = {
    "serial": layers.serial,
    "residual": layers.residual,
    "parallel": lambda net: layers.parallel(net, layers.relu()),
    "graph": lambda net: layers.graph(lambda net, x: net.inner(x), inner=net),
    "named": lambda net: layers.named("inner", net),
    "frozen": layers.frozen,
    "recomputed": layers.recomputed,
}


@pytest.mark.parametrize("around", AROUND)
def test_a_hundred_within_each_other_work_and_more_are_told_when_they_are_made(around, tmp_path):
    net = layers.dense(4)
    for _ in range(MOST_WITHIN - 1):
        net = AROUND[around](net)
    params = net.init(KEY, (4,))
    y, vjp = net.train(KEY).apply(params, X)
    vjp(np.ones_like(y))
    assert net.shape((4,)) == (4,)
    assert pickle.loads(pickle.dumps(net)) == net
    assert repr(net).endswith(")" * 2)
    assert str(summary.summary(net, (4,)))
    if around != "graph":  # whose function here has no name that a file could keep
        net_file.save(tmp_path / "net", net, params, (4,))
        assert net_file.load(tmp_path / "net")[0] == net
        assert training.trace(net, losses.squared_error, RULE, training.init(net, RULE, KEY, (4,)), (X, X))
    with pytest.raises(ConfigError, match=r"expected at most 101 layers within each other, got 102; put layers behind"):
        AROUND[around](net)


def test_three_thousand_behind_each_other_train():
    net = layers.serial(*(layers.dense(4) if i % 2 else layers.tanh() for i in range(3000)))
    step = training.make_step(net, losses.squared_error, RULE)
    state, _ = step(training.init(net, RULE, KEY, (4,)), (X, X))
    assert state.step == 1
    assert recipe.from_json(recipe.to_json(net)) == net
    assert len(summary.summary(net, (4,))) == 3000
