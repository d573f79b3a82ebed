"""Whole optimizers: steps worked out by hand, textbook loops over numbers, and the chains they are said to be."""

import math
from functools import partial

import numpy as np
import pytest

from fnnet import errors, optim, rng, tree
from fnnet.optim import schedules
from tests.optim.cases import SCHEDULES, grads, params
from tests.oracles import optim as textbook


def steps(optimizer, start, gradients, dtype=np.float64):
    """What a lone number goes through."""
    now = (np.array([start], dtype),)
    state = optimizer.init(now)
    for g in gradients:
        updates, state = optimizer.update((np.array([g], dtype),), state, now)
        now = optim.apply_updates(now, updates)
        yield float(now[0][0])


THIRD = 11 / 7 / math.sqrt(165 / 37)


@pytest.mark.parametrize(
    ("optimizer", "start", "gradients", "expected"),
    [
        pytest.param(optim.sgd(0.1), 1.0, [1, 2, 3], [0.9, 0.7, 0.4], id="sgd"),
        pytest.param(optim.sgd(0.1, momentum=0.5), 1.0, [1, 2, 3], [0.9, 0.65, 0.225], id="momentum"),
        pytest.param(optim.sgd(0.1, momentum=0.5, nesterov=True), 1.0, [1, 2, 3], [0.85, 0.525, 0.0125], id="nesterov"),
        pytest.param(
            optim.sgd(schedules.step(0.1, 1), momentum=0.5), 1.0, [1, 2, 3], [0.9, 0.775, 0.66875], id="falling rate"
        ),
        pytest.param(optim.adagrad(1.0), 0.0, [3, 4, 12], [-1.0, -1.8, -1.8 - 12 / 13], id="adagrad"),
        pytest.param(optim.adagrad(1.0, start=7.0), 0.0, [3, 3, 0], [-0.75, -1.35, -1.35], id="adagrad start"),
        pytest.param(optim.rmsprop(1.0, decay=0.75), 0.0, [2, 1, 3], [-2, -3, -3 - math.sqrt(3)], id="rmsprop"),
        pytest.param(
            optim.rmsprop(1.0, decay=0.75, momentum=0.5),
            0.0,
            [2, 1, 3],
            [-2, -4, -5 - math.sqrt(3)],
            id="rmsprop momentum",
        ),
        pytest.param(optim.adam(1.0, b1=0.5, b2=0.75), 0.0, [1, -1, 3], [-1, -2 / 3, -2 / 3 - THIRD], id="adam"),
        pytest.param(
            optim.adamw(0.5, b1=0.5, b2=0.75, weight_decay=0.5),
            4.0,
            [1, -1, 3],
            [2.5, 49 / 24, 49 / 24 - (THIRD + 49 / 48) / 2],
            id="adamw",
        ),
        pytest.param(optim.l2(optim.sgd(0.5), 0.5), 4.0, [1, -1, 3], [2.5, 2.375, 0.28125], id="l2"),
        pytest.param(optim.adam(1.0, eps=1.0), 0.0, [3, 3, 3], [-0.75, -1.5, -2.25], id="eps outside the root"),
    ],
)
def test_steps_by_hand(optimizer, start, gradients, expected):
    np.testing.assert_allclose(list(steps(optimizer, start, gradients)), expected, rtol=2e-8, atol=2e-8)


RATES = {"0.1": (0.1, lambda t: 0.1), "falling": (schedules.inverse_time(0.1, 0.3), lambda t: 0.1 / (1 + 0.3 * t))}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sgd", {}),
        ("sgd", {"momentum": 0.9}),
        ("sgd", {"momentum": 0.9, "nesterov": True}),
        ("adam", {}),
        ("adam", {"b1": 0.7, "b2": 0.9, "eps": 0.01}),
        ("adam", {"b1": 0.0, "b2": 0.0}),
        ("adamw", {}),
        ("adamw", {"b1": 0.7, "b2": 0.9, "eps": 0.01, "weight_decay": 0.2}),
        ("rmsprop", {}),
        ("rmsprop", {"decay": 0.5, "eps": 0.01, "momentum": 0.8}),
        ("adagrad", {}),
        ("adagrad", {"eps": 0.01, "start": 0.3}),
        *((name, {}) for name in ("adamax", "nadam", "radam", "amsgrad", "adabelief", "adadelta", "lion")),
        *((name, {"b1": 0.7, "b2": 0.9, "eps": 0.01}) for name in ("adamax", "nadam", "radam", "amsgrad", "adabelief")),
        ("radam", {"b1": 0.0, "b2": 0.6}),
        ("nadam", {"momentum_decay": 0.004}),
        ("nadam", {"momentum_decay": 2.0, "b1": 0.5}),
        ("adabelief", {"b1": 0.0, "b2": 0.0}),
        ("adadelta", {"decay": 0.5, "eps": 0.01}),
        ("lion", {"b1": 0.5, "b2": 0.8, "weight_decay": 0.2}),
        ("lion", {"b1": 0.0, "b2": 0.0}),
    ],
)
def test_steps_agree_with_the_textbook(name, options, rate):
    """Every element of a tree of arrays walks as a number alone, for 20 steps."""
    given, lr = RATES[rate]
    oracle = (
        textbook.adam(lr, **{"weight_decay": 0.01, **options})
        if name == "adamw"
        else getattr(textbook, name)(lr, **options)
    )
    optimizer = getattr(optim, name)(given, **options)
    start = now = params(np.float64)
    state, gradients = optimizer.init(now), [grads(now, f"step {t}") for t in range(20)]
    seen = []
    for g in gradients:
        updates, state = optimizer.update(g, state, now)
        now = optim.apply_updates(now, updates)
        seen.append(dict(tree.items(now)))
    pushed = [dict(tree.items(g)) for g in gradients]
    for path, leaf in tree.items(start):
        if isinstance(leaf, np.ndarray):
            for at in np.ndindex(leaf.shape):
                expected = list(oracle(float(leaf[at]), [float(g[path][at]) for g in pushed]))
                np.testing.assert_allclose([step[path][at] for step in seen], expected, rtol=1e-12, atol=1e-13)


def walked(optimizer, start, gradients):
    """What every leaf goes through: path -> one array a step."""
    now, state, seen = start, optimizer.init(start), {path: [] for path, _ in tree.items(start)}
    for g in gradients:
        updates, state = optimizer.update(g, state, now)
        now = optim.apply_updates(now, updates)
        for path, leaf in tree.items(now):
            seen[path].append(leaf)
    return seen


START = {
    "wide": rng.normal(rng.key(1), (3, 5), np.float64),
    "tall": rng.normal(rng.key(2), (4, 2), np.float64),
    "kernel": rng.normal(rng.key(3), (6, 2, 2, 1), np.float64),
    "bias": np.zeros(4),
}
PUSHED = [
    {path: rng.normal(rng.fold_in(rng.key(4 + t), path), leaf.shape, np.float64) for path, leaf in START.items()}
    for t in range(20)
]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("options", [{}, {"b1": 0.7, "b2": 0.9, "eps": 0.01, "weight_decay": 0.2}])
def test_lamb_agrees_with_the_textbook(options, rate):
    """Each leaf walks as a list of numbers alone; one that starts at 0 first moves by its plain update."""
    given, lr = RATES[rate]
    seen = walked(optim.lamb(given, **options), START, PUSHED)
    for path, leaf in START.items():
        expected = textbook.lamb(lr, **options)(leaf.ravel().tolist(), [g[path].ravel().tolist() for g in PUSHED])
        np.testing.assert_allclose([each.ravel() for each in seen[path]], list(expected), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("steps", [1, 5])
def test_muon_agrees_with_the_singular_values(nesterov, steps):
    """The iteration is a polynomial on singular values: worked out on those, for 20 steps."""
    optimizer = optim.muon(0.1, optim.sgd(0.5), momentum=0.8, nesterov=nesterov, steps=steps, weight_decay=0.25)
    seen = walked(optimizer, START, PUSHED)
    views = {"wide": np.transpose, "tall": np.transpose, "kernel": lambda leaf: leaf.reshape(6, 4)}
    for path, as_matrix in views.items():  # (out, in)
        theta, v = as_matrix(START[path]), 0.0
        for g, leaf in zip(PUSHED, seen[path], strict=True):
            v = 0.8 * v + as_matrix(g[path])
            u = as_matrix(g[path]) + 0.8 * v if nesterov else v
            theta = theta - 0.1 * (textbook.muon_matrix(u, steps) + 0.25 * theta)
            np.testing.assert_allclose(as_matrix(leaf), theta, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(seen["bias"][-1], -0.5 * sum(g["bias"] for g in PUSHED), rtol=1e-12)


@pytest.mark.parametrize(("k", "alpha"), [(1, 0.5), (3, 0.5), (5, 0.8), (7, 1.0), (30, 0.5)])
def test_lookahead_agrees_with_the_textbook(k, alpha):
    given, lr = RATES["falling"]
    seen = walked(optim.lookahead(optim.sgd(given, momentum=0.5), k, alpha=alpha), START, PUSHED)
    for path, leaf in START.items():
        for at in np.ndindex(leaf.shape):
            expected = textbook.lookahead_sgd(lr, 0.5, k, alpha)(float(leaf[at]), [float(g[path][at]) for g in PUSHED])
            np.testing.assert_allclose([each[at] for each in seen[path]], list(expected), rtol=1e-12, atol=1e-13)


def test_singular_values_come_near_1_and_vectors_stay():
    (u,) = optim.orthogonalize().update((START["wide"],), ((),), (START["wide"],))[0]
    left, values, right = np.linalg.svd(u / math.sqrt(5 / 3))
    assert 0.65 < values.min() <= values.max() < 1.25
    mine = np.linalg.svd(START["wide"])
    np.testing.assert_allclose(left @ right[:3], mine[0] @ mine[2][:3], atol=1e-10)  # the polar factor


@pytest.mark.parametrize("size", [1e-300, 1e-170, 1.0, 1e170, 1e300])
def test_lengths_keep_their_range(size):
    """What depends on directions alone does not depend on sizes, though squares leave the range of numbers."""
    small, one = (np.array([[3.0, 4.0]]) * size,), (np.array([[3.0, 4.0]]),)
    for part, given in ((optim.scale_by_trust_ratio(), one), (optim.orthogonalize(), one)):
        expected = part.update(one, part.init(given), given)[0][0]
        np.testing.assert_allclose(part.update(small, part.init(given), given)[0][0], expected, rtol=1e-12)
    part = optim.scale_by_trust_ratio()
    np.testing.assert_allclose(part.update(one, part.init(small), small)[0][0], small[0], rtol=1e-12)


def test_trust_in_float32_goes_through_the_whole_range():
    tiny, huge = (np.float32([3e-38, 4e-38]),), (np.float32([3e37, 4e37]),)
    part = optim.scale_by_trust_ratio()
    np.testing.assert_allclose(part.update(tiny, part.init(huge), huge)[0][0], huge[0], rtol=1e-5)
    np.testing.assert_allclose(part.update(huge, part.init(tiny), tiny)[0][0], tiny[0], rtol=1e-5)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_rate_is_the_schedules_value_at_the_count(name):
    rate = SCHEDULES[name]()
    walked = np.diff([0.0, *steps(optim.sgd(rate), 0.0, [1.0] * 30)])
    np.testing.assert_allclose(walked, [-rate(t) for t in range(30)], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("alias", "parts"),
    [
        (optim.sgd(0.1), (optim.scale_by_learning_rate(0.1),)),
        (optim.sgd(0.1, momentum=0.9), (optim.momentum(0.9), optim.scale_by_learning_rate(0.1))),
        (
            optim.sgd(0.1, momentum=0.9, nesterov=True),
            (optim.momentum(0.9, nesterov=True), optim.scale_by_learning_rate(0.1)),
        ),
        (
            optim.adam(0.1, b1=0.8, b2=0.9, eps=0.1),
            (optim.scale_by_adam(b1=0.8, b2=0.9, eps=0.1), optim.scale_by_learning_rate(0.1)),
        ),
        (
            optim.adamw(0.1, b1=0.8, b2=0.9, eps=0.1, weight_decay=0.2, where=optim.is_weight),
            (
                optim.scale_by_adam(b1=0.8, b2=0.9, eps=0.1),
                optim.add_decayed_weights(0.2, where=optim.is_weight),
                optim.scale_by_learning_rate(0.1),
            ),
        ),
        (optim.rmsprop(0.1, decay=0.9, eps=0.1), (optim.scale_by_rms(0.9, eps=0.1), optim.scale_by_learning_rate(0.1))),
        (
            optim.rmsprop(0.1, decay=0.9, eps=0.1, momentum=0.5),
            (optim.scale_by_rms(0.9, eps=0.1), optim.momentum(0.5), optim.scale_by_learning_rate(0.1)),
        ),
        (
            optim.adagrad(0.1, eps=0.1, start=0.5),
            (optim.scale_by_adagrad(eps=0.1, start=0.5), optim.scale_by_learning_rate(0.1)),
        ),
        *(
            (alias(0.1, b1=0.8, b2=0.9, eps=0.1), (part(b1=0.8, b2=0.9, eps=0.1), optim.scale_by_learning_rate(0.1)))
            for alias, part in (
                (optim.adamax, optim.scale_by_adamax),
                (optim.radam, optim.scale_by_radam),
                (optim.amsgrad, optim.scale_by_amsgrad),
                (optim.adabelief, optim.scale_by_adabelief),
                (optim.nadam, partial(optim.scale_by_adam, nesterov=True)),
            )
        ),
        (
            optim.adadelta(0.1, decay=0.8, eps=0.1),
            (optim.scale_by_adadelta(0.8, eps=0.1), optim.scale_by_learning_rate(0.1)),
        ),
        (
            optim.lion(0.1, b1=0.8, b2=0.9, weight_decay=0.2, where=optim.is_weight),
            (
                optim.scale_by_lion(b1=0.8, b2=0.9),
                optim.add_decayed_weights(0.2, where=optim.is_weight),
                optim.scale_by_learning_rate(0.1),
            ),
        ),
        (
            optim.lamb(0.1, b1=0.8, b2=0.9, eps=0.1, weight_decay=0.2, where=optim.is_weight),
            (
                optim.scale_by_adam(b1=0.8, b2=0.9, eps=0.1),
                optim.add_decayed_weights(0.2, where=optim.is_weight),
                optim.scale_by_trust_ratio(),
                optim.scale_by_learning_rate(0.1),
            ),
        ),
        (optim.l2(optim.adam(0.1), 0.3), (optim.add_decayed_weights(0.3), optim.adam(0.1))),
    ],
)
def test_an_alias_is_its_chain(alias, parts):
    """To the byte where `chain` joins the parts; to rounding where each part runs alone and hands its updates on."""
    now, joined = params(np.float64), optim.chain(*parts)
    state, twin, alone = alias.init(now), joined.init(now), [part.init(now) for part in parts]
    for t in range(4):
        g = passed = grads(now, f"step {t}")
        updates, state = alias.update(g, state, now)
        others, twin = joined.update(g, twin, now)
        for i, part in enumerate(parts):
            passed, alone[i] = part.update(passed, alone[i], now)
        for one, other, third in zip(*map(tree.leaves, (updates, others, passed)), strict=True):
            one, other, third = map(tree.array, (one, other, third))
            assert one.tobytes() == other.tobytes()
            np.testing.assert_allclose(third, one, rtol=1e-14)
        now = optim.apply_updates(now, updates)
    assert sum(alone, ()) != ()


@pytest.mark.parametrize(
    ("alias", "part"),
    [
        (optim.adam, optim.scale_by_adam),
        (optim.rmsprop, optim.scale_by_rms),
        (optim.adagrad, optim.scale_by_adagrad),
        (optim.adamax, optim.scale_by_adamax),
        (optim.radam, optim.scale_by_radam),
        (optim.amsgrad, optim.scale_by_amsgrad),
        (optim.adabelief, optim.scale_by_adabelief),
        (optim.adadelta, optim.scale_by_adadelta),
        (optim.lion, optim.scale_by_lion),
    ],
)
def test_a_part_has_the_defaults_of_its_alias(alias, part):
    """On gradients so small that eps shows."""
    now, one, other = (np.zeros(3),), alias(1.0), part()
    state, alone, g = one.init(now), other.init(now), (np.array([1e-8, -1e-9, 1e-10]),)
    for _ in range(3):
        (updates, state), (others, alone) = one.update(g, state, now), other.update(g, alone, now)
        np.testing.assert_allclose(updates[0], -others[0], rtol=1e-14)


def test_plain_descent_keeps_no_velocity():
    now = params()
    assert tree.items(optim.sgd(0.1).init(now)) == [("0.steps", 0)]
    assert tree.items(optim.rmsprop(0.1, momentum=0.0).init(now))[-1] == ("1.steps", 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.sgd(-0.1), r"learning_rate: expected a number in \[0, inf\], got -0.1"),
        (lambda: optim.sgd(float("nan")), "learning_rate: .* got nan"),
        (lambda: optim.sgd("0.1"), "learning_rate: .* got '0.1'"),
        (lambda: optim.sgd(None), "learning_rate: .* got None"),
        (lambda: optim.sgd(0.1, momentum=1.0), r"momentum: expected a number in \[0, 1\), got 1.0"),
        (lambda: optim.sgd(0.1, nesterov=True), "nesterov: expected a momentum above 0"),
        (lambda: optim.momentum(-0.1), "decay: .* got -0.1"),
        (lambda: optim.adam(0.1, b1=1.0), r"b1: expected a number in \[0, 1\), got 1.0"),
        (lambda: optim.adam(0.1, b2=-0.5), "b2: .* got -0.5"),
        (lambda: optim.adam(0.1, eps=0.0), r"eps: expected a number in \(0, inf\], got 0.0"),
        (lambda: optim.adamw(0.1, weight_decay=-1.0), "rate: .* got -1.0"),
        (lambda: optim.adamw(0.1, where="bias"), r"where: expected a function \(path, leaf\) -> bool, got 'bias'"),
        (lambda: optim.rmsprop(0.1, decay=1.0), "decay: .* got 1.0"),
        (lambda: optim.rmsprop(0.1, eps=0.0), "eps: .* got 0.0"),
        (lambda: optim.rmsprop(0.1, momentum=2), "momentum: .* got 2.0"),
        (lambda: optim.adagrad(0.1, eps=0.0), "eps: .* got 0.0"),
        (lambda: optim.adagrad(0.1, start=-1.0), "start: .* got -1.0"),
        (lambda: optim.lookahead(optim.sgd), "optimizer: expected an Optimizer"),
        (lambda: optim.lookahead(optim.sgd(0.1), 0), "k: expected a whole number ≥ 1, got 0"),
        (lambda: optim.muon(0.1, optim.adam), "partition: 'others': expected an Optimizer"),
        (lambda: optim.orthogonalize(where="weight"), "where: expected a function"),
        (lambda: optim.scale_by_trust_ratio(where="weight"), "where: expected a function"),
        (lambda: optim.scale_by_adam(nesterov=1), "nesterov: expected True or False"),
        (lambda: optim.lamb(0.1, weight_decay=-1.0), "rate: .* got -1.0"),
        (lambda: optim.scale_by_factor(float("inf")), "factor: expected a finite number, got inf"),
        (lambda: optim.clip(0.0), r"value: expected a number in \(0, inf\], got 0.0"),
        (lambda: optim.clip_by_global_norm(-1.0), "norm: .* got -1.0"),
        (lambda: optim.add_decayed_weights(-0.1), "rate: .* got -0.1"),
        (lambda: optim.l2(optim.sgd(0.1), True), "rate: .* got True"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(errors.ConfigError, match=message):
        make()


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", None])
def test_bad_value_of_a_schedule(value):
    optimizer, now = optim.sgd(lambda count: value if count == 1 else 0.1), params()
    _, state = optimizer.update(grads(now), optimizer.init(now), now)
    with pytest.raises(errors.ConfigError, match="learning_rate at update 1: expected a number in"):
        optimizer.update(grads(now), state, now)


def test_muon_asks_what_to_do_with_the_other_leaves():
    with pytest.raises(errors.ConfigError, match="label of bias: expected 'matrices', got 'others'"):
        optim.muon(0.1).init(START)
    assert optim.muon(0.1).init({"weight": START["wide"]})
    everywhere = optim.orthogonalize(where=optim.everywhere)
    with pytest.raises(errors.ConfigError, match=r"orthogonalize: where: expected to choose matrices, got .* \(4,\)"):
        everywhere.update(PUSHED[0], everywhere.init(START), START)
