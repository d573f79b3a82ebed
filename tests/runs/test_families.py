"""The nets of the course reports by name: every option trains, and makes the net that it says."""

import re
import shlex
from pathlib import Path

import attrs
import numpy as np
import pytest
import tyro
from PIL import Image

from fnnet import layers, rng, zoo
from fnnet.errors import ConfigError
from fnnet.runs import cnn, datasets, files, folder, labelled, lenet5, mlp, nets, registry, settings, trainer
from fnnet.runs.cli import main
from fnnet.runs.settings import INITIALIZERS, RATES, Settings, by_default

PARTS = nets.Parts("relu", INITIALIZERS["he"])
TINY = {"train_examples": 48, "epochs": 1, "batch_size": 16}


def steps(experiment, config):
    """Losses of an epoch on the bundled digits."""
    problem = experiment.problem(config, "bundled", None)
    plan = trainer.plan(problem, config)
    return problem, [values["loss"] for _, values in trainer.steps(plan, trainer.start(plan, config.seed))]


@pytest.mark.parametrize(
    "options",
    [
        {"data_set": "digits", "pixels": "centred", "hidden": (8,), "dropout": 0.2},
        {"data_set": "hanzi", "pixels": "inverted", "activation": "sigmoid", "loss": "norm", "affine": 1.0},
        {"pixels": "binary", "copies": True, "loss": "squared_error", "l2": 0.01},
        {"activation": "tanh", "batch_norm": True, "last_dropout": 0.5, "batch_size": 47},
        {"hidden": (), "activation": "leaky_relu", "optimizer": "momentum", "momentum": 0.5},
        {"every_bias": False, "optimizer": "nesterov", "momentum": 0.9, "l2": 0.01},
    ],
)
def test_every_option_of_a_perceptron_trains(options):
    config = mlp.Config(**{**TINY, **options})
    problem, found = steps(mlp.EXPERIMENT, config)
    assert np.isfinite(found).all()
    assert len(found) == (12 if config.copies else 1 if config.batch_norm else 3)
    assert problem.train[0].shape[1:] == ((1, 16, 16) if config.data_set == "digits" else (1, 28, 28))
    assert (problem.validation is not None) == (config.data_set == "digits")
    assert len(problem.classes) == (12 if config.data_set == "hanzi" else 10)


@pytest.mark.parametrize(
    "options",
    [
        {"convolutions": ("3@3", "4@3", "pool4"), "residual": True, "batch_norm": True, "pool": "average"},
        {"convolutions": ("3@3", "pool", "4@3", "mean"), "hidden": ()},
        {"convolutions": ("3@5+2", "pool", "4@3", "pool"), "padding": "none", "pool": "scale", "hidden": (7,)},
    ],
)
def test_every_option_of_a_convolutional_net_trains(options):
    _, found = steps(cnn.EXPERIMENT, cnn.Config(**TINY, **options))
    assert np.isfinite(found).all()


def test_words_make_the_nets_of_the_reports():
    conv, relu, pool = layers.conv2d, layers.relu(), layers.max_pool(2)
    r4 = nets.convolutional(("32@3", "pool", "64@3", "pool"), (128,), 12, PARTS, padding="same")
    front = [conv(32, 3, padding="same"), relu, pool, conv(64, 3, padding="same"), relu, pool]
    assert r4 == layers.serial(*front, layers.flatten(), layers.dense(128), relu, layers.dense(12))
    norm = layers.batch_norm()
    body = layers.serial(conv(32, 3, padding="same"), norm, relu, conv(64, 3, padding="same"), norm)
    residual = nets.convolutional(
        ("32@3", "64@3", "pool4"), (128,), 12, PARTS._replace(batch_norm=True),
        pool="average", padding="same", residual=True,
    )  # fmt: skip
    assert residual[0] == layers.residual(body, layers.serial(conv(64, 1), norm))
    assert (residual[1], residual[2]) == (relu, layers.avg_pool(4))
    assert lenet5.net(lenet5.Config()) == zoo.lenet5()
    r2 = lenet5.net(lenet5.Config(activation="sigmoid", pool="average", padding=2))
    assert r2.shape((1, 28, 28)) == (10,)
    assert sum(leaf.size for pair in r2.init(rng.key(0), (1, 28, 28)) for leaf in pair) == 61_706  # as R2 says


def test_a_bias_in_the_first_layer_alone():
    for hidden in ((3, 3), ()):
        net = nets.perceptron(hidden, 2, PARTS, every_bias=False)
        biases = [child.recipe.arguments.get("bias", True) for _, child in net if child.name == "dense"]
        assert biases == [True, *[False] * len(hidden)]
    assert mlp.net(mlp.Config(every_bias=False), 10) == nets.perceptron((256, 128), 10, PARTS, every_bias=False)


def test_the_mean_over_places_ends_a_convolutional_net():
    found = nets.convolutional(("3@3", "mean"), (), 2, PARTS)
    assert found == layers.serial(
        layers.conv2d(3, 3), layers.relu(), layers.global_avg_pool(), layers.flatten(), layers.dense(2)
    )


def test_momentum_is_what_is_said():
    """Two steps with a gradient of 1: the second is longer by the part of the first that stays."""
    same = {"optimizer": "momentum", "learning_rate": 0.1, "schedule": "constant"}
    for momentum, second in ((None, -0.19), (0.5, -0.15), (0.0, -0.1)):
        rule = mlp.EXPERIMENT.problem(mlp.Config(**TINY, **same, momentum=momentum), "bundled", None).optimizer
        params, grads = (np.zeros(1),), (np.ones(1),)
        _, state = rule.update(grads, rule.init(params), params)
        updates, _ = rule.update(grads, state, params)
        np.testing.assert_allclose(updates[0], second)
    with pytest.raises(ConfigError, match="momentum: expected optimizer momentum or nesterov with it, got adam"):
        mlp.Config(momentum=0.5)


PAGE = (Path(__file__).parents[2] / "docs/experiments.md").read_text()
VARIED = PAGE.partition("## What the reports varied, by option")[2].partition("\n## ")[0]
OWN, CHANGES = (re.findall(r"^\| (R\d[^|]*) \|([^|]*)\|([^|]*)\|$", part, re.MULTILINE)
                for part in VARIED.split("\nWhat a row below says"))  # fmt: skip
OF_REPORT = {report: command.strip(" `").split(" ", 1) for report, command, _ in OWN}  # name of the net, options
COMMANDS = [
    *(" ".join(command) for command in OF_REPORT.values()),
    *(
        f"{name} {OF_REPORT[report][1]} {options}"
        for report, _, cell in CHANGES
        for name, options in re.findall(r"`(\w+) (--[^`]+)`", cell)
    ),
]


def test_the_page_has_commands_for_every_report_and_change():
    assert {report.split()[0] for report in OF_REPORT} == {"R1", "R2", "R3", "R4", "R5"}
    assert {report for report, *_ in CHANGES} == set(OF_REPORT)
    assert len(COMMANDS) >= len(OWN) + len(CHANGES) > 30
    for _, _, cell in CHANGES:
        assert re.match(r" `\w+ --", cell)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_page_says_of_options_is_so(command):
    """Every command is one, and makes a net for its data."""
    name, *words = shlex.split(command)
    experiment = registry.get(name)
    config = attrs.evolve(tyro.cli(experiment.settings, args=words), train_examples=400)
    if config.validation_examples:
        config = attrs.evolve(config, validation_examples=100)
    found = experiment.problem(config, None if name == "sine" else "bundled", None)
    assert found.net.shape(found.shape) == (len(found.classes) or 1,)


def test_rates_of_summed_gradients_are_those_of_their_mean_on_the_page():
    """R2's and R5's rates times the batch."""
    rates = set()
    for command in COMMANDS:
        name, *words = shlex.split(command)
        config = tyro.cli(registry.get(name).settings, args=words) if name == "lenet5" else None
        if config and config.optimizer == "sgd":
            rates.add((round(config.learning_rate / config.batch_size, 6), config.batch_size, config.epochs))
    assert rates == {
        *((rate, 32, 10) for rate in (0.001, 0.0015, 0.002, 0.005)),
        *((0.0015, batch, 10) for batch in (128, 256)),
        *((0.0015, 64, 50), (0.002, 32, 50)),
        *((rate, 64, 200) for rate in (0.01, 0.001)),
    }


def test_dropout_stands_where_it_is_said():
    everywhere = nets.perceptron((3, 3), 2, PARTS._replace(dropout=0.1))
    last = nets.perceptron((3, 3), 2, PARTS._replace(last_dropout=0.2))
    other = nets.perceptron((3, 3), 2, PARTS._replace(dropout=0.1, last_dropout=0.2))
    places = [[child.recipe.arguments["rate"] for name, child in net if child.name == "dropout"]
              for net in (everywhere, last, other)]  # fmt: skip
    assert places == [[0.1, 0.1], [0.2], [0.1, 0.2]]


@pytest.mark.parametrize("word", ["32", "pool0", "@3", "32@0", "32@3+", "pooling"])
def test_words_that_are_none(word):
    with pytest.raises(ConfigError, match=r"convolutions\[0\]: expected CHANNELS@KERNEL such as 32@3"):
        cnn.Config(convolutions=(word,))


def test_a_residual_net_keeps_the_size():
    with pytest.raises(ConfigError, match="padding: expected 'same', as the net is residual, got 'none'"):
        cnn.net(cnn.Config(residual=True, padding="none"), 10)


@pytest.mark.parametrize("name", RATES)
def test_every_optimizer_comes_down_at_the_rate_that_suits_it(name):
    config = mlp.Config(optimizer=name, hidden=(16,), train_examples=512, epochs=3, batch_size=32, schedule="constant")
    plan = trainer.plan(mlp.EXPERIMENT.problem(config, "bundled", None), config)
    rows = []
    trainer.run(plan, trainer.start(plan, 0), trainer.Journal(epoch=rows.append))
    assert rows[-1]["train_loss"] < 0.95 * rows[0]["train_loss"]  # radam and lion begin slowly


def test_the_rate_is_the_optimizers_unless_it_is_given(told):
    assert Settings(optimizer="sgd").rate == RATES["sgd"] == 0.1
    assert Settings(optimizer="sgd", learning_rate=0.002).rate == 0.002
    assert by_default(Settings(optimizer="lion", learning_rate=1.0))["learning_rate"] == RATES["lion"]
    assert set(RATES) == set(settings.OPTIMIZERS)
    help = told("train", "lenet5", "--help")[1]
    for name, rate in RATES.items():
        assert rate == 0.002 or f"{rate:g}" in help, name


def test_l2_pulls_weights_and_leaves_biases():
    config = Settings(l2=0.5, optimizer="sgd", learning_rate=0.1, schedule="constant")
    rule, params = settings.optimizer(config, 10), {"dense_0": {"weight": np.ones((2, 2)), "bias": np.ones(2)}}
    grads = {"dense_0": {"weight": np.zeros((2, 2)), "bias": np.zeros(2)}}
    updates, _ = rule.update(grads, rule.init(params), params)
    assert updates["dense_0"]["weight"].tolist() == [[-0.05] * 2] * 2
    assert not updates["dense_0"]["bias"].any()


def test_pictures_are_moved_over_their_own_ground():
    x = np.ones((4, 1, 16, 16), np.float32)
    x[:, :, 6:10, 6:10] = 0
    labels = np.arange(4)
    moved, same = labelled.moved(1.0, rng.key(0), (x, labels))
    assert same is labels
    assert (moved[..., 0, :] == 1).all()
    assert not np.array_equal(moved, x)
    assert moved.dtype == np.float32


def test_squares_fitted_to_classes_are_their_own_probabilities():
    scores = np.float32([[1.2, -0.1, 0.4]])
    assert labelled.probabilities(mlp.Config(loss="norm"), scores).tolist() == [[1.0, 0.0, np.float32(0.4)]]
    assert labelled.probabilities(mlp.Config(), scores).sum() == pytest.approx(1)


def test_the_best_nets_have_their_searches_settings():
    for name in ("best-mnist", "best-digits", "best-hanzi"):
        config = registry.get(name).settings()
        assert config.data_set == name.partition("-")[2]
        assert (config.learning_rate, config.schedule, config.batch_size) == (0.003, "one_cycle", 64)
        assert config.affine > 0
    for name in ("best-mnist", "best-digits"):
        best = registry.get(name)
        settings = {**TINY, "epochs": 2, "data_set": "mnist"}
        problem = best.problem(attrs.evolve(best.settings(), **settings), "bundled", None)
        weights = [layer for layer, _ in problem.net if layer.startswith(("conv2d", "batch_norm"))]
        assert len(weights) == 12


def test_a_perceptron_from_training_to_prediction(told, tmp_path):
    run = tmp_path / "run"
    words = ("--data-set", "digits", "--data", "bundled", "--hidden", 24, 12)
    words += ("--pixels", "centred", "--optimizer", "lion")
    code, out, err = told("train", "mlp", *words, "--epochs", 2, "--out", run)
    assert (code, err) == (0, "")
    config = files.read_json(run / folder.CONFIG)["config"]
    assert (config["hidden"], config["learning_rate"]) == ([24, 12], RATES["lion"])
    text = (run / folder.REPORT).read_text()
    assert re.search(
        r"fnnet train mlp --epochs 2 --optimizer lion --data-set digits --pixels centred --hidden 24 12", text
    )
    assert main(["train", "mlp", *map(str, words), "--epochs", "2", "--out", str(run)]) == 0  # this very run
    assert "identical, to the byte" in told("replay", run)[1]
    stored = registry.get("mlp").problem(folder.opened(run).settings, "bundled", None)
    pixels = np.uint8(np.rint(datasets_picture() * 255))
    Image.fromarray(pixels).save(tmp_path / "digit.png")
    code, out, err = told("predict", run, tmp_path / "digit.png")
    assert (code, err) == (0, "")
    assert re.search(r"digit.png: \d \(\d+\.\d %\); then", out)
    assert stored.shape == (1, 16, 16)


def datasets_picture():
    return datasets.digits("bundled").test[0][0, 0]


def test_an_older_run_lacks_what_came_later(told, tmp_path):
    run = tmp_path / "run"
    words = ("--data", "bundled", "--epochs", 1, "--train-examples", 64)
    assert told("train", "lenet5", *words, "--out", run)[0] == 0
    config = files.read_json(run / folder.CONFIG)
    for name in ("l2", "activation", "pool", "padding"):
        del config["config"][name]
    files.write(run / folder.CONFIG, files.to_json(config))
    assert "identical, to the byte" in told("replay", run)[1]
    code, out, err = told("train", "lenet5", *words, "--out", run)
    assert (code, "this run is finished" in out, err) == (0, True, "")
    code, _, err = told("train", "lenet5", *words, "--out", run, "--pool", "average")
    assert (code, "pool: max in the folder, average asked for" in err) == (1, True)
