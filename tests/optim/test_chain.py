"""Chains: composition, its neutral element, and the states they refuse."""

import numpy as np
import pytest

from fnnet import errors, optim, tree
from tests.optim.cases import by_hand, grads, params


def walk(optimizer, n=3):
    now = params(np.float64)
    state, seen = optimizer.init(now), []
    for t in range(n):
        updates, state = optimizer.update(grads(now, f"step {t}"), state, now)
        now = optim.apply_updates(now, updates)
        seen += [tree.array(leaf) for leaf in tree.leaves((updates, state, now))]
    return [x.tobytes() if isinstance(x, np.ndarray) else x for x in seen], tree.structure(state)


def test_chains_dissolve():
    a, b, c = optim.clip(0.5), optim.momentum(0.9), optim.sgd(0.1, momentum=0.5)
    assert (
        walk(optim.chain(a, optim.chain(b, c))) == walk(optim.chain(optim.chain(a, b), c)) == walk(optim.chain(a, b, c))
    )
    assert walk(optim.chain(optim.chain(), b, optim.chain())) == walk(b) == walk(optim.chain(b))


def test_a_chain_of_nothing_passes_gradients_on():
    now, nothing = params(), optim.chain()
    given = grads(now)
    updates, state = nothing.update(given, nothing.init(now), now)
    assert state == ()
    for path, leaf in tree.items(updates):
        np.testing.assert_array_equal(tree.array(leaf), tree.array(dict(tree.items(given))[path]))
    assert updates.dense_0.weight is not given.dense_0.weight


def test_order_matters():
    now, given = (np.zeros(2),), (np.array([3.0, 4.0]),)
    first = lambda *parts: optim.chain(*parts).update(given, optim.chain(*parts).init(now), now)[0][0]  # noqa: E731
    np.testing.assert_array_equal(first(optim.scale_by_factor(10.0), optim.clip(5.0)), [5.0, 5.0])
    np.testing.assert_array_equal(first(optim.clip(5.0), optim.scale_by_factor(10.0)), [30.0, 40.0])
    np.testing.assert_allclose(
        first(optim.clip_by_global_norm(1.0), optim.clip(0.7), optim.scale_by_factor(2.0)), [1.2, 1.4]
    )
    np.testing.assert_allclose(
        first(optim.clip(3.0), optim.scale_by_factor(0.5), optim.scale_by_factor(-2.0)), [-3.0, -3.0]
    )


@pytest.mark.parametrize("factor", [2.0, 0.5, -1.0, 1.0])
@pytest.mark.parametrize(
    "part",
    [
        optim.chain(),
        optim.clip(0.5),
        optim.clip_by_global_norm(0.5),
        optim.add_decayed_weights(0.1),
        optim.momentum(0.9),
        optim.momentum(0.9, nesterov=True),
        optim.scale_by_adam(),
        optim.scale_by_adagrad(),
        optim.scale_by_rms(),
    ],
    ids=lambda part: repr(part.update),
)
def test_a_scale_behind_a_part_scales_what_it_makes(part, factor):
    """Powers of two round nothing."""
    now, scaled = params(), optim.chain(part, optim.scale_by_factor(factor))
    (alone, _), (both, _) = (each.update(grads(now), each.init(now), now) for each in (part, scaled))
    for one, other in zip(tree.leaves(alone), tree.leaves(both), strict=True):
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(other, one * np.float32(factor))


def test_two_norms_need_two_passes():
    now, given = (np.zeros(2),), (np.array([3.0, 4.0]),)
    optimizer = optim.chain(optim.clip_by_global_norm(1.0), optim.scale_by_factor(10.0), optim.clip_by_global_norm(2.0))
    np.testing.assert_allclose(optimizer.update(given, optimizer.init(now), now)[0][0], [1.2, 1.6], rtol=1e-15)


@pytest.mark.parametrize(
    ("optimizer", "paths"),
    [
        (optim.sgd(0.1), "0.steps"),
        (optim.sgd(0.1, momentum=0.9), "0.velocity.0 1.steps"),
        (optim.adam(0.1), "0.steps 0.mean.0 0.square.0 1.steps"),
        (optim.adamw(0.1), "0.steps 0.mean.0 0.square.0 2.steps"),
        (optim.rmsprop(0.1, momentum=0.5), "0.square.0 1.velocity.0 2.steps"),
        (optim.adagrad(0.1), "0.square.0 1.steps"),
        (optim.l2(optim.sgd(0.1), 0.1), "1.steps"),
        (optim.partition(str, {"0": optim.adam(0.1)}), "0.0.steps 0.0.mean.0 0.0.square.0 0.1.steps"),
    ],
)
def test_saved_states_fit_for_ever(optimizer, paths):
    """Checkpoints go by these paths, so a name that changes here orphans what was saved under the old one."""
    assert tree.paths(optimizer.init((np.zeros(1),))) == paths.split()


def test_states_are_named():
    state = optim.chain(optim.clip(1.0), optim.adam(0.1), by_hand()).init((np.zeros(1),))
    assert [type(each).__name__ for each in state] == ["tuple", "ScaleByAdam", "ScaleByLearningRate", "dict"]
    assert tree.paths(state) == ["1.steps", "1.mean.0", "1.square.0", "2.steps", "3.steps"]


def test_names():
    assert (
        repr(optim.chain(optim.clip(1.0), optim.sgd(0.1, momentum=0.9)).update)
        == "chain(clip, momentum, scale_by_learning_rate)"
    )
    assert "by_hand" in repr(optim.chain(by_hand()).update)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (optim.sgd, "chain: argument 1: expected an Optimizer, got <function sgd.*; call the factory"),
        ([optim.sgd(0.1)], r"chain: argument 1: expected an Optimizer, got \(.*; write chain\(first, second"),
        (0.1, "chain: argument 1: expected an Optimizer, got 0.1"),
    ],
)
def test_bad_links(argument, message):
    with pytest.raises(errors.ConfigError, match=message):
        optim.chain(optim.clip(1.0), argument)
    with pytest.raises(errors.ConfigError, match="chain: argument 1"):
        optim.l2(argument, 0.1)


ADAM = optim.adam(0.1)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (None, r"state: expected a tuple of 2, one for each of chain\(scale_by_adam, .*\), got NoneType; make it with"),
        (ADAM.init(params())[:1], "state: expected a tuple of 2, .* got a tuple of 1"),
        (list(ADAM.init(params())), "got list"),
        (optim.sgd(0.1, momentum=0.9).init(params()), "state of scale_by_adam: expected a ScaleByAdam, got Momentum"),
        ((ADAM.init(params())[0], ()), "state of scale_by_learning_rate: expected a ScaleByLearningRate, got tuple"),
        (
            (ADAM.init(params())[0]._replace(steps=-1), ADAM.init(params())[1]),
            "steps: expected a whole number ≥ 0, got -1",
        ),
        (
            (ADAM.init(params())[0]._replace(steps=1.5), ADAM.init(params())[1]),
            "state of scale_by_adam: steps: .* got 1.5",
        ),
        (
            ADAM.init(params(np.float64)),
            r"dense_0.weight: params have \(7, 5\) float32, state of scale_by_adam has \(7, 5\) float64",
        ),
        (
            ADAM.init((np.zeros(2),)),
            r"trees differ at the top: params has Net\(.*\), state of scale_by_adam has tuple of 1",
        ),
        (ADAM.init(tree.hold(params())), "dense_0.weight: params have .*float32, state of scale_by_adam has a hole"),
    ],
)
def test_states_that_do_not_fit(state, message):
    with pytest.raises(errors.FnnetError, match=message):
        ADAM.update(grads(params()), state, params())


def test_a_state_from_before_leaves_were_held():
    """Params that were marked since need a new state, or old numbers would wake up when they are released."""
    held = tree.zip_leaves(lambda leaf: leaf, params())._replace(dense_0=tree.hold(params().dense_0))
    with pytest.raises(errors.StructureError, match=r"dense_0.weight: params have frozen .* has \(7, 5\) float32"):
        ADAM.update(grads(held), ADAM.init(params()), held)


def test_a_stateless_part_has_no_state():
    with pytest.raises(errors.StructureError, match=r"state of clip: expected \(\), got Momentum"):
        optim.clip(1.0).update(grads(params()), optim.momentum(0.9).init(params()), params())
