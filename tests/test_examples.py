"""The examples that a person reads first, run as that person runs them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fnnet
from fnnet import data

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))


def run(name, folder, *words, **variables):
    """What an example prints, run in an empty folder where every warning is an error."""
    command = [sys.executable, "-W", "error", ROOT / "examples" / f"{name}.py", *words]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "TMPDIR": str(folder), **variables}
    if "PYTHONPATH" not in environment:
        environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def percent(pattern, text):
    return float(re.search(pattern + r" ([\d.]+)%", text)[1])


def test_mnist(tmp_path):
    try:
        data.mnist()
    except fnnet.errors.MissingDataError as error:
        pytest.skip(f"MNIST is not here: {error}")
    told = run("mnist", tmp_path)
    assert percent("while learning,", told.splitlines()[-2]) > 97.5
    net, params, shape = fnnet.load(tmp_path / "mnist.safetensors")
    assert shape == (1, 28, 28)
    assert len(net) == 9
    assert params.dense_0.weight.shape == (400, 10)


def test_own_layer(tmp_path):
    told = run("own_layer", tmp_path)
    assert "the right one: every law holds" in told
    assert re.search(r"derivative +broken", told)
    assert "layers.serial(gate(), layers.dense(1)) has learnt" in told
    assert float(re.search(r"to ([\d.e-]+)$", told.strip())[1]) < 1e-6


def test_fine_tuning(tmp_path):
    told = run("fine_tuning", tmp_path)
    assert percent("0 to 4:", told) > 97
    assert percent("the last layer trained:", told) > 85
    assert percent("gently as well:", told) > 85
    assert "the body is the one from the file: True" in told


def test_own_loop(tmp_path):
    told = run("own_loop", tmp_path)
    assert percent("the last weights:", told) > 93
    assert percent("their moving average:", told) > 93
    assert "the same to the last bit: True" in told


def test_own_pictures(tmp_path):
    told = run("own_pictures", tmp_path)
    assert "360 pictures of circle, cross, square" in told
    assert float(re.search(r"([\d.]+)% of the 60 pictures", told)[1]) > 90


def test_own_pictures_of_somebody(tmp_path):
    from PIL import Image

    for i, kind in enumerate(("dark", "light")):
        (tmp_path / "set" / kind).mkdir(parents=True)
        for j in range(25):
            Image.new("L", (14, 14), 200 * i + j).save(tmp_path / "set" / kind / f"{j}.png")
    told = run("own_pictures", tmp_path, tmp_path / "set")
    assert "50 pictures of dark, light" in told


def test_every_example_is_run():
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert set(EXAMPLES) <= tested
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_what_it_needs(name):
    text = (ROOT / "examples" / f"{name}.py").read_text()
    assert f"    python examples/{name}.py" in text
    assert re.search(r"    pip install 'fnnet\[(runs|test)\]'", text)
