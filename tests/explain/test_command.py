"""`fnnet explain` in a terminal."""

import pytest

from fnnet.explain import text
from fnnet.runs import cli


def told(capsys, *words):
    assert cli.main(["explain", *words]) == 0
    return capsys.readouterr().out


def test_a_layer_by_name(capsys):
    shown = told(capsys, "conv2d", "--shape", "1", "4", "4")
    assert "x (1, 1, 4, 4) = " in shown
    assert 'y = np.einsum("ncpqij,ocij->nopq", windows, weight)' in shown
    assert "The layer itself gives the same `y`, `dx`, `dweight`, `dbias`, exactly." in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_without_a_name_those_there_are(capsys):
    assert told(capsys).split(": ")[1].split() == list(text.names())


def test_a_layer_of_ones_own(capsys, tmp_path, monkeypatch):
    source = '''
from fnnet import layers
from fnnet.recipe import factory

@factory
def double():
    """Twice as much.

        y = 2 x
    """
    def apply(params, x):
        return 2 * x, lambda dy: ((), 2 * dy)
    return layers.layer(lambda key, shape: (), apply)
'''
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(source)
    shown = told(capsys, "mine.py:double", "--shape", "2", "--batch", "1")
    assert "Twice as much." in shown
    assert "y[0, 0] reads x (1, 2) = [[2, ·]]" in shown
    assert "return 2 * x, lambda dy: ((), 2 * dy)" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["con2d"], "shape: expected that of one example"),
        (["con2d", "--shape", "3"], "did you mean conv2d?"),
        (["conv2d", "--shape", "3"], "expected images (N, C, H, W)"),
        (["nowhere.py:f", "--shape", "3"], "expected an existing file"),
        (["nowhere.py:f"], "shape: expected that of one example"),
    ],
)
def test_faults_are_told_in_a_line(capsys, words, said):
    assert cli.main(["explain", *words]) != 0
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1
