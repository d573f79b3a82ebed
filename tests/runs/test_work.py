"""What is trained by name, each once from training to page to answers, as small as can be."""

import json
import re

import attrs
import numpy as np
import pytest
from PIL import Image

from fnnet.runs import folder, trained, trainer
from fnnet.runs.registry import EXPERIMENTS, get

DIGITS = ("--data", "bundled", "--train-examples", 60, "--epochs", 1)
WORDS = {
    "denoise": (*DIGITS, "--channels", 1),
    "segment": (*DIGITS, "--train-examples", 6, "--test-examples", 3, "--channels", 1, "--depth", 1, "--batch-size", 1),
    "rows": (*DIGITS, "--features", 4),
    "characters": ("--train-examples", 6, "--epochs", 1, "--features", 4, "--steps", 8, "--batch-size", 1),
    "addition": ("--train-examples", 60, "--test-examples", 30, "--epochs", 1, "--features", 8, "--heads", 2,
                 "--depth", 1, "--batch-size", 15),
    "vae": (*DIGITS, "--hidden", 4, "--code", 2),
}  # fmt: skip
PICTURES = {
    "denoise": {"curves", "pictures", "kernels"},
    "segment": {"curves", "pictures", "kernels"},
    "rows": {"curves", "confusion_train", "confusion_test", "mistakes"},
    "characters": {"curves"},
    "addition": {"curves"},
    "vae": {"curves", "pictures", "samples", "walks"},
}
SAYS = {
    "denoise": "| as they are read | ",
    "segment": "IoU",
    "rows": "| `lstm_0` | (28, 4) |",
    "characters": "## What it writes",
    "addition": "| digits carried | test sums | right |",
    "vae": "## Walks among the codes",
}
READERS = {  # they differ from "rows" by the net alone
    "vit": {"features": 4, "heads": 2, "depth": 1},
    "mobilenet": {"width": 0.02},
}


def test_every_experiment_is_here_or_has_tests_of_its_own():
    families = {"mlp", "cnn", "sine", "best-mnist", "best-digits", "best-hanzi", "best-sine"}
    assert {*WORDS, *READERS, *families, "lenet5", "pictures"} == set(EXPERIMENTS)


@pytest.mark.parametrize("name", WORDS)
def test_trains_shows_and_answers(told, tmp_path, name):
    run = tmp_path / "run"
    assert told("train", name, *WORDS[name], "--out", run)[0] == 0
    page = (run / folder.REPORT).read_text()
    assert SAYS[name] in page
    assert {path.stem for path in run.glob("*.png")} == PICTURES[name] == set(re.findall(r"\]\((\w+)\.png\)", page))
    measured = json.loads((run / folder.RESULTS).read_text())["test"]
    assert np.isfinite(measured["loss"])
    assert measured["loss"] == pytest.approx(json.loads((run / folder.METRICS).read_text())["test_loss"])

    code, out, err = told("predict", run, _question(name, run), *_where(name, tmp_path))
    assert (code, err) == (0, "")
    assert re.search(_answer(name), out), out
    if name in ("denoise", "segment", "vae"):
        with Image.open(tmp_path / "answers" / "digit.answer.png") as picture:
            assert picture.size == trained.load_trained(run).shape[1:]
    assert not list(tmp_path.glob("*.png"))


def test_the_page_of_sums_shows_which_are_wrong(told, tmp_path):
    assert told("train", "addition", *WORDS["addition"], "--no-reverse", "--out", tmp_path / "run")[0] == 0
    found = re.findall(r"(?m)^\| (\d+) \+ (\d+) \| (\d+) \| (\d+) \|$", (tmp_path / "run" / folder.REPORT).read_text())
    assert len(found) == 10
    assert all(int(a) + int(b) == int(right) != int(said) for a, b, right, said in found)


def _question(name, run):
    if name == "addition":
        return "12+39"
    if name == "characters":
        return "The "
    path = run / "digit.jpg"
    Image.fromarray(np.pad(np.full((20, 4), 255, np.uint8), ((4, 4), (12, 12)))).save(path)
    return path


def _where(name, place):
    return ("--out", place / "answers") if name in ("denoise", "segment", "vae") else ()


def _answer(name):
    return {
        "addition": r"12\+39: \d+ \((right|should be 51)\)",
        "characters": r"(?s)The .{20}",
        **dict.fromkeys(("denoise", "segment", "vae"), r"digit\.answer\.png"),
    }.get(name, r"digit\.jpg: \d \(\d+\.\d %\); then")


@pytest.mark.parametrize("name", READERS)
def test_readers_train(name):
    experiment = get(name)
    config = experiment.settings(train_examples=60, batch_size=15, epochs=1, **READERS[name])
    made = experiment.problem(config, "bundled", None)
    small = attrs.evolve(made, test=(made.test[0][:20], made.test[1][:20]))
    rows = []
    plan = trainer.plan(small, config, experiment.answers.metrics)
    trainer.run(plan, trainer.start(plan, config.seed), trainer.Journal(epoch=rows.append))
    assert experiment.net(config) == made.net
    assert 0 <= rows[0]["test_accuracy"] <= 1
    assert np.isfinite(rows[0]["test_loss"])
