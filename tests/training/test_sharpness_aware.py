"""The gradient at the worst point nearby: by hand, as a step of training, and with whatever a net may hold."""

import pickle

import numpy as np
import pytest

from fnnet import errors, layers, losses, optim, rng, training, tree
from tests.training.cases import ARRAYS, KEY, LOSS, NETS, SHAPE, contents

RADIUS = 0.3


def by_hand(gradient, params, radius):
    """The paper's two lines."""
    value, first, predictions = gradient(params, *ARRAYS)
    length = np.sqrt(
        sum((leaf.astype(float) ** 2).sum() for leaf in tree.leaves(first) if isinstance(leaf, np.ndarray))
    )
    worst = tree.zip_leaves(lambda p, g: p + radius / length * g if isinstance(g, np.ndarray) else p, params, first)
    _, second, _ = gradient(worst, *ARRAYS)
    return value, tree.zip_leaves(lambda a, b: a if isinstance(a, tree.Running) else b, first, second), predictions


def test_a_parabola_by_hand():
    """l = ½ (4 x² + y²) at (3, 5): g = (12, 5), θ' = (3 + 12, 5 + 5) for ρ = 13."""
    gradient = training.sharpness_aware(lambda p, x, t, w=None: (1.0, (np.array([4, 1]) * p[0],), x), 13.0)
    value, grads, _ = gradient((np.array([3.0, 5.0]),), None, None)
    assert value == 1.0
    np.testing.assert_allclose(grads[0], [60.0, 10.0], rtol=1e-14)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("micro_batch", [None, 7])
def test_step_is_what_one_would_write_by_hand(name, micro_batch):
    """Dropout draws the same twice, statistics are of the first pass, frozen leaves stay."""
    net, optimizer = NETS[name], optim.sgd(0.1, momentum=0.9)
    state = training.init(net, optimizer, KEY, SHAPE)
    state = state._replace(params=tree.cast(state.params, np.float64))
    state = state._replace(opt_state=optimizer.init(state.params))
    x = ARRAYS[0].astype(np.float64)
    step = training.make_step(net, LOSS, optimizer, micro_batch=micro_batch, sharpness=RADIUS)
    own = rng.fold_in(rng.fold_in(KEY, "train"), 0)
    if micro_batch is None:
        gradient = training.value_and_grad(net.train(own), LOSS)
    else:
        gradient = training.micro_batches(net, LOSS, micro_batch, own)
    value, grads, _ = by_hand(lambda p, _, t: gradient(p, x, t), state.params, RADIUS)
    updates, _ = optimizer.update(grads, state.opt_state, state.params)
    expected = optim.apply_updates(state.params, updates)
    after, metrics = step(state, (x, ARRAYS[1]))
    assert metrics["loss"] == value
    for one, other in zip(tree.leaves(after.params), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(tree.array(one), tree.array(other), rtol=1e-11, atol=1e-13)
    plain, _ = training.make_step(net, LOSS, optimizer, micro_batch=micro_batch)(state, (x, ARRAYS[1]))
    assert contents(plain) != contents(after)


def test_pure_and_known_by_its_recipe():
    net, optimizer = NETS["all"], optim.adam(0.01)
    state = training.init(net, optimizer, KEY, SHAPE)
    step = training.make_step(net, LOSS, optimizer, sharpness=RADIUS)
    before = contents((state, ARRAYS))
    first, again = step(state, ARRAYS), pickle.loads(pickle.dumps(step))(state, ARRAYS)
    assert contents(first) == contents(again)
    assert contents((state, ARRAYS)) == before
    assert "sharpness=0.3" in repr(step)
    gradient = training.sharpness_aware(training.value_and_grad(NETS["plain"], LOSS), 0.1)
    assert pickle.loads(pickle.dumps(gradient)) == gradient
    assert contents(gradient(state.params[:0] or NETS["plain"].init(KEY, SHAPE), *ARRAYS)[1])


def test_where_the_loss_is_flat_nothing_moves():
    gradient = training.sharpness_aware(lambda p, x, t, w=None: (2.0, (np.zeros(3),), x))
    value, grads, _ = gradient((np.ones(3),), None, None)
    assert value == 2.0
    np.testing.assert_array_equal(grads[0], 0)


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1e30, 1e200])
def test_the_direction_does_not_depend_on_the_size(size):
    seen = []

    def gradient(params, x, target, weight=None):
        seen.append(params[0])
        return 0.0, (np.array([3.0, 4.0]) * size,), x

    training.sharpness_aware(gradient, 5.0)((np.zeros(2),), None, None)
    np.testing.assert_allclose(seen[1], [3.0, 4.0], rtol=1e-14)


def test_float32_stays():
    net = NETS["plain"]
    params = net.init(KEY, SHAPE)
    _, grads, _ = training.sharpness_aware(training.value_and_grad(net, LOSS))(params, *ARRAYS)
    assert all(leaf.dtype == np.float32 for leaf in tree.leaves(grads))


def test_it_finds_the_flat_valley():
    """A sharp minimum at 1 and a flat one at -1: plain descent ends in the sharp one that is nearer."""

    def gradient(params, x, target, weight=None):
        (w,) = params
        sharp, flat = np.exp(-((w - 1) ** 2) / 0.005), np.exp(-((w + 1) ** 2) / 2)
        return float((-0.9 * sharp - flat).sum()), (1.8 * sharp * (w - 1) / 0.005 + flat * (w + 1),), x

    ends = {}
    for name, of in {"plain": gradient, "aware": training.sharpness_aware(gradient, 0.2)}.items():
        now = (np.array([0.95]),)
        for _ in range(3000):
            now = (now[0] - 0.002 * of(now, None, None)[1][0],)
        ends[name] = now[0].item()
    assert abs(ends["plain"] - 1) < 0.1
    assert ends["aware"] < 0.8


def test_a_gradient_that_overflows_there_is_told():
    net, optimizer = layers.dense(1, bias=False), optim.sgd(0.1)
    state = training.init(net, optimizer, rng.key(0), (1,))
    step = training.make_step(net, losses.squared_error, optimizer, sharpness=1e38)
    with pytest.raises(errors.NonFiniteError, match=r"gradient at the worst point within 1e\+38 holds .* at weight"):
        step(state, (np.full((1, 1), 10, np.float32), np.zeros((1, 1), np.float32)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: training.sharpness_aware(training.value_and_grad(NETS["plain"], LOSS), 0.0), r"radius: .* got 0.0"),
        (lambda: training.sharpness_aware(3), "gradient: expected a function, as value_and_grad makes them, got 3"),
        (lambda: training.make_step(NETS["plain"], LOSS, optim.sgd(0.1), sharpness=0.0), "sharpness: .* got 0.0"),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises(errors.ConfigError, match=message):
        call()
