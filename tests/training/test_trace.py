"""How large everything gets in a step."""

import math

import numpy as np
import pytest

from fnnet import layers, optim, training
from fnnet.walk import replace
from tests.training.cases import ARRAYS, KEY, LOSS, NETS, SHAPE, contents, stream

OPTIMIZER = optim.sgd(0.1)


@pytest.mark.parametrize("name", NETS)
def test_trace_is_of_the_step_that_is_made(name):
    net, optimizer = NETS[name], optim.adam(0.01)
    state, _ = training.fold(
        training.make_step(net, LOSS, optimizer), training.init(net, optimizer, KEY, SHAPE), stream(8, 0, 3)
    )
    before = contents(state)
    rows = training.trace(net, LOSS, optimizer, state, ARRAYS)
    assert contents(state) == before
    paths = []
    replace(lambda path, layer: paths.append(path) or layer, net)
    assert sorted(row.path for row in rows) == sorted(paths)

    trained = net.train(training.state.step_key(state))
    logits, vjp = trained.apply(state.params, ARRAYS[0])
    grads, _ = vjp(LOSS(logits, ARRAYS[1])[1](1.0))
    after, _ = training.make_step(net, LOSS, optimizer)(state, ARRAYS)
    last = rows[-1]
    assert last.output.rms == pytest.approx(math.sqrt(np.square(logits.astype(float)).mean()))
    assert (last.output.low, last.output.high) == (logits.min(), logits.max())
    own = [leaf.astype(float).ravel() for leaf in grads[-1]]
    assert last.gradient.rms == pytest.approx(math.sqrt(np.square(np.concatenate(own)).mean()), rel=1e-6)
    moved = [(a.astype(float) - b).ravel() for a, b in zip(after.params[-1], state.params[-1], strict=True)]
    assert last.update.rms == pytest.approx(math.sqrt(np.square(np.concatenate(moved)).mean()), rel=1e-4)
    assert last.params.size == last.gradient.size == last.update.size == sum(leaf.size for leaf in own)


def test_trace_of_layers_without_params_or_gradient():
    net = layers.serial(layers.relu(), layers.frozen(layers.dense(2)), layers.dense(2), layers.relu())
    state = training.init(net, OPTIMIZER, KEY, (3,))
    x = np.ones((4, 3), np.float32)
    first, held, learnt, last = training.trace(net, LOSS, OPTIMIZER, state, (x, np.zeros(4, int)))
    assert (first.kind, first.output_gradient, first.input_gradient, first.params) == ("relu", None, None, None)
    assert (held.params, held.gradient, held.update, held.output_gradient) == (None, None, None, None)
    assert learnt.output_gradient is not None
    assert learnt.input_gradient is None
    assert learnt.params.size == learnt.update.size == 6
    assert last.input_gradient.size == 8


def test_units_that_never_fire():
    net = layers.serial(layers.relu(), layers.flatten(), layers.dense(2))
    x = -np.ones((4, 3, 2, 2), np.float32)
    x[1, 2, 0, 0] = 1
    state = training.init(net, OPTIMIZER, KEY, (3, 2, 2))
    relu, flat, _ = training.trace(net, LOSS, OPTIMIZER, state, (x, np.zeros(4, int)))
    assert (relu.output.units, relu.output.dead) == (3, 2)
    assert (flat.output.units, flat.output.dead) == (12, 11)
