"""What the reports' code does beside what they say, against that code written out."""

import attrs
import numpy as np
import pytest

from experiments.engine import changes
from experiments.engine.study import DIVERGED, StudyResults, get, studies, told
from experiments.reports import fit, least_squares, nets
from experiments.reports.r1 import defects as r1
from experiments.reports.r1 import tasks as r1_tasks
from experiments.reports.r2 import tasks as r2_tasks
from experiments.reports.r3 import defects as r3
from experiments.reports.r3 import tasks as r3_tasks
from experiments.reports.r4 import tasks as r4_tasks
from experiments.reports.r5 import defects as r5
from fnnet import initializers, layers, losses, optim, rng, tree


def silent(part):
    pass


def made(layer, shape, batch=4):
    """Params, input, output, vjp and a cotangent, in float64."""
    params = tree.cast(layer.init(rng.key(0), shape), np.float64)
    x = rng.normal(rng.key(1), (batch, *shape), np.float64)
    y, vjp = layer.apply(params, x)
    return params, x, y, vjp, rng.normal(rng.key(2), y.shape, np.float64)


def test_r1_sums_the_gradient_of_a_convolution_over_its_kernels():
    params, x, y, vjp, dy = made(r1.tied_convolution(3, 5, 2), (1, 8, 8))
    true, back = layers.conv2d(3, 5, padding=2).apply(params, x)
    grads, dx = back(dy)
    np.testing.assert_array_equal(y, true)
    found, back_dx = vjp(dy)
    np.testing.assert_array_equal(back_dx, dx)
    for o in range(3):
        np.testing.assert_allclose(found.weight[o], grads.weight.sum(axis=0))
    # l.509: np.mean(output_grad, axis=(0, 2, 3)) of per-example gradients, summed over kernels, over the batch
    np.testing.assert_allclose(found.bias, dy.mean(axis=(0, 2, 3)).sum().repeat(3))
    big = r1.tied_convolution(3, 5, 2).init(rng.key(3), (1, 28, 28)).weight
    assert 0.4 < big.std() < 1.0  # √(2/4), of 75 numbers


def test_r1_dropped_units_pass_gradient():
    layer = r1.unmasked_dropout(0.5, 0.001)
    x = rng.normal(rng.key(1), (50, 40), np.float64)
    y, vjp = layer.train(rng.key(0)).apply((), x)
    dropped = y == 0
    assert 0.4 < dropped.mean() < 0.6
    np.testing.assert_array_equal(vjp(np.ones_like(x))[1], np.where(dropped | (x > 0), 1.0, 0.001))
    seen, back = layer.apply((), x)
    np.testing.assert_allclose(seen, np.where(x > 0, x, 0.001 * x))
    np.testing.assert_array_equal(back(np.ones_like(x))[1], np.where(x >= 0, 1.0, 0.001))


def test_r1_biases_follow_the_first_unit():
    params, x, y, vjp, dy = made(r1.first_unit_bias(layers.dense(3)), (5,))
    grads, dx = vjp(dy)
    np.testing.assert_allclose(grads.bias, np.full(3, dy[:, 0].sum()))
    np.testing.assert_allclose(grads.weight, x.T @ dy)
    np.testing.assert_allclose(dx, dy @ params.weight.T)
    np.testing.assert_allclose(y, x @ params.weight + params.bias)


def test_r1_noise_is_of_the_whole_set_and_one_window_serves_it():
    x = np.full((6, 1, 28, 28), 0.5, np.float32)
    noisy = r1.noise(rng.key(0), x, light=255.0)
    assert (noisy == 255).sum() == int(x.size * 0.2)
    assert 0.1 < (noisy == 0).mean() < 0.2  # some were made light again
    numbered = np.arange(28 * 28, dtype=np.float32).reshape(1, 1, 28, 28).repeat(6, axis=0)
    cut = r1.crop_once(rng.key(0), numbered, fill=255.0)
    assert (cut == cut[:1]).all()
    top, left = divmod(int(cut[0, 0, 3, 3]), 28)
    np.testing.assert_array_equal(cut[0, 0, 3:25, 3:25], numbered[0, 0, top : top + 22, left : left + 22])
    assert (cut[:, :, :3] == 255).all()


def test_r1_data_are_four_times_as_many_and_255_is_on_their_border():
    x, labels = np.zeros((20, 1, 28, 28), np.float32), np.arange(20) % 10
    for augment, fill, most in (("report", 255.0, 255.0), ("report", 0.0, 1.0), ("repaired", 255.0, 1.0)):
        many, named = r1_tasks.augmented(r1_tasks.Config(augment=augment, fill=fill), 0, x, labels)
        assert (len(many), len(named), many.max()) == (80, 80, most)


def test_r2_biases_begin_at_random_too():
    params = r2_tasks.net(r2_tasks.Config()).init(rng.key(0), (1, 28, 28))
    for leaf in tree.leaves(params):
        assert 0.5 < leaf.std() < 1.6
    assert not r2_tasks.net(r2_tasks.Config(weights="he")).init(rng.key(0), (1, 28, 28)).dense_0.bias.any()


def test_r2_steps_hold_more_of_a_larger_batch():
    few, many = (r2_tasks.memory(r2_tasks.Config(batch=n), 0, None, silent).final["peak"] for n in (4, 32))
    assert 2 * few < many


def test_r3_divides_the_gradients_of_a_convolution():
    plain = layers.conv2d(2, 3, padding=1)
    params, x, y, vjp, dy = made(r3.scaled_convolution(plain, 3), (1, 6, 6), batch=1)
    true, back = plain.apply(params, x)
    (grads, dx), (found, back_dx) = back(dy), vjp(dy)
    np.testing.assert_array_equal(y, true)
    np.testing.assert_allclose(found.weight, grads.weight / 36)
    np.testing.assert_allclose(found.bias, grads.bias / 36)
    np.testing.assert_allclose(back_dx, dx / 9)


def test_r3_penalty_is_of_the_norm_of_each_array():
    params = {"weight": rng.normal(rng.key(0), (3, 2), np.float64), "bias": np.array([3.0, 4.0])}
    grads = tree.map(np.ones_like, params)
    rule = optim.chain(r3.norm_penalty(0.1), optim.sgd(0.5))
    updates, _ = rule.update(grads, rule.init(params), params)
    for name, w in params.items():
        np.testing.assert_allclose(updates[name], -0.5 * (1 + 0.1 * w / np.linalg.norm(w)))


def test_r3_net_is_built_as_it_is_printed():
    config = attrs.evolve(r3_tasks.PRINTED, hidden=(8,), last_relu=True)
    net = r3_tasks.net(config)
    assert [child.name for _, child in net] == ["flatten", "dense", "unmasked_relu", "dense", "unmasked_relu"]
    params = net.init(rng.key(0), (1, 16, 16))
    assert params.dense_0.weight.std() == pytest.approx(1 / np.sqrt(256 + 8), rel=0.1)
    assert params.dense_0.bias.std() > 0.4
    column = r3_tasks.net(attrs.evolve(config, hidden=(), column=True, initialization="fan in"))
    assert column.init(rng.key(0), (1, 16, 16)).dense_0.weight.shape == (257, 10)


def test_r3_keeps_the_bias_in_its_least_squares():
    net = nets.mlp((4,), 3, "tanh")
    x, labels = rng.normal(rng.key(1), (90, 6)), np.arange(90) % 3
    params = net.init(rng.key(0), (6,))
    params = params._replace(dense_1=params.dense_1._replace(bias=np.float32([1, 2, 3])))
    fitted, rank = least_squares.keeping_bias(net, params, (x, labels), 3)
    assert (rank, fitted.dense_1.bias.tolist()) == (4, [1, 2, 3])
    hidden = np.tanh(x[:50] @ params.dense_0.weight + params.dense_0.bias)
    residual = hidden @ fitted.dense_1.weight + fitted.dense_1.bias - np.eye(3)[labels[:50]]
    np.testing.assert_allclose(hidden.T @ residual, 0, atol=1e-3)


def test_r4_specks_are_five_of_ink_and_five_of_background():
    x = np.full((30, 1, 28, 28), 0.5, np.float32)
    y = r4_tasks.specks(rng.key(0), x)
    assert ((y == 0).sum(axis=(1, 2, 3)) == 5).all()
    ink = (y == 1).sum(axis=(1, 2, 3))
    assert (ink <= 5).all()
    assert (ink >= 3).all()
    assert len({picture.tobytes() for picture in y}) == 30


def test_r4_shifts_ink_in():
    x, labels = np.zeros((40, 1, 28, 28), np.float32), np.zeros(40, int)
    for augment, least in (("report", 100), ("repaired", 0)):
        many, _ = r4_tasks.augmented(r4_tasks.Config(augment=augment), 0, x, labels)
        shifted = many[80:120].sum(axis=(1, 2, 3))
        assert shifted.max() == pytest.approx(108) if least else shifted.max() == 0


def by_loops(dy, weight, height, width):
    """R5's backward pass (l.344–355, 589–600): columns put back where they came from, by assignment."""
    n, outputs, tall, wide = dy.shape
    _, channels, kh, kw = weight.shape
    columns = dy.transpose(0, 2, 3, 1).reshape(-1, outputs) @ weight.reshape(outputs, -1)
    columns = columns.reshape(n, tall, wide, channels, kh, kw).transpose(0, 3, 1, 2, 4, 5)
    image = np.zeros((n, channels, height, width))
    for y in range(tall):
        for x in range(wide):
            image[:, :, y : y + kh, x : x + kw] = columns[:, :, y, x]
    return image


def test_r5_keeps_the_last_window_alone():
    conv = layers.conv2d(3, (3, 2))
    params, x, y, vjp, dy = made(r5.assigning_convolution(conv), (2, 6, 5))
    true, back = conv.apply(params, x)
    grads, dx = vjp(dy)
    np.testing.assert_array_equal(y, true)
    np.testing.assert_allclose(dx, by_loops(dy, params.weight, 6, 5), atol=1e-12)
    np.testing.assert_array_equal(grads.weight, back(dy)[0].weight)
    assert np.abs(dx - back(dy)[1]).max() > 0.1
    assert vjp(dy, input_gradient=False)[1] is None
    dense = layers.dense(3)
    assert r5.assigning_convolution(dense) is dense


def test_training_that_diverges_is_a_result():
    net = layers.serial(layers.dense(2, init=initializers.normal(1.0)))
    x, labels = 1e3 * rng.normal(rng.key(0), (8, 3)), np.arange(8) % 2
    epoch, looks = fit.shuffled((x, labels), 4), {"test": (x, labels)}
    with np.errstate(all="ignore"):
        found = fit.fit(net, losses.softmax_cross_entropy, optim.sgd(1e38), 0, epoch, 5, silent, looks)
    assert found.diverged is not None
    assert found.broken_off().final == {DIVERGED: found.diverged}


def test_every_printed_setting_says_where_it_stands():
    for study in studies().values():
        if study.report == "best":
            continue
        for setting in study.settings:
            assert setting.ours or setting.line.startswith(f"{study.report} l."), (study.name, setting.label)
        for claim in study.claims:
            assert claim.ours or claim.line.startswith(f"{study.report} l."), (study.name, claim.text)


def test_a_quick_run_is_never_a_whole_one():
    for study in studies().values():
        whole = {told_of(setting.config) for setting in study.settings}
        assert not whole & {told_of(study.quick(setting.config)) for setting in study.settings}, study.name


def told_of(config):
    return repr(told(config))


def test_what_stood_there_before_can_be_found():
    for study in studies().values():
        answers = StudyResults(study, {setting.label: {} for setting in study.settings})
        for setting in study.settings:
            if setting.former:
                mean, verdict = changes.was(answers, setting)
                assert mean
                assert verdict in ("–", "yes", "better", "not reached", "reached", "reached, within the noise")
    bias = StudyResults(get("r1-bias"), {setting.label: {} for setting in get("r1-bias").settings})
    before = [changes.judged(bias, claim) for claim in bias.study.claims]
    assert before[:3] == ["within the noise", None, None]  # the accuracy was asked, the curves were not


def test_more_than_fifty_seven_statements_are_judged():
    asked = [claim for study in studies().values() if not study.alone for claim in study.claims if not claim.ours]
    assert len(asked) >= 57
