"""A run on a folder of pictures of one's own."""

import os
import re
import shlex
import shutil
import signal
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from rich.console import Console

import fnnet
from fnnet.errors import ConfigError, DataError, MissingDataError
from fnnet.runs import own_pictures, page, plots, style, terminal, trainer
from fnnet.runs.class_folders import read_folder
from fnnet.runs.cli import main
from fnnet.runs.own_pictures import Config, problem
from fnnet.runs.trained import load_trained

ROOT = Path(__file__).parents[2]
KINDS = {"bar": "jpg", "cross": "gif", "disc": "png", "ring": "webp"}
SMALL = ["--epochs", "8", "--batch-size", "16", "--resize", "20", "20"]


def drawn(folder, each=15):
    """Pictures of four kinds, each kind in a format of its own, of many sizes; with what systems leave behind."""
    for kind, ending in KINDS.items():
        (folder / kind).mkdir(parents=True)
        for i in range(each):
            width, height, edge = 34 + i, 48 - i, 4 + i % 3
            clear = kind == "disc"
            page = Image.new("RGBA" if clear else "RGB", (width, height), (0, 0, 0, 0) if clear else "white")
            pen, box = ImageDraw.Draw(page), (edge, edge, edge + 24, edge + 24)
            if kind == "disc":
                pen.ellipse(box, fill="red")
            elif kind == "ring":
                pen.ellipse(box, outline="green", width=4)
            else:
                pen.line(box, "black", 5)
                if kind == "cross":
                    pen.line((box[0], box[3], box[2], box[1]), "black", 5)
            page.save(folder / kind / f"{i}.{ending}")
        (folder / kind / "Thumbs.db").write_bytes(b"x")
    (folder / ".DS_Store").write_bytes(b"x")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("pictures") / "shapes")


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "own"
    assert main(["train", "pictures", "--data", str(folder), *SMALL, "--out", str(out)]) == 0
    return out


def test_trains(run, folder, capsys):
    trained = load_trained(run)
    assert (trained.classes, trained.shape) == (tuple(KINDS), (3, 20, 20))
    assert main(["predict", str(run), *(str(folder / kind / f"3.{ending}") for kind, ending in KINDS.items())]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(f": {kind} (" in line for kind, line in zip(KINDS, lines, strict=True)) >= 3
    assert "[put on white; made RGB; brought from 37 × 45 to 20 × 20]" in lines[2]


def test_what_is_read_is_told_once(folder):
    said = problem(Config(resize=(32, 32)), str(folder)).note
    assert said == (
        f"{folder}: what systems leave behind is passed over (5): .DS_Store, Thumbs.db; "
        "12 of 60 pictures are held back to test on"
    )


def test_a_trained_net_reads_files_as_it_read_them_in_training(run, folder):
    trained, found = load_trained(run), read_folder(str(folder), Config(resize=(20, 20)))
    rows = {tuple(image.ravel().tolist()) for part in (found.train, found.test) for image in part.images}
    for kind, ending in KINDS.items():
        x, _ = trained.read(folder / kind / f"0.{ending}")
        assert (x.dtype, x.shape) == (np.float32, (3, 20, 20))
        assert tuple(np.rint(x.ravel() * 255).astype(int).tolist()) in rows


def test_the_net_is_whole_in_its_file(run):
    net, params, shape = fnnet.load(run / "params.safetensors")
    assert net.apply(params, np.zeros((1, *shape), np.float32))[0].shape == (1, 4)


def test_show_replay_and_the_command_that_makes_the_same_run(run, folder, capsys):
    for words in (["show", str(run)], ["replay", str(run), "--data", str(folder)]):
        assert main(words) == 0
    told = capsys.readouterr().out
    assert "pictures on a folder of 4 classes, seed 0: finished after 8 epochs" in told
    assert "identical, to the byte" in told
    report = (run / "report.md").read_text()
    assert f"fnnet train pictures --resize 20 20 --epochs 8 --batch-size 16 --data {folder}" in report


def test_a_run_that_is_begun_only(run, tmp_path, capsys):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "results.json").unlink()
    assert main(["show", str(tmp_path / "run")]) == 0
    assert "its net depends on the data; it is shown once params.safetensors is there" in capsys.readouterr().out


def test_grey_pictures_and_the_words_for_it(folder):
    config = Config(colours=False, fit="crop", resize=(16, 16))
    made = problem(config, str(folder))
    assert made.shape == (1, 16, 16)
    told = SimpleNamespace(experiment=own_pictures.EXPERIMENT, settings=config, problem=made)
    assert page.command(told) == f"fnnet train pictures --resize 16 16 --no-colours --fit crop --data {folder}"


def test_the_split(folder):
    """Of every class the share; the same for every seed; every picture in one part; training pictures in no order."""
    found, again = (
        read_folder(str(folder), Config(resize=(32, 32))),
        read_folder(str(folder), Config(resize=(32, 32), seed=5)),
    )
    assert np.bincount(found.test.labels).tolist() == [3] * 4
    assert np.bincount(found.train.labels).tolist() == [12] * 4
    assert np.count_nonzero(np.diff(found.train.labels)) > 20
    np.testing.assert_array_equal(found.train.images, again.train.images)
    most = read_folder(str(folder), Config(resize=(32, 32), test_share=0.999))
    assert np.bincount(most.train.labels).tolist() == [1] * 4
    least = read_folder(str(folder), Config(resize=(32, 32), test_share=0.001))
    assert np.bincount(least.test.labels).tolist() == [1] * 4


def test_train_and_test_may_be_there_already(tmp_path):
    for part, each in (("train", 3), ("test", 2)):
        drawn(tmp_path / part, each)
    (tmp_path / ".DS_Store").write_bytes(b"x")
    found = read_folder(str(tmp_path), Config(resize=(32, 32)))
    assert (np.bincount(found.train.labels).tolist(), np.bincount(found.test.labels).tolist()) == ([3] * 4, [2] * 4)
    assert found.note.endswith("; tested on the 8 pictures of its test part")
    shutil.rmtree(tmp_path / "test" / "ring")
    with pytest.raises(DataError, match="expected the same classes in train and test, got ring in one of them only"):
        read_folder(str(tmp_path), Config(resize=(32, 32)))


def test_a_zip_of_the_folder_itself_is_the_same_data(run, folder, tmp_path, capsys):
    for around in (".", "shapes"):
        root = folder if around == "." else folder.parent
        archive = shutil.make_archive(str(tmp_path / f"zipped{len(around)}"), "zip", root, around)
        assert main(["replay", str(run), "--data", archive]) == 0
        assert "identical, to the byte" in capsys.readouterr().out


def test_train_and_test_may_be_in_a_zip_and_in_capitals(tmp_path):
    for part, each in (("Train", 3), ("Test", 2)):
        drawn(tmp_path / "set" / part, each)
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path, "set")
    found = read_folder(archive, Config(resize=(8, 8)))
    assert (len(found.train.labels), len(found.test.labels)) == (12, 8)
    assert found.note.startswith(f"{archive}: what systems leave behind is passed over (10): ")
    for name in KINDS:
        shutil.rmtree(tmp_path / "set" / "Test" / name)
    with pytest.raises(DataError, match="set: Test: expected pictures, got none"):
        read_folder(str(tmp_path / "set"), Config(resize=(8, 8)))
    (tmp_path / "set" / "Test").rename(tmp_path / "set" / "New")
    with pytest.raises(
        DataError, match=r"a path of 3 names; put .* into one folder, .*; or .* into train, val and test"
    ):
        read_folder(str(tmp_path / "set"), Config(resize=(8, 8)))


@pytest.mark.parametrize("zipped", [False, True])
def test_what_is_looked_at_may_be_there_too(zipped, tmp_path, capsys):
    """With train, val and test each is what it says, and patience has what it looks at."""
    for part, each in (("train", 4), ("VAL", 2), ("test", 3)):
        drawn(tmp_path / "set" / part, each)
    path = shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path, "set") if zipped else str(tmp_path / "set")
    found = read_folder(path, Config(resize=(8, 8)))
    assert found.note.endswith("; tested on the 12 pictures of its test part; 8 in its validation part")
    assert [np.bincount(part.labels).tolist() for part in (found.train, found.validation, found.test)] == [
        [4] * 4,
        [2] * 4,
        [3] * 4,
    ]
    with pytest.raises(ConfigError, match=r"validation_examples: expected a folder to hold .*; leave it out"):
        problem(Config(resize=(16, 16), validation_examples=5), path)
    words = ["train", "pictures", "--data", path, "--resize", "16", "16", "--batch-size", "8", "--epochs", "30"]
    words += ["--learning-rate", "1e-9", "--schedule", "constant", "--optimizer", "sgd", "--patience", "1"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    report = (tmp_path / "run" / "report.md").read_text()
    assert "|  | training set | validation set | test set |\n" in report
    assert "| examples | 16 | 8 | 12 |" in report
    assert "validation images" in report
    assert "Early stopping: this is the net of epoch" in report
    assert main(["show", path, "--resize", "8", "8", "--part", "validation", "--examples", "2"]) == 0
    assert main(["replay", str(tmp_path / "run"), "--data", path]) == 0


def test_val_without_test_is_what_is_tested_on(tmp_path):
    for part, each in (("training", 4), ("valid", 2)):
        drawn(tmp_path / part, each)
    found = read_folder(str(tmp_path), Config(resize=(8, 8)))
    assert (len(found.train.labels), found.validation, len(found.test.labels)) == (16, None, 8)
    assert found.note.endswith("; tested on the 8 pictures of its validation part")
    with pytest.raises(ConfigError, match=r"test_share: expected a folder to hold pictures back from, got .*; leave"):
        read_folder(str(tmp_path), Config(resize=(8, 8), test_share=0.5))
    (tmp_path / "training").rename(tmp_path / "test")
    with pytest.raises(DataError, match="expected a folder train beside its other parts, got test, validation; call"):
        read_folder(str(tmp_path), Config(resize=(8, 8)))


def test_names_in_a_zip_of_new_pictures(run, folder, tmp_path, capsys):
    """Its own encoding, whatever the one in training was."""
    archive = tmp_path / "new.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(folder / "bar" / "0.jpg", "ab.jpg")
    archive.write_bytes(archive.read_bytes().replace(b"ab.jpg", "圆".encode("gbk") + b".jpg"))
    assert main(["predict", str(run), str(archive), "--names", "gbk"]) == 0
    assert capsys.readouterr().out.startswith(f"{archive}/圆.jpg: ")
    assert main(["predict", str(run), str(archive)]) == 0
    assert "圆" not in capsys.readouterr().out
    for word, names, fault in (
        (folder / "bar", "gbk", "--names: expected a zip, whose names may be in another encoding"),
        (folder / "bar", "", "names: expected an encoding that Python knows"),
        (archive, "nope", "names: expected an encoding that Python knows"),
    ):
        assert main(["predict", str(run), str(word), "--names", names]) == 2
        assert fault in capsys.readouterr().err


def test_predict_reads_folders_and_zips(run, folder, tmp_path, capsys):
    """One line a picture, in natural order, with the path inside; the rest is told on standard error."""
    shutil.copytree(folder, tmp_path / "shapes")
    (tmp_path / "shapes" / "bar" / "note.txt").write_text("text")
    (first, ending), *_, (last_kind, _) = KINDS.items()
    for i in range(15, 18):  # in another's folder
        shutil.copy(
            tmp_path / "shapes" / first / f"{i - 15}.{ending}", tmp_path / "shapes" / last_kind / f"{i}.{ending}"
        )
    archive = Path(shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path, "shapes"))
    order = [f"{kind}/{i}.{ending}" for kind, ending in KINDS.items() for i in range(15)]
    order += [f"{last_kind}/{i}.{ending}" for i in range(15, 18)]
    answers = []
    for word, root in ((tmp_path / "shapes", tmp_path / "shapes"), (archive, archive / "shapes")):
        assert main(["predict", str(run), str(word)]) == 0
        out, err = capsys.readouterr()
        *lines, last = out.splitlines()
        answers.append([line.removeprefix(f"{root}/") for line in lines])
        assert [line.partition(": ")[0] for line in answers[-1]] == order
        right = sum(f"{line.partition('/')[0]} (" in line for line in answers[-1])
        share = f"({100 * right / 63:.1f} %)"
        assert last == f"{right} of 63 pictures in folders of class names are read as their folder says {share}"
        assert 40 < right < 63
        assert "left aside (1): " in err
        assert "passed over (5): " in err
    assert answers[0] == answers[1]


def test_predict_counts_where_folders_are_class_names_only(run, folder, tmp_path, capsys):
    shutil.copytree(folder / "bar", tmp_path / "some")
    assert main(["predict", str(run), str(tmp_path / "some")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 15
    assert main(["predict", str(run), str(folder / "bar"), str(folder / "ring" / "0.webp")]) == 0
    assert re.search(r"\d+ of 15 pictures in folders of class names", capsys.readouterr().out.splitlines()[-1])


def test_predict_goes_on_behind_what_cannot_be_read(run, folder, tmp_path, capsys):
    shutil.copytree(folder / "bar", tmp_path / "bar")
    (tmp_path / "bar" / "3.jpg").write_bytes(b"no picture")
    (tmp_path / "cut.zip").write_bytes(b"PK")
    (tmp_path / "empty").mkdir()
    words = [str(tmp_path / name) for name in ("empty", "cut.zip", "bar")]
    assert main(["predict", str(run), *words]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 15
    assert "of 14 pictures" in out
    assert "empty: expected pictures, got none" in err
    assert "cut.zip: expected an intact zip file" in err
    assert "bar/3.jpg: picture: expected an intact BMP" in err


def test_parts_of_the_training_pictures(folder):
    made = problem(Config(resize=(32, 32), train_examples=40, validation_examples=10), str(folder))
    assert (len(made.train[0]), len(made.validation[0]), len(made.test[0])) == (30, 10, 12)
    with pytest.raises(ConfigError, match="train_examples: expected at most the 48 training pictures, got 49"):
        problem(Config(resize=(32, 32), train_examples=49), str(folder))
    with pytest.raises(ConfigError, match="validation_examples: expected fewer than the 20 training pictures, got 20"):
        problem(Config(resize=(32, 32), train_examples=20, validation_examples=20), str(folder))


def test_faults(folder, tmp_path):
    for data in (None, "bundled"):
        with pytest.raises(MissingDataError, match="--data: expected a folder or zip that holds a folder of pictures"):
            problem(Config(resize=(32, 32)), data)
    drawn(tmp_path / "one", 1)
    with pytest.raises(DataError, match="class bar: expected at least 2 pictures, got 1, which would be all to learn"):
        problem(Config(resize=(32, 32)), str(tmp_path / "one"))
    for share in (0, 1):
        with pytest.raises(ConfigError, match="test_share: expected a number between 0 and 1, got"):
            Config(test_share=share)
    with pytest.raises(ConfigError, match=r"resize\[1\]: expected a whole number ≥ 1, got 0"):
        Config(resize=(20, 0))
    assert own_pictures.EXPERIMENT.net is None


def test_one_class_is_none_to_tell_apart(folder, tmp_path, capsys):
    shutil.copytree(folder / "bar", tmp_path / "set" / "bar")
    assert main(["train", "pictures", "--data", str(tmp_path / "set"), "--resize", "20", "20"]) == 1
    told = capsys.readouterr().err
    assert f"{tmp_path / 'set'}: expected two classes or more, to tell apart, got bar alone" in told
    assert "put the pictures of each class into a folder of its own" in told


@pytest.mark.parametrize("ending", ["bmp", "tiff", "png"])
def test_pictures_of_one_size_stay_as_they_are(ending, tmp_path):
    """Whatever the format, height and width, in a folder or a zip, to the pixel; nothing is made square."""
    rng = np.random.default_rng(0)
    pixels = {name: rng.integers(0, 256, (4, 14, 9, 3), dtype=np.uint8) for name in ("a", "b")}
    for name, images in pixels.items():
        (tmp_path / "set" / name).mkdir(parents=True)
        for i, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / "set" / name / f"{i}.{ending}")
    shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path / "set")
    for path in ("set", "zipped.zip"):
        found = read_folder(str(tmp_path / path), Config())
        assert found.train.images.shape == (6, 3, 14, 9)
        every = np.concatenate([found.train.images, found.test.images]).transpose(0, 2, 3, 1)
        labels = np.concatenate([found.train.labels, found.test.labels])
        for label, name in enumerate(pixels):
            assert {one.tobytes() for one in every[labels == label]} == {one.tobytes() for one in pixels[name]}


def test_train_and_test_are_of_one_size(tmp_path):
    for part, side in (("train", 8), ("test", 9)):
        for name in ("a", "b"):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(2):
                Image.new("L", (side, 7)).save(tmp_path / part / name / f"{i}.png")
    with pytest.raises(DataError, match="expected pictures of one size in train and test, got 8×7 and 9×7; bring all"):
        read_folder(str(tmp_path), Config())


def test_words_on_pictures_are_refused_where_there_are_none(capsys):
    for words in (["--resize", "20", "20"], ["--no-colours"], ["--fit", "crop"], ["--test-share", "0.5"]):
        assert main(["train", "mlp", "--data", "bundled", *words]) == 2
        assert "expected data_set pictures with it, as it says how those are read" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["pictures", "mlp", "cnn"])
def test_a_run_on_own_pictures_goes_on_where_it_was(name, folder, tmp_path, monkeypatch):
    """Ended by a signal inside its second epoch and resumed, it is to the byte the run that was never ended."""
    words = ["train", name, "--resize", "16", "16", "--epochs", "3", "--data", str(folder), "--batch-size", "8"]
    words += {"pictures": [], "mlp": ["--data-set", "pictures", "--hidden", "8"]}.get(
        name, ["--data-set", "pictures", "--convolutions", "4@3", "pool", "--hidden", "8"]
    )
    assert main([*words, "--out", str(tmp_path / "whole")]) == 0
    row = trainer.step_row

    def interrupted(before, values):
        if before.state.step == 8:
            signal.raise_signal(signal.SIGINT)
        return row(before, values)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "step_row", interrupted)
        assert main([*words, "--out", str(tmp_path / "broken")]) == 130
    assert not (tmp_path / "broken" / "results.json").exists()
    assert main(["train", name, "--data", str(folder), "--out", str(tmp_path / "broken"), "--resume"]) == 0
    assert main(["diff", str(tmp_path / "whole"), str(tmp_path / "broken")]) == 0


def test_a_zip_that_somebody_made(tmp_path, capsys):
    """Twelve characters as BMP files in class folders: trained on as they are, in their own size, and shown."""
    archive = Path(os.environ.get("FNNET_DATA", "")) / "hanzi.zip"
    if not archive.is_file():
        pytest.skip("needs hanzi.zip: set FNNET_DATA to its directory")
    words = ["--data-set", "pictures", "--data", str(archive), "--no-colours", "--hidden", "16", "--epochs", "1"]
    assert main(["train", "mlp", *words, "--out", str(tmp_path / "run")]) == 0
    trained = load_trained(tmp_path / "run")
    assert (trained.shape, len(trained.classes)) == ((1, 28, 28), 12)
    assert main(["show", str(tmp_path / "run"), "--data", str(archive), "--examples", "2"]) == 0
    assert "1,488 test examples" in capsys.readouterr().out


def test_other_pictures_are_another_run(run, folder, tmp_path, capsys):
    """A changed picture, or the same pictures under another class name, is told."""
    shutil.copytree(folder, tmp_path / "other")
    (tmp_path / "other" / "ring").rename(tmp_path / "other" / "torus")
    assert main(["replay", str(run), "--data", str(tmp_path / "other")]) == 1
    assert "differing in classes; name the run's data with --data" in capsys.readouterr().err


def test_a_folder_in_place_of_a_data_set_is_told(folder, capsys):
    assert main(["train", "cnn", "--data", str(folder), "--epochs", "1"]) == 1
    assert "holds folders of pictures, it seems: say --data-set pictures" in capsys.readouterr().err


def test_the_commands_of_the_page(folder, tmp_path, monkeypatch, capsys):
    """In the order of the page: every one ends well, and draws what it says."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder, "shapes")
    page = (ROOT / "docs/how-to/own-pictures.md").read_text()
    commands = re.findall(r"^\$ fnnet (.*)$", page, re.MULTILINE)
    assert len(commands) > 9
    for words in commands:
        assert main(shlex.split(words)) == 0, words
    for name in ("some.png", "ring.png"):
        with Image.open(name) as drawn:
            assert np.asarray(drawn).std() > 0
    told = capsys.readouterr().out
    assert "test examples are misread; each: what it is, and what it is read as" in told
    assert "identical, to the byte" in told


def test_names_beyond_the_font_are_told_without_a_warning(tmp_path):
    for name in ("红", "\ue000"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(6):
            Image.new("L", (18, 18), 40 * i).save(tmp_path / "set" / name / f"{i}.png")
    words = [
        "train",
        "mlp",
        "--data-set",
        "pictures",
        "--data",
        str(tmp_path / "set"),
        "--resize",
        "16",
        "16",
        "--no-colours",
    ]
    words += ["--hidden", "4", "--epochs", "1", "--out", str(tmp_path / "run")]
    assert main(words) == 0  # warnings are errors here
    assert style.legible(["a", "\ue000"]) == ["a", "U+E000"]


def test_a_runs_data_are_shown_once_they_are_named(run, folder, capsys):
    assert main(["show", str(run), "--data", str(folder)]) == 0
    assert "12 test examples; each: what it is, and what it is read as" in capsys.readouterr().out


def test_show_says_what_it_can_show(folder, run, capsys):
    for words, told in (
        (["mnits"], "expected a run folder, a folder or zip of pictures, or one of mnist, digits, hanzi, got 'mnits'"),
        (["mnist", "--resize", "20", "20"], "--resize: expected a folder or zip of pictures, which it says how"),
        (
            [str(run), "--no-colours"],
            "--no-colours: expected a folder or zip of pictures; a run reads them as its settings say",
        ),
        (
            [str(folder), "--names", "gbk"],
            "names: expected a zip, whose names may be in another encoding, got the folder",
        ),
        ([str(folder), "--data", "x"], "--data: expected a data set or a run, whose data are elsewhere, got"),
        ([str(folder)], "bring all to one size with --resize HEIGHT WIDTH"),
        (["mnist", "--data", "bundled", "--only", "x"], "--only: expected one of 0, 1, 2"),
        (["mnist", "--data", "bundled", "--wrong"], "--wrong: expected a run, whose net may be wrong, got mnist"),
        (["mnist", "--data", "bundled", "--part", "validation"], "--part: expected train or test"),
        (["mnist", "--data", "bundled", "--examples", "0"], "--examples: expected a whole number ≥ 1, got 0"),
        ([str(folder), "--resize", "9", "9", "--part", "validation"], "--part: expected train or test"),
        ([str(run), "--data", str(folder), "--part", "validation"], "--part: expected train or test"),
        ([str(run), "--data", str(folder), "--only", "square"], "--only: expected one of bar, cross, disc, ring"),
    ):
        assert main(["show", *words]) != 0
        assert told in capsys.readouterr().err


def test_examples_of_a_data_set_are_those_asked_for(capsys):
    words = ["show", "digits", "--data", "bundled", "--only", "7", "--examples", "3", "--part", "validation"]
    assert main(words) == 0
    said, titles, *lines = capsys.readouterr().out.splitlines()
    assert said.startswith("digits: ")
    assert titles.split() == ["7"] * 3
    assert any("*" in line for line in lines)
    assert main([*words, "--seed", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] != lines


def test_colours_are_shown_where_there_are_any():
    (line,) = terminal.lines_of(np.array([1.0, 0.0, 0.5]).reshape(3, 1, 1), 2, colours=True)
    assert line.plain == "▀ "
    assert line.spans[0].style.color.triplet == (255, 0, 128)
    assert line.spans[0].style.bgcolor.triplet == (0, 0, 0)


def test_nothing_misread_is_said_and_nothing_drawn(run, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("fnnet.training.predict", lambda net, params, x, size: np.eye(4)[labels])
    labels = read_folder(str(folder), Config(resize=(20, 20))).test.labels
    sheet = tmp_path / "wrong.png"
    assert main(["show", str(run), "--data", str(folder), "--wrong", "--png", str(sheet)]) == 0
    assert "0 of 12 test examples are misread" in capsys.readouterr().out
    assert not sheet.exists()


def test_titles_take_the_columns_that_a_terminal_gives_them():
    console = Console(width=80, color_system=None)
    first, *_ = terminal.rows(np.zeros((2, 1, 2, 2)), ["红", "a"], console)
    assert first.plain == "红  a "
    first, *_ = terminal.rows(np.zeros((2, 1, 2, 2)), ["a long name: a long name", "b"], console)
    assert first.plain == f"a long name: a long name  b{' ' * 23}"
    first, *_ = terminal.rows(np.zeros((2, 1, 2, 2)), ["c" * 100, "b"], console)
    assert first.plain == "c" * 80
    assert plots.in_range(np.full((1, 2, 2), -1.0)).tolist() == np.zeros((1, 2, 2)).tolist()
