"""Experiments of every kind of answers, from training to prediction: small ones, registered as any other."""

import re
import sys
from types import SimpleNamespace

import attrs
import numpy as np
import pytest
from PIL import Image

from fnnet import data, layers, losses, metrics, rng, runs, zoo
from fnnet.errors import ConfigError
from fnnet.runs import compare, files, folder, kinds, registry, trainer
from fnnet.runs.answers import Answers
from fnnet.runs.cli import main
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.facts import array_digest
from fnnet.runs.measure import Measure
from fnnet.runs.pictures import read_as
from fnnet.runs.settings import Settings, optimizer
from fnnet.types import Discrete

SAID = "to be or not to be, that is the question. " * 6
CHARACTERS = tuple(sorted(set(SAID)))


@attrs.frozen
class Config(Settings):
    """Small."""

    epochs: int = 2
    batch_size: int = 8
    learning_rate: float = 0.01
    hidden: tuple[int, ...] = (8,)
    """Units of the hidden layers."""


def posed(config, net, loss, train, test, classes=(), **options):
    steps = config.epochs * data.batch_count(32, config.batch_size)
    digests = {"train x": array_digest(train[0][0] if type(train[0]) is tuple else train[0])}
    return Problem(net, loss, optimizer(config, steps), train, test, classes, "drawn", digests, **options)


def sine(config, directory, source):
    net = layers.serial(*(part for n in config.hidden for part in (layers.dense(n), layers.tanh())), layers.dense(1))
    x = rng.uniform(rng.key(0), (32, 1), -3, 3)
    grid = np.linspace(-3, 3, 20, dtype=np.float32)[:, None]
    return posed(config, net, losses.mean_squared_error, (x, np.sin(x)), (grid, np.sin(grid)), loss_words="MSE")


def plane(config, directory, source):
    x = rng.uniform(rng.key(0), (32, 2))
    y = np.stack([x.sum(axis=1), x[:, 0] - x[:, 1]], axis=1)
    summed = losses.with_options(losses.squared_error, reduction="sum")
    return posed(config, layers.dense(2), summed, (x, y), (x, y), validation=(x[:9], y[:9]))


def digits():
    return data.scale(data.small_digits().train.images[:40])


def denoise(config, directory, source):
    x = digits()
    noisy = lambda key, batch: (batch[0] + 0.1 * rng.normal(key, batch[0].shape), batch[1])  # noqa: E731
    net = layers.serial(layers.conv2d(4, 3, padding=1), layers.relu(), layers.conv2d(1, 3, padding=1))
    return posed(config, net, losses.mean_squared_error, (x[:32], x[:32]), (x[32:], x[32:]), augment=noisy)


def vae(config, directory, source):
    x = digits()[:, 0].reshape(-1, 64)
    net = zoo.variational_autoencoder(64, hidden=8, code=2)
    return posed(config, net, losses.negative_elbo, (x[:30], x[:30]), (x[30:], x[30:]), remainder="drop")


def characters(config, directory, source):
    ids = np.array([CHARACTERS.index(one) for one in SAID])
    x, y = ids[:240].reshape(40, 6), ids[1:241].reshape(40, 6)
    net = zoo.character_gru(len(CHARACTERS), features=8, depth=1)
    loss = losses.per_step(losses.softmax_cross_entropy)
    return posed(config, net, loss, (x[:32], y[:32]), (x[32:], y[32:]), CHARACTERS)


def pairs(config, directory, source):
    """Whether a number and an id agree: x is a tuple."""
    ids, numbers = np.arange(32)[:, None] % 2, rng.normal(rng.key(0), (32, 1))
    labels = ((numbers[:, 0] > 0) == (ids[:, 0] > 0)).astype(np.int64)
    net = layers.graph(
        lambda net, ids, x: net.out(net.join(net.flat(net.look(ids)), x)),
        look=layers.embedding(2, 3), flat=layers.flatten(), join=layers.concatenate(), out=layers.dense(2),
    )  # fmt: skip
    examples = (ids, numbers), labels
    return posed(config, net, losses.softmax_cross_entropy, examples, examples, ("no", "yes"))


def read_picture(word, settings, shape, classes):
    return read_as(word, shape, "white", "pad")


def read_flat(word, settings, shape, classes):
    x, done = read_as(word, (1, 8, 8), "white", "pad")
    return x.reshape(-1), done


def read_pair(word, settings, shape, classes):
    return (np.array([int(word)]), np.array([0.5], np.float32)), []


def images(x):
    return x.reshape(-1, 1, 8, 8)


def logits(y):
    return images(layers.sigmoid().apply((), y[0])[0])


def drawn(look, key, count):
    codes = rng.normal(key, (count, 2))
    return logits((look.problem.net["decoder"].apply(look.params.decoder, codes)[0],))


OFF = Measure("off", metrics.mean_absolute_error)
OF_CODE = Measure("off", lambda y, x: metrics.mean_absolute_error(layers.sigmoid().apply((), y[0])[0], x))
SEEN = kinds.Views(images, logits, images)
TRIED = {
    "sine": (sine, kinds.numbers(np.sin)),
    "plane": (plane, kinds.numbers()),
    "denoise": (denoise, kinds.pictures(read_picture, OFF)),
    "vae": (vae, kinds.pictures(read_flat, OF_CODE, views=SEEN, also=kinds.samples(drawn, 20))),
    "characters": (characters, kinds.text()),
    "pairs": (pairs, kinds.classes(read_pair)),
}


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    for name, (problem, answers) in TRIED.items():
        experiment = Experiment(name, Config, None, problem, answers)
        monkeypatch.setitem(sys.modules, f"tried_{name}", SimpleNamespace(EXPERIMENT=experiment))
        monkeypatch.setitem(registry.EXPERIMENTS, name, (f"tried_{name}", f"Does {name} train?"))


@pytest.fixture
def tried(told, tmp_path):
    """Train an experiment of that name, see that its run holds what a run holds, and give the folder."""

    def run(name, *words):
        out, again = tmp_path / name, tmp_path / "again"
        assert main(["train", name, "--out", str(out), *words]) == 0
        holds_everything(out, told)
        again.mkdir()
        for file in (folder.CONFIG, folder.SESSIONS):
            (again / file).write_bytes((out / file).read_bytes())
        assert main(["train", name, "--out", str(again), "--resume"]) == 0
        assert compare.outcomes(folder.opened(out), folder.opened(again)) == []
        return out

    return run


def holds_everything(run, told):
    """Metrics, a page with all figures; it is shown, stands in the table of runs, and is replayed."""
    answers = registry.get(run.name).answers
    headline, row, results = answers.headline, folder.opened(run).metrics()[-1], folder.opened(run).results()
    for name in ("loss", *answers.metrics):
        assert row[f"test_{name}"] == pytest.approx(results["test"][name])
    text = (run / folder.REPORT).read_text()
    assert f"**{headline.text(results['test'][headline.name])}** {headline.words} on the" in text
    assert set(re.findall(r"\]\((\w+\.png)\)", text)) == {path.name for path in run.glob("*.png")}
    assert f"fnnet train {run.name}" in text
    for words in (("show", run), ("report", "--among", run.parent)):
        assert headline.told(results["test"][headline.name]) in told(*words)[1]
    code, out, err = told("replay", run)
    assert (code, err) == (0, "")
    assert "identical, to the byte" in out


def test_numbers(tried, told):
    run = tried("sine", "--epochs", "60", "--hidden", "16", "16")
    assert files.read_json(run / folder.CONFIG)["config"]["hidden"] == [16, 16]
    assert folder.opened(run).results()["test"]["mean_absolute_error"] < 0.2
    assert "--epochs 60 --hidden 16 16" in (run / folder.REPORT).read_text()
    assert "| `hidden` | 16, 16 | 8 |" in (run / folder.REPORT).read_text()
    code, out, err = told("predict", run, "0.5", "-1.5", "1,2", "x", "inf")
    assert code == 1
    assert re.search(r"^0\.5: 0\.\d+ \(should be 0\.47943\)\n-1\.5: -\d\.\d+ \(should be -0\.99749\)\n$", out)
    assert err.splitlines() == [
        "error: 1,2: expected a number, got 2",
        "error: x: expected a number, got something else",
        "error: inf: expected a number, got one that is not finite",
    ]
    assert main(["train", "sine", "--out", str(run), "--epochs", "60", "--hidden", "16", "16"]) == 0  # this very run


def test_several_numbers(tried, told):
    run = tried("plane")
    code, out, _ = told("predict", run, "0.5,0.25")
    assert (code, bool(re.fullmatch(r"0\.5,0\.25: -?[\d.e-]+, -?[\d.e-]+\n", out))) == (0, True)
    (net, params), (x, y) = runs.load(run), plane(Config(), None, None).validation
    of_one, _ = losses.squared_error(net.apply(params, x)[0], y)  # the run's loss adds up over a batch
    assert folder.opened(run).metrics()[-1]["validation_loss"] == pytest.approx(of_one, rel=1e-5)


def test_pictures_are_made_and_written(tried, told, tmp_path):
    run = tried("denoise")
    Image.fromarray(np.uint8(digits()[0, 0] * 255)).save(tmp_path / "seven.png")
    code, out, err = told("predict", run, tmp_path / "seven.png", "--out", tmp_path / "made")
    path = tmp_path / "made" / "seven.answer.png"
    assert (code, out, err) == (0, f"{tmp_path / 'seven.png'}: {path}\n", "")
    with Image.open(path) as picture:
        assert (picture.size, picture.mode) == ((8, 8), "L")
    code, _, err = told("predict", run, tmp_path / "seven.png", "--out", tmp_path / "made")
    assert (code, "expected a new file, got one that is there; add --force" in err) == (1, True)
    assert told("predict", run, tmp_path / "seven.png", "--out", tmp_path / "made", "--force")[0] == 0


def test_a_net_that_makes_pictures_out_of_nothing(tried, told, tmp_path):
    run = tried("vae")
    assert len(folder.opened(run).steps()) == 2 * 3  # of 30 examples in batches of 8, the short one dropped
    assert "![Samples](samples.png)" in (run / folder.REPORT).read_text()
    Image.new("L", (8, 8), 9).save(tmp_path / "dark.png")
    assert told("predict", run, tmp_path / "dark.png", "--out", tmp_path)[0] == 0
    with Image.open(tmp_path / "dark.answer.png") as picture:
        assert picture.size == (8, 8)


def test_text_is_written_on(tried, told):
    run = tried("characters", "--epochs", "12")
    assert folder.opened(run).results()["test"]["bits_per_character"] < np.log2(len(CHARACTERS))
    words = ("predict", run, "to be", "--letters", 30)
    code, out, err = told(*words)
    assert (code, err, len(out)) == (0, "", len("to be: to be") + 31)
    assert told(*words)[1] == out
    assert told(*words, "--seed", 1)[1] != out
    assert told("predict", run, "to be", "--letters", 0)[0] == 2
    code, _, err = told("predict", run, "TO BE")
    assert (code, "expected characters that the net has seen" in err, "'B' 'E' 'O' 'T'" in err) == (1, True, True)


def test_a_pair_is_answered_by_a_class(tried, told):
    run = tried("pairs")
    code, out, _ = told("predict", run, "1")
    assert code == 0
    assert re.fullmatch(r"1: (yes|no) \(\d+\.\d %\); then (yes|no) \d+\.\d %\n", out)


def test_batches_are_changed_anew_and_the_same_again():
    config = Config()
    plan = trainer.plan(denoise(config, None, None), config, {})
    key = rng.key(3)
    (x, _), *rest = plan.batches(key, 0)
    clean = next(iter(data.batches(key, denoise(config, None, None).train, 8)))[0]
    assert 0.05 < np.abs(x - clean).mean() < 0.2
    for one, other in zip(rest, plan.batches(key, 1), strict=True):  # entered later
        np.testing.assert_array_equal(one[0], other[0])


def test_answers_and_measures_are_checked():
    with pytest.raises(ConfigError, match="measures: expected at least one, the headline, got none"):
        Answers((), read_picture, None, "")
    for name in ("loss", "two words"):
        with pytest.raises(ConfigError, match="expected an identifier other than 'loss'"):
            Measure(name, metrics.accuracy)
    assert Discrete((6,)) == characters(Config(), None, None).shape
