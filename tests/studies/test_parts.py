"""What the studies are made of."""

import json

import attrs
import numpy as np
import pytest

from experiments.engine.study import Run, StudyResults, get, studies
from experiments.engine.verdicts import holds, ours
from experiments.reports import bias, fit, least_squares, nets, sources, timing
from experiments.reports.best import tasks as best
from experiments.reports.best.studies import SEARCHES, SINES, quick, vote
from experiments.reports.best.tasks import Sine
from experiments.reports.r1 import tasks as r1
from experiments.reports.r2 import tasks as r2
from experiments.reports.r2.studies import Stopped as StoppedEarly
from experiments.reports.r3 import tasks as r3
from experiments.reports.r3.studies import Stopped as StoppedOnRise
from experiments.reports.r4 import tasks as r4
from experiments.reports.r4.studies import BEHIND, BOTH
from experiments.reports.r5 import convolving
from experiments.reports.r5 import tasks as r5
from experiments.reports.r5.studies import LAYERS, REPAIRS, STEPS, explain
from fnnet import data, layers, losses, optim, rng, training
from fnnet.data import Dataset, Examples
from fnnet.initializers import he_normal
from fnnet.runs import registry
from fnnet.runs.cli import main
from fnnet.runs.compare import TIMES
from fnnet.runs.datasets import BUNDLED


def silent(part):
    pass


def test_one_sample_of_each_batch():
    """R3's steps see one example from each batch of 32, every batch once, a short one too."""
    x, labels = np.arange(100, dtype=np.float32).reshape(100, 1, 1, 1), np.arange(100)
    epoch = r3.epochs(r3.Config(), (x, labels))
    key = rng.key(3)
    steps = list(epoch(key))
    assert [len(own) for _, own in steps] == [1, 1, 1, 1]
    order = rng.permutation(key, 100).tolist()
    assert [order.index(int(own[0])) // 32 for _, own in steps] == [0, 1, 2, 3]
    lying = r3.epochs(r3.Config(shuffled=False), (x, labels))
    assert [int(own[0]) // 32 for _, own in lying(key)] == [0, 1, 2, 3]
    assert all(a[0, 0, 0, 0] == own[0] for a, own in steps)
    seen = {int(own[0]) for i in range(40) for _, own in epoch(rng.key(i))}
    assert len(seen) > 60


def test_fill_rule_of_r1():
    """A last short batch is filled from the end of the shuffled order."""
    x, labels = np.zeros((70, 1), np.float32), np.arange(70)
    *_, (_, last) = fit.shuffled((x, labels), 32, "fill")(rng.key(0))
    assert last.tolist() == rng.permutation(rng.key(0), 70)[-32:].tolist()


@pytest.mark.parametrize("how", ["loops", "examples"])
def test_loops_do_what_arrays_do(how):
    for task, config in ((timing.step, timing.Step(how, (7, 5, 3), 4)),):
        assert task(config, 0, None, silent).final["error"] < 1e-12
    assert timing.product(timing.Product("loops", 5), 0, None, silent).final["error"] < 1e-12


def test_convolution_by_loops_and_behind_im2col_is_one():
    x, weight = rng.normal(rng.key(0), (2, 3, 7, 6), np.float64), rng.normal(rng.key(1), (4, 3, 3, 3), np.float64)
    wanted = by_layer(x, weight)
    for way in convolving.WAYS.values():
        np.testing.assert_allclose(way(x, weight), wanted, atol=1e-12)
    loops, columns = (convolving.convolve(convolving.Config(how, 8), 0, None, silent).final for how in convolving.WAYS)
    assert max(loops["error"], columns["error"]) < 1e-4
    assert columns["peak"] > 3 * loops["peak"]  # a window of 25 numbers for every 6 of the output


def by_layer(x, weight):
    layer = layers.conv2d(len(weight), weight.shape[-1], bias=False)
    params = layer.init(rng.key(0), x.shape[1:])
    return layer.apply(params._replace(weight=weight), x)[0]


@pytest.mark.parametrize(("least", "calls", "shortest"), [(0.0, 3, 2.0), (11.0, 4, 1.0)])
def test_a_call_is_timed_by_its_shortest(monkeypatch, least, calls, shortest):
    clock = iter([0.0, 3.0, 10.0, 12.0, 20.0, 25.0, 30.0, 31.0])  # calls of 3, 2, 5 and 1 seconds
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    made = []
    assert timing.timed(lambda: made.append(None), least) == shortest
    assert len(made) == calls


def test_array_gradient_is_the_layers_gradient():
    widths = (6, 5, 3)
    net = nets.mlp((5,), 3, "relu", he_normal(), every_bias=False)
    params = net.init(rng.key(0), (6,))
    params = params._replace(dense_0=params.dense_0._replace(bias=np.zeros(5, np.float32)))
    x, labels = rng.normal(rng.key(1), (4, 6)), np.array([0, 1, 2, 0])
    _, grads, _ = training.value_and_grad(net, losses.softmax_cross_entropy)(params, x, labels)
    weights = [params.dense_0.weight, params.dense_1.weight]
    for a, b in zip(
        timing.gradient_by_arrays(weights, x, np.eye(widths[-1])[labels]), (grads.dense_0, grads.dense_1), strict=True
    ):
        np.testing.assert_allclose(a, b.weight, atol=1e-6)


def test_last_layer_by_least_squares():
    net = nets.mlp((8,), 3, "tanh")
    x, labels = rng.normal(rng.key(1), (50, 6)), np.arange(50) % 3
    params = net.init(rng.key(0), (6,))
    stable, rank = least_squares.fit_last(net, params, (x, labels), 3, "singular values")
    normal, _ = least_squares.fit_last(net, params, (x, labels), 3, "normal equations")
    assert rank == 9
    np.testing.assert_allclose(stable.dense_1.weight, normal.dense_1.weight, atol=1e-3)
    assert stable.dense_0 is params.dense_0
    residual = net.apply(stable, x)[0] - data.one_hot(labels, 3)
    hidden = np.tanh(x @ params.dense_0.weight + params.dense_0.bias)
    np.testing.assert_allclose(hidden.T @ residual, 0, atol=1e-4)  # at the minimum the residual is orthogonal
    np.testing.assert_allclose(residual.sum(axis=0), 0, atol=1e-4)


def test_dead_units_stop_normal_equations_alone():
    net = nets.mlp((4,), 2, "relu")
    params = net.init(rng.key(0), (3,))
    dead = params._replace(dense_0=params.dense_0._replace(bias=np.float32([-99, 0.1, 0.2, 0.3])))
    examples = rng.normal(rng.key(1), (30, 3)), np.arange(30) % 2
    _, rank = least_squares.fit_last(net, dead, examples, 2, "singular values")
    assert rank == 4
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        least_squares.fit_last(net, dead, examples, 2, "normal equations")


def test_bias_as_a_column_is_exactly_the_same_net():
    found = bias.compare(bias.Config("fractions", (3, 4, 2), 3, 3), 0, None, silent)
    assert [row["difference"] for row in found.rows] == [0.0, 0.0, 0.0]
    rounded = bias.compare(bias.Config("float32", (3, 4, 2), 3, 3), 0, None, silent)
    assert rounded.final["difference"] < 1e-6


def test_a_column_of_twos_would_be_noticed(monkeypatch):
    def twos():
        return attrs.evolve(
            real(),
            apply=lambda params, x: (
                np.concatenate([x[:, :1] * 0 + 2, x], axis=1),
                lambda dy, _=True: ((), dy[:, 1:]),
            ),
        )

    real = bias.ones_column
    monkeypatch.setattr(bias, "ones_column", twos)
    assert bias.compare(bias.Config("fractions", (3, 4, 2), 2, 3), 0, None, silent).final["difference"] > 0


def run(rows):
    return Run(0, rows, {}, 1.0, "", {})


def test_stopping_by_small_improvement_is_the_streams_rule():
    losses_ = [2.3, 1.0, 0.5, 0.45, 0.449, 0.3]
    whole = run([{"epoch": i + 1, "train_loss": loss, "test_accuracy": i / 10} for i, loss in enumerate(losses_)])
    assert StoppedEarly(0.01).row(whole)["epoch"] == 5
    assert StoppedEarly(0.01)(whole) == 0.4
    assert StoppedEarly(0.0001).row(whole)["epoch"] == 6
    assert StoppedEarly(0.15, "test_accuracy").row(whole)["epoch"] == 2


def test_stopping_by_relative_rise_gives_the_best_back():
    errors = [0.5, 0.2, 0.1, 0.105, 0.12, 0.05]
    whole = run([{"epoch": i + 1, "valid_accuracy": 1 - e, "test_accuracy": i / 10} for i, e in enumerate(errors)])
    best_row, stopped = StoppedOnRise(0.1).rows(whole)
    assert (best_row["epoch"], stopped["epoch"]) == (3, 5)
    assert StoppedOnRise(0.1)(whole) == 0.2
    assert StoppedOnRise(0.5).rows(whole)[1]["epoch"] == 6


@pytest.mark.parametrize("name", list(SEARCHES))
def test_a_search_never_touches_the_test_set(name, monkeypatch):
    found = sources.load(name, BUNDLED)
    monkeypatch.setattr(sources, "load", lambda name, directory: Dataset(found.train, None, found.valid))
    for config in SEARCHES[name].values():
        assert not config.test
    config = quick(next(iter(SEARCHES[name].values())))
    assert 0 <= best.train(config, 0, BUNDLED, silent).final["accuracy"] <= 1


def test_validation_and_training_do_not_overlap(monkeypatch):
    images = np.arange(200, dtype=np.uint8).reshape(200, 1, 1).repeat(16, axis=1).repeat(16, axis=2)
    examples = Examples(images, np.arange(200) % 10)
    monkeypatch.setattr(sources, "load", lambda name, directory: Dataset(examples, examples))
    (train, _), (held, _) = best.arrays(best.Config("mnist"), None)
    assert len(train) + len(held) == 200
    assert not set(train[:, 0, 0, 0].tolist()) & set(held[:, 0, 0, 0].tolist())


@pytest.mark.parametrize("label", list(SEARCHES["mnist"]))
def test_nets_for_mnist_are_as_small_as_promised(label):
    net = best.net(SEARCHES["mnist"][label])
    count = sum(leaf.size for leaf in trained(net.init(rng.key(0), (1, 28, 28))))
    assert count <= 70_000
    assert net.shape((1, 28, 28)) == (10,)


def test_views_are_the_image_and_its_eight_neighbours():
    x = np.zeros((1, 1, 5, 5), np.float32)
    x[0, 0, 2, 2] = 1
    found = [tuple(np.argwhere(view[0, 0])[0]) for view in best.views(x)]
    assert found == [(row, column) for row in (3, 2, 1) for column in (3, 2, 1)]
    np.testing.assert_array_equal(list(best.views(x))[4], x)
    edge = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    np.testing.assert_array_equal(next(iter(best.views(edge)))[0, 0], [[0, 0], [0, 0]])


def test_what_is_misread_is_told_with_the_figure():
    found = best.train(quick(SEARCHES["digits.mat"]["R4's CNN, dropout 0.5"]), 0, BUNDLED, silent).final
    assert found["misread"]
    assert all(said != truth for _, said, truth in found["misread"])
    assert found["views_accuracy"] == pytest.approx(1 - len(found["misread"]) / found["images"])


def test_a_vote_is_right_where_most_nets_are_or_the_first_of_equally_many():
    says = [  # of four nets for five images, all of which show a 0
        [1, 0, 1, 2, 0],
        [1, 0, 0, 2, 1],
        [1, 1, 0, 0, 1],
        [0, 0, 1, 0, 0],
    ]
    misread = [[[image, said, 0] for image, said in enumerate(own) if said] for own in says]
    runs = [Run(i, [], {"misread": own, "images": 5}, 1.0, "", {}) for i, own in enumerate(misread)]
    assert vote(runs) == pytest.approx(1 - 3 / 5)  # images 0 (most), 2 and 3 (the first net)
    assert vote(runs[::-1]) == pytest.approx(1 - 2 / 5)  # images 0 and 2
    assert vote([*runs, Run(4, [], {}, 1.0, "", {})]) is None  # made before runs told


def test_a_figure_of_all_seeds_together_needs_all_of_them():
    study = get("best-mnist")
    settings = study.follows.settings(get(study.follows.search).settings[0])
    [row] = [setting for setting in settings if setting.together]
    study = attrs.evolve(study, settings=settings)
    runs = {seed: Run(seed, [], {"misread": [[7, 1, 2]], "images": 10_000}, 1.0, "", {}) for seed in study.seeds}

    def answered(runs):
        answers = StudyResults(study, {setting.label: runs for setting in settings})
        return ours(answers, row.label, study.measure), holds(answers, row)

    assert answered(runs) == ("99.99 (5 runs together)", "reached")
    assert answered({0: runs[0]}) == ("–", "–")


def test_lbfgs_goes_on_where_adam_ends():
    config = attrs.evolve(SINES["Adam 0.01"], epochs=3, points=64)
    before, after = (best.sine(attrs.evolve(config, lbfgs=n), 0, None, silent).final for n in (0, 60))
    assert after["error"] < before["error"] / 2
    assert after["valid_error"] < before["valid_error"] / 2


def test_best_sine_by_name_is_the_study(tmp_path):
    """The same settings, weights to begin with and points, so the very same error."""
    config = attrs.evolve(SINES["Adam 0.01, then L-BFGS"], epochs=2, points=64, lbfgs=5)
    command = ["train", "best-sine", "--epochs", "2", "--train-examples", "64", "--lbfgs", "5", "--out"]
    assert main([*command, str(tmp_path / "run")]) == 0
    made = json.loads((tmp_path / "run" / "results.json").read_text())
    error = best.sine(config, 0, None, silent).final["error"]
    assert made["test"]["mean_absolute_error"] == pytest.approx(error, rel=1e-6)
    named, search = registry.get("best-sine").settings(), get("best-sine-search")
    assert get("best-sine").follows.settings(search.settings[-1])[0].config == Sine(
        activation=named.activation,
        epochs=named.epochs,
        schedule=named.schedule,
        learning_rate=named.rate,
        batch=named.batch_size,
        lbfgs=named.lbfgs,
        hidden=named.hidden,
    )


@pytest.mark.parametrize("name", ["best-mnist", "best-digits", "best-hanzi", "best-sine"])
def test_what_follows_a_search_is_tested_once(name):
    """Settings of one choice are read from the same runs; one of them has the target."""
    study = get(name)
    settings = study.follows.settings(get(study.follows.search).settings[0])
    assert len({setting.config for setting in settings}) == 1
    assert [setting.reported is not None and not setting.together for setting in settings].count(True) == 1
    assert len(study.seeds) == 5


def trained(params):
    from fnnet import tree

    return [leaf for leaf in tree.leaves(params) if not isinstance(leaf, tree.Running)]


def test_nets_of_the_reports_have_their_sizes():
    assert r2.net(r2.Config()).shape((1, 28, 28)) == (10,)
    assert sum(leaf.size for leaf in trained(r2.net(r2.Config()).init(rng.key(0), (1, 28, 28)))) == 61_706
    assert sum(leaf.size for leaf in trained(r5.net(r5.Config()).init(rng.key(0), (1, 28, 28)))) == 44_426
    residual = r4.net(r4.Config("residual"))
    assert residual.init(rng.key(0), (1, 28, 28)).dense_0.weight.shape == (64 * 7 * 7, 128)
    convolved = r1.net(r1.Config(convolution="leaky ReLU")).init(rng.key(0), (1, 28, 28))
    assert convolved.serial_0.dense_0.weight.shape == (2352, 256)


def test_dropout_stands_where_the_settings_say():
    def names(config):
        return [child.name for _, child in r4.net(config)]

    report, behind = names(BOTH), names(BEHIND)
    assert report.count("dropout") == 3
    assert report.index("dropout") < len(report) - 1 - report[::-1].index("batch_norm")
    assert behind.count("dropout") == 1
    assert behind.index("dropout") > len(behind) - 1 - behind[::-1].index("batch_norm")


def test_batch_norms_are_found_with_what_is_in_front():
    config = attrs.evolve(BOTH, channels=(2, 3))
    net = r4.net(config)
    params = net.init(rng.key(0), (1, 8, 8))
    found = list(r4.norms(net, params))
    assert [path for path, _, _ in found] == ["batch_norm_0", "batch_norm_1", "batch_norm_2"]
    x = rng.uniform(rng.key(1), (5, 1, 8, 8))
    _, front, own = found[0]
    np.testing.assert_array_equal(front.apply(own, x)[0], layers.conv2d(2, 3, padding=1).apply(params.conv2d_0, x)[0])


def test_signals_cover_every_layer_with_weights():
    config = r5.Config(optimizer="sgd")
    net, rule = r5.net(config), optim.sgd(0.01)
    state = training.init(net, rule, rng.key(0), (1, 28, 28))
    batch = rng.uniform(rng.key(1), (4, 1, 28, 28)), np.arange(4)
    sizes = r5.signals(net, losses.softmax_cross_entropy, rule, state, batch)
    assert {name.rpartition("_")[0] for name in sizes} == set(LAYERS)
    _, grads, _ = training.value_and_grad(net, losses.softmax_cross_entropy)(state.params, *batch)
    whole = np.concatenate([grads.dense_2.weight.ravel(), grads.dense_2.bias])
    assert sizes["dense_2_gradient"] == pytest.approx(float(np.sqrt((whole**2).mean())), rel=1e-4)
    assert sizes["dense_2_update"] == pytest.approx(0.01 * sizes["dense_2_gradient"], rel=1e-4)


def figures(row):
    """A row without its times."""
    return {name: value for name, value in row.items() if name not in TIMES}


def test_training_goes_on_as_if_without_a_break():
    net, rule, loss = layers.serial(layers.dense(2)), optim.sgd(0.1, momentum=0.9), losses.softmax_cross_entropy
    x, labels = rng.normal(rng.key(0), (7, 3)), np.arange(7) % 2
    epoch, looks = fit.shuffled((x, labels), 2), {"test": (x, labels)}
    whole = fit.fit(net, loss, rule, 5, epoch, 3, silent, looks).rows
    state, before, _ = fit.fit(net, loss, rule, 5, epoch, 1, silent, looks)
    after = fit.fit(net, loss, rule, 5, epoch, 3, silent, looks, start=state, done=1).rows
    assert [figures(row) for row in (*before, *after)] == [figures(row) for row in whole]


def test_rows_are_means_over_examples():
    """Also with a short last batch, and per example where the loss adds up."""
    from functools import partial

    net = layers.serial(layers.dense(2))
    x, labels = rng.normal(rng.key(0), (5, 3)), np.array([0, 1, 0, 1, 1])
    results = [
        fit.fit(net, loss, optim.sgd(0.0), 0, fit.shuffled((x, labels), 2), 1, silent, {"test": (x, labels)}).rows[0]
        for loss in (losses.softmax_cross_entropy, partial(losses.softmax_cross_entropy, reduction="sum"))
    ]
    for row in results:
        assert row["train_loss"] == pytest.approx(row["test_loss"], rel=1e-5)
        assert row["train_accuracy"] == pytest.approx(row["test_accuracy"])
    assert results[0]["test_loss"] == pytest.approx(results[1]["test_loss"], rel=1e-6)


def test_only_what_every_seed_leaves_is_a_repair():
    study = studies()["r5-plateau"]
    sizes = {f"{layer}_{what}": 1.0 for layer in LAYERS for what in ("output", "gradient")}
    left = {"SGD, He": (True, True), "SGD, rate 0.01": (True, False)}
    runs = {
        setting.label: {
            seed: Run(seed, [sizes], {"left": gone, "plateau": 100 if gone else STEPS}, 1.0, "code", {})
            for seed, gone in enumerate(left.get(setting.label, (False, False)))
        }
        for setting in study.settings
    }
    said = " ".join(explain(StudyResults(study, runs)))
    assert "Not left by every seed within three epochs: “SGD, rate 0.01”." in said
    assert (
        f"Of {len(REPAIRS)} single changes that keep plain descent 1 repair it within three epochs: “SGD, He”." in said
    )
    assert "Not left by any seed within three epochs: “SGD, N(0, 0.01²)”, " in said
    assert "; r5-sgd looks at 200 epochs." in said
