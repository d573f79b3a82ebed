"""A chain knows its parts: what is only right for gradients stands in front of the learning rate."""

import numpy as np
import pytest

from fnnet import optim
from fnnet.errors import ConfigError, NonFiniteError
from fnnet.optim import Optimizer, schedules
from tests.optim.cases import by_hand, kind

RATE = {
    "sgd": lambda: optim.sgd(0.1),
    "adam": lambda: optim.adam(0.1),
    "schedule": lambda: optim.sgd(schedules.step(0.1, every=3)),
}
BEHIND = {
    "add_decayed_weights": lambda: optim.add_decayed_weights(0.1),
    "scale_by_adam": lambda: optim.scale_by_adam(),
    "scale_by_rms": lambda: optim.scale_by_rms(),
    "scale_by_adagrad": lambda: optim.scale_by_adagrad(),
    "scale_by_learning_rate": lambda: optim.scale_by_learning_rate(0.1),
    "adam": lambda: optim.adam(0.1),
    "adamw": lambda: optim.adamw(0.1),
    "rmsprop": lambda: optim.rmsprop(0.1),
    "adagrad": lambda: optim.adagrad(0.1),
    "sgd": lambda: optim.sgd(0.1, momentum=0.9),
    "l2": lambda: optim.l2(optim.sgd(0.1), 0.1),
    "scale_by_adamax": lambda: optim.scale_by_adamax(),
    "scale_by_radam": lambda: optim.scale_by_radam(),
    "scale_by_amsgrad": lambda: optim.scale_by_amsgrad(),
    "scale_by_adabelief": lambda: optim.scale_by_adabelief(),
    "scale_by_adadelta": lambda: optim.scale_by_adadelta(),
    "scale_by_lion": lambda: optim.scale_by_lion(),
    "scale_by_trust_ratio": lambda: optim.scale_by_trust_ratio(),
    "orthogonalize": lambda: optim.orthogonalize(),
    "muon": lambda: optim.muon(0.1, optim.adam(0.1)),
    "lookahead": lambda: optim.lookahead(optim.sgd(0.1)),
    "partition": lambda: optim.partition(kind, {"bias": optim.clip(1.0), "rest": optim.adam(0.1)}),
    "freeze": lambda: optim.freeze(optim.chain(optim.clip(1.0), optim.sgd(0.1)), optim.under("a")),
}
FITS = {
    "clip": lambda: optim.clip(1.0),
    "clip_by_global_norm": lambda: optim.clip_by_global_norm(1.0),
    "momentum": lambda: optim.momentum(0.9),
    "scale_by_factor": lambda: optim.scale_by_factor(0.5),
    "own": by_hand,
    "partition": lambda: optim.partition(kind, {"bias": optim.clip(1.0), "rest": optim.scale_by_factor(0.5)}),
}


@pytest.mark.parametrize("rate", RATE)
@pytest.mark.parametrize("behind", BEHIND)
def test_what_takes_gradients_is_refused_behind_the_rate(rate, behind):
    with pytest.raises(
        ConfigError, match=r"chain: expected (one learning rate|\w+ to be given gradients), got .* behind"
    ):
        optim.chain(RATE[rate](), optim.clip(1.0), BEHIND[behind]())


@pytest.mark.parametrize("behind", BEHIND)
def test_also_behind_an_optimizer_that_hands_leaves_on(behind):
    inside = {"bias": optim.sgd(0.1), "rest": optim.clip(1.0)}
    for first in (optim.partition(kind, inside), optim.freeze(optim.sgd(0.1), optim.under("a"))):
        with pytest.raises(ConfigError, match="behind scale_by_learning_rate"):
            optim.chain(first, BEHIND[behind]())


@pytest.mark.parametrize("behind", FITS)
def test_what_is_right_for_steps_too_may_stand_there(behind):
    assert isinstance(optim.chain(optim.sgd(0.1), FITS[behind]()), Optimizer)


def test_the_message_gives_the_order_that_is_right():
    with pytest.raises(ConfigError) as told:
        optim.chain(optim.adam(1e-3), optim.add_decayed_weights(0.1))
    assert str(told.value) == (
        "chain: expected add_decayed_weights to be given gradients, got steps, as it stands behind "
        "scale_by_learning_rate; put it in front: chain(…, add_decayed_weights, scale_by_learning_rate)"
    )
    with pytest.raises(
        ConfigError, match=r"one learning rate, .*; leave one out; rates that differ from leaf to leaf are"
    ):
        optim.chain(optim.sgd(0.1), optim.sgd(0.1))


def test_decay_never_grows_a_weight():
    """Every order of these that is taken takes a weight towards zero when gradients are zero."""
    for make in (
        lambda: optim.chain(optim.scale_by_adam(), optim.add_decayed_weights(0.1), optim.scale_by_learning_rate(0.1)),
        lambda: optim.chain(optim.add_decayed_weights(0.1), optim.sgd(0.1), optim.clip(1.0)),
        lambda: optim.l2(optim.chain(optim.momentum(0.5), optim.sgd(0.1)), 0.1),
    ):
        optimizer, params = make(), (np.full(1, 2.0),)
        state = optimizer.init(params)
        for _ in range(20):
            updates, state = optimizer.update((np.zeros(1),), state, params)
            params = optim.apply_updates(params, updates)
        assert 0 < params[0][0] < 2


PARAMS = {"dense_1": {"weight": np.ones((2, 2)), "bias": np.ones(2)}, "dense_10": {"weight": np.ones((2, 2))}}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: optim.freeze(optim.sgd(0.1), lambda path, leaf: True),
            r"freeze: where: expected to leave at least",
        ),
        (
            lambda: optim.freeze(optim.sgd(0.1), optim.under("dense_2")),
            "freeze: where: expected to choose at least one",
        ),
        (
            lambda: optim.add_decayed_weights(0.1, where=optim.under("dense")),
            "add_decayed_weights: where: expected to cho",
        ),
        (lambda: optim.adamw(0.1, where=lambda path, leaf: False), "add_decayed_weights: where: expected to choose"),
        (
            lambda: optim.l2(optim.sgd(0.1), 0.1, where=optim.under("weight")),
            "where: expected to choose at least one of",
        ),
    ],
)
def test_choosing_no_leaf_is_a_slip(make, message):
    optimizer = make()
    with pytest.raises(ConfigError, match=message) as told:
        optimizer.init(PARAMS)
    assert "dense_10.weight" in str(told.value)


def test_paths_are_whole_names():
    chosen = optim.under("dense_1")
    assert [chosen(path, None) for path in ("dense_1", "dense_1.bias", "dense_10.weight", "a.dense_1.bias")] == [
        True,
        True,
        False,
        False,
    ]
    for wrong in ((), ("",), (3,)):
        with pytest.raises(ConfigError, match="expected"):
            optim.under(*wrong)


@pytest.mark.parametrize(
    "make",
    [
        lambda: optim.adam(0.1),
        lambda: optim.rmsprop(0.1),
        lambda: optim.adagrad(0.1),
        lambda: optim.nadam(0.1),
        lambda: optim.radam(0.1),
        lambda: optim.amsgrad(0.1),
        lambda: optim.adabelief(0.1),
        lambda: optim.adadelta(),
        lambda: optim.lamb(0.1),
        lambda: optim.lookahead(optim.adam(0.1)),
        lambda: optim.muon(0.1, optim.adam(0.1)),
        lambda: optim.partition(lambda path: "all", {"all": optim.adam(0.1)}),
        lambda: optim.freeze(optim.adam(0.1), optim.under("bias")),
    ],
)
def test_a_state_that_overflows_stops_the_training(make):
    """One huge, finite gradient made the squares infinite, and no weight ever moved again."""
    from fnnet import layers, rng, training

    net, optimizer = layers.dense(1), make()
    huge = np.float32(1e25)
    state = training.init(net, optimizer, rng.key(0), (1,))
    step = training.make_step(net, lambda y, t: (0.0, lambda dv: np.full_like(y, huge)), optimizer)
    batch = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)
    with pytest.raises(
        NonFiniteError,
        match=r"optimizer's state overflows: .*inf.* at .*(weight|bias), .*; clip gradients",
    ):
        step(state, batch)


@pytest.mark.parametrize("make", [lambda: optim.adamax(0.1), lambda: optim.lion(0.1), lambda: optim.sgd(1e-30)])
def test_what_squares_nothing_takes_huge_gradients(make):
    optimizer, params = make(), (np.ones(2, np.float32),)
    state = optimizer.init(params)
    for huge in (1e25, -1e38, 1.0, 1.0):
        updates, state = optimizer.update((np.full(2, huge, np.float32),), state, params)
        params = optim.apply_updates(params, updates)
        assert np.isfinite(params[0]).all()
        assert updates[0].any()


def test_behind_lookahead_stands_no_learning_rate():
    for inside in (optim.momentum(0.9), optim.scale_by_adam()):
        with pytest.raises(ConfigError, match="lookahead to be given steps, got gradients, as scale_by_learning_rate"):
            optim.chain(optim.lookahead(inside), optim.sgd(0.1))
    with pytest.raises(ConfigError, match=r"add_decayed_weights to be given gradients, got steps, .* lookahead"):
        optim.chain(optim.lookahead(optim.scale_by_factor(-0.1)), optim.add_decayed_weights(0.1))
