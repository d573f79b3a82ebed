"""The main job from end to end, on the bundled digits."""

import importlib
import json
import re

import attrs
import numpy as np
import pytest
from PIL import Image

import fnnet
from fnnet import checkpoint, losses, metrics, summary, training, tree
from fnnet.runs import compare, datasets, files, folder, settings, style, trained, trainer
from fnnet.runs.cli import main
from fnnet.runs.lenet5 import EXPERIMENT, Config
from tests.runs.conftest import SMALL

ACCURACY = 0.93  # of 360 test examples after 4 epochs; seeds 0 to 4 give 0.947 to 0.969


def test_trains_to_the_stated_accuracy(finished):
    rows = files.rows(finished / folder.METRICS)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert rows[-1]["test_accuracy"] >= ACCURACY
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    names = {"epoch", "train_loss", "train_accuracy", "test_accuracy", "seconds", "examples_per_second"}
    assert all(names <= row.keys() for row in rows)


def test_twice_gives_the_same_bytes(finished, tmp_path):
    assert main(["train", "lenet5", *SMALL, "--out", str(tmp_path / "again")]) == 0
    for name in (folder.PARAMS, folder.STEPS, folder.CONFIG, "curves.png", "mistakes.png"):
        assert (tmp_path / "again" / name).read_bytes() == (finished / name).read_bytes(), name


def test_another_seed_gives_other_bytes(finished):
    config = Config(epochs=4, learning_rate=0.003, seed=1)
    plan = trainer.plan(EXPERIMENT.problem(config, "bundled", None), config)
    position = trainer.start(plan, config.seed)
    _, values = next(trainer.steps(plan, position))
    recorded = files.rows(finished / folder.STEPS)[0]
    assert trainer.step_row(position, values)["loss"] != recorded["loss"]
    assert trainer.step_row(position, values)["digests"] != recorded["digests"]
    assert trainer.step_row(position, values)["digests"].keys() == recorded["digests"].keys()


def test_report_shows_every_figure(finished):
    text = (finished / folder.REPORT).read_text()
    pictures = set(re.findall(r"\]\((\w+\.png)\)", text))
    assert pictures == {path.name for path in finished.glob("*.png")}
    assert pictures == {"curves.png", "confusion_test.png", "confusion_train.png", "mistakes.png", "kernels.png"}
    for name in pictures:
        with Image.open(finished / name) as picture:
            assert picture.format == "PNG"
            assert 1.8 * style.DPI < picture.width < 10 * style.DPI
        assert (finished / name).stat().st_size < 150_000
    assert "| `conv2d_1` | (16, 8, 8) | 2,416 | 153,600 |" in text
    assert re.search(r"peak memory \| [\d,]+ MB", text)
    assert "fnnet train lenet5 --epochs 4 --learning-rate 0.003 --data bundled" in text


def test_results_agree_with_the_trained_net(finished):
    net, params = trained.load(finished)
    x, labels = datasets.digits("bundled").test
    logits, _ = net.apply(params, x)
    results = files.read_json(finished / folder.RESULTS)
    assert metrics.accuracy(logits, labels) == pytest.approx(results["test"]["accuracy"], abs=1e-9)
    confusion = np.array(results["test"]["confusion"])
    assert confusion.sum() == len(labels) == 360
    assert np.trace(confusion) == round(results["test"]["accuracy"] * 360)
    assert sum(row.parameters for row in summary.summary(net, (1, 28, 28))) == 44_426


def test_early_stopping_is_recorded(stopped):
    config = files.read_json(stopped / folder.CONFIG)["config"]
    assert (config["patience"], config["validation_examples"]) == (2, 300)
    rows, results = folder.opened(stopped).metrics(), folder.opened(stopped).results()
    best = min(row["validation_loss"] for row in rows)
    assert rows[results["best_epoch"] - 1]["validation_loss"] == best
    assert len(rows) == results["epochs"] == results["best_epoch"] + 2
    text = (stopped / folder.REPORT).read_text()
    assert f"Early stopping: this is the net of epoch {results['best_epoch']}, the one with the least" in text
    assert f"Training ended with epoch {results['epochs']}, patience being 2." in text
    assert f"test examples of bundled digits, after {results['best_epoch']} epochs." in text
    assert "| `patience` | 2 | none |" in text
    assert "| epoch | training loss | training accuracy | validation loss | validation accuracy | test loss |" in text
    assert "--validation-examples 300 --patience 2" in text


def test_early_stopping_keeps_the_net_with_the_least_validation_loss(stopped):
    x, labels = datasets.digits("bundled").train
    held = x[-300:], labels[-300:]
    net, params = trained.load(stopped)
    results = folder.opened(stopped).results()
    loss = training.evaluate(net, params, held, loss=losses.softmax_cross_entropy, size=256)["loss"]
    assert loss == folder.opened(stopped).metrics()[results["best_epoch"] - 1]["validation_loss"]
    assert results["validation"]["loss"] == pytest.approx(loss, rel=1e-6)
    assert results["train"]["examples"] == len(labels) - 300


def test_the_test_set_has_no_say_in_early_stopping(stopped):
    """With all test labels wrong the same epoch is the last one, and the same net is kept."""
    config = folder.opened(stopped).settings
    made = EXPERIMENT.problem(config, "bundled", None)
    wrong = attrs.evolve(made, test=(made.test[0], (made.test[1] + 1) % 10))
    rows = []
    plan = trainer.plan(wrong, config)
    end = trainer.run(plan, trainer.start(plan, config.seed), trainer.Journal(epoch=rows.append))
    assert len(rows) == folder.opened(stopped).results()["epochs"]
    assert rows[-1]["test_loss"] != folder.opened(stopped).metrics()[-1]["test_loss"]
    kept = checkpoint.load(stopped / folder.PARAMS)
    assert (
        compare.params_differ(kept, {path: tree.array(leaf) for path, leaf in tree.items(trainer.trained(end))}) == []
    )


def test_validation_without_patience_is_only_looked_at(told, tmp_path):
    words = ("--epochs", 1, "--train-examples", 200, "--validation-examples", 50, "--data", "bundled")
    code, out, err = told("train", "lenet5", *words, "--out", tmp_path / "run")
    assert (code, err) == (0, "")
    results = folder.opened(tmp_path / "run").results()
    assert results["train"]["examples"] == 150
    assert results["validation"]["examples"] == 50
    assert "best_epoch" not in results
    assert "validation accuracy" in out
    assert out.endswith("\n")
    assert out.replace("\n", "").isprintable()  # whole lines only: nothing goes back over what was told
    assert "Early stopping" not in (tmp_path / "run" / folder.REPORT).read_text()


def test_load_takes_the_file_alone(finished, tmp_path):
    copy = tmp_path / "net.safetensors"
    copy.write_bytes((finished / folder.PARAMS).read_bytes())
    found = trained.load_trained(copy)
    assert found.shape == (1, 28, 28)
    assert found.classes == tuple("0123456789")


def test_loss_of_every_step_is_recorded_and_digests_now_and_then(finished):
    rows = files.rows(finished / folder.STEPS)
    assert [row["step"] for row in rows] == list(range(4 * 23))
    assert [row["step"] for row in rows if "digests" in row] == [0, 50]
    assert set(rows[0]["digests"]) == {
        f"{name}.{leaf}"
        for name in ("conv2d_0", "conv2d_1", "dense_0", "dense_1", "dense_2")
        for leaf in ("weight", "bias")
    }


def test_sessions_record_what_it_ran_on(finished):
    (session,) = folder.opened(finished).sessions()
    assert session["facts"]["blas threads"] == 1
    assert session["facts"]["numpy"] == np.__version__


def test_without_data_and_network_it_trains_on_the_bundled_digits_and_says_so(told, tmp_path, monkeypatch):
    monkeypatch.delenv("FNNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(importlib.import_module("fnnet.data.mnist"), "MIRRORS", ())
    code, out, _ = told("train", "lenet5", "--epochs", 1, "--out", tmp_path / "run")
    assert code == 0
    assert re.search(r"no data directory.*using the 1,797 handwritten digits", out)
    assert json.loads((tmp_path / "run" / folder.CONFIG).read_text())["source"] == "bundled digits"


@pytest.mark.parametrize(
    "words",
    [
        ["--optimizer", "momentum", "--schedule", "one_cycle", "--learning-rate", "0.05"],
        ["--optimizer", "adamw", "--schedule", "step", "--initialization", "xavier"],
        ["--optimizer", "rmsprop", "--schedule", "exponential", "--initialization", "normal_0.01"],
        ["--optimizer", "sgd", "--schedule", "constant", "--initialization", "lecun"],
        ["--optimizer", "nesterov", "--schedule", "inverse_time", "--initialization", "he_uniform"],
        ["--optimizer", "adagrad", "--schedule", "cosine", "--initialization", "xavier_uniform"],
    ],
)
def test_every_choice_trains(words):
    values = {word[2:].replace("-", "_"): value for word, value in zip(words[::2], words[1::2], strict=True)}
    if "learning_rate" in values:
        values["learning_rate"] = float(values["learning_rate"])
    config = Config(train_examples=256, epochs=1, **values)
    made = EXPERIMENT.problem(config, "bundled", None)
    plan = trainer.plan(made, config)
    losses = [found["loss"] for _, found in trainer.steps(plan, trainer.start(plan, config.seed))]
    assert len(losses) == 4
    assert np.isfinite(losses).all()
    assert set(settings.OPTIMIZERS) == set(settings.OptimizerName.__args__)
    assert set(settings.SCHEDULES) == set(settings.ScheduleName.__args__)
    assert set(settings.INITIALIZERS) == set(settings.InitializationName.__args__)


def test_the_net_of_a_run_needs_nothing_but_its_file(finished):
    net, params = trained.load(finished)
    again, weights, shape = fnnet.load(finished / folder.PARAMS)
    assert again == net
    assert shape == (1, 28, 28)
    assert trainer.digests(weights) == trainer.digests(params)
