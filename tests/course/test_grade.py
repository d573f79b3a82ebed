"""The grader: solutions get full marks, typical mistakes lose the law that catches them, tricks get nothing."""

import ast
import json
import re
from pathlib import Path

import pytest

from fnnet import rng
from fnnet.course import student
from fnnet.course.assignments import ASSIGNMENTS
from fnnet.course.grade import grade, of_file
from fnnet.course.laws import laws_of
from fnnet.errors import ConfigError, DataError
from fnnet.runs.cli import main
from fnnet.runs.commands.course import handed_out

SOLUTIONS = Path(__file__).parent / "solutions"
CAUGHT = (Path(__file__).parents[2] / "docs/course-mistakes.md").read_text(encoding="utf-8")
NAMES = [assignment.name for assignment in ASSIGNMENTS]


def solution(name):
    return (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8")


def broken(found):
    return {(mark.function, mark.law) for mark in found.marks if mark.points < mark.of}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_a_solution_gets_full_marks(name, language, tmp_path):
    """Written below what is handed out, in both languages, with another key in each."""
    path = tmp_path / f"{name}.py"
    path.write_text(f"{handed_out(name, language)}\n\n{solution(name)}", encoding="utf-8")
    found = grade(path, key=rng.key(len(language) + ord(language[0])))
    assert found.full, str(found)
    assert found.of >= 7


@pytest.mark.parametrize("name", NAMES)
def test_what_is_handed_out_gets_nothing_and_says_what_to_do(name, tmp_path):
    path = tmp_path / f"{name}.py"
    path.write_text(handed_out(name, "en"), encoding="utf-8")
    found = grade(path)
    assert found.points == 0
    assert all("NotImplementedError: write" in mark.why or "not right yet" in mark.why for mark in found.marks)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_ask_the_same(name):
    """The same code, without what it says; and every function has its place in the table."""

    def bare(text):
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node):
                node.body = node.body[1:]
        return ast.dump(tree)

    english, chinese = handed_out(name, "en"), handed_out(name, "zh")
    assert bare(english) == bare(chinese)
    functions = {node.name: node for node in ast.parse(english).body if isinstance(node, ast.FunctionDef)}
    assignment = next(each for each in ASSIGNMENTS if each.name == name)
    assert {task.name: task.arguments for task in assignment.tasks} == {
        function: tuple(argument.arg for argument in node.args.args) for function, node in functions.items()
    }
    assert max(map(len, (*english.splitlines(), *chinese.splitlines()))) <= 120


# what is wrong; assignment, what is changed in its solution, into what; the function and the law that catch it.
MISTAKES = [
    ("the gradient of x through weight, not its transpose",
        "1_dense", "dy @ weight.T,", "dy @ weight,", "dense", "gradient of x"),
    ("the gradient of weight transposed", "1_dense", "x.T @ dy", "(x.T @ dy).T", "dense", "gradient of weight"),
    ("the mean in place of the sum over the batch",
        "1_dense", "dy.sum(axis=0)", "dy.mean(axis=0)", "dense", "gradient of bias"),
    ("x in place of the mask", "1_dense", "(dy * (x > 0),)", "(dy * x,)", "relu", "gradient of x"),
    ("not divided by the size of the batch",
        "1_dense", "(dy / len(scores))", "dy", "softmax_cross_entropy", "gradient of scores"),
    ("scores not shifted by their maximum: large ones overflow",
        "1_dense", "scores - scores.max(axis=1, keepdims=True)", "scores", "softmax_cross_entropy", "value"),
    ("a mask in float64", "1_dense", "(dy * (x > 0),)", "(dy * (x > 0).astype(float),)", "relu", "dtype"),
    ("the mask of ReLU forgotten",
        "2_back_propagation", "dy @ w2.T * (z > 0)", "dy @ w2.T", "mlp", "gradient of w1"),
    ("what stands before ReLU in place of what stands behind",
        "2_back_propagation", "h.T @ dy", "z.T @ dy", "mlp", "gradient of w2"),
    ("≥ in place of >: the mask of what ReLU made",
        "2_back_propagation", "dy @ w2.T * (z > 0)", "dy @ w2.T * (h >= 0)", "mlp", "gradient of x"),
    ("not divided by the size of the batch",
        "2_back_propagation", "(dy / len(x))", "dy", "mlp_loss", "gradient of b2"),
    ("up the gradient",
        "3_optimizers", "parameter - rate * gradient", "parameter + rate * gradient", "sgd", "value"),
    ("the gradient weighed by 1 - μ",
        "3_optimizers", "mu * velocity + gradient", "mu * velocity + (1 - mu) * gradient", "momentum", "value"),
    ("no correction of Adam's bias", "3_optimizers", "(m / (1 - 0.9**t))", "m", "adam", "value"),
    ("the gradient not squared", "3_optimizers", "0.001 * gradient**2", "0.001 * gradient", "adam", "value"),
    ("clipped though it is short",
        "3_optimizers", "if length > longest else gradient.copy()", "", "clip_by_norm", "value"),
    ("written into the parameter",
        "3_optimizers", "return parameter - rate * gradient", "parameter -= rate * gradient; return parameter",
        "sgd", "pure"),
    ("assigned in place of added, where windows overlap",
        "4_convolution", "[...] += np", "[...] = np", "conv2d", "gradient of x"),
    ("the kernel turned around",
        "4_convolution", 'oc->nchw", dy, kernel[:, :, i, j]', 'oc->nchw", dy, kernel[:, :, -i, -j]', "conv2d",
        "gradient of x"),
    ("the stride forgotten",
        "4_convolution", "i : i + stride * (oh - 1) + 1 : stride", "i : i + oh", "conv2d", "value"),
    ("the bias summed over the wrong axes",
        "4_convolution", "dy.sum(axis=(0, 2, 3))", "dy.sum(axis=(2, 3))", "conv2d", "gradient of bias"),
    ("the mean's gradient not shared out", "5_pooling", "(dy / size**2)", "dy", "avg_pool", "gradient of x"),
    ("the mean in place of the maximum",
        "5_pooling", "windows.max(axis=-1), lambda", "windows.mean(axis=-1), lambda", "max_pool", "value"),
    ("where the maximum stood, without what comes from above",
        "5_pooling", "winner, dy[..., None]", "winner, 1.0", "max_pool", "gradient of x"),
    ("windows put together in the wrong order",
        "5_pooling", ".swapaxes(3, 4).reshape(n, c, oh * size", ".reshape(n, c, oh * size", "max_pool",
        "gradient of x"),
    ("the statistics taken as constants",
        "6_batch_norm", "(h - h.mean(axis=0) - xhat * (h * xhat).mean(axis=0))", "h", "batch_norm", "gradient of x"),
    ("the deviation taken as a constant",
        "6_batch_norm", "- xhat * (h * xhat).mean(axis=0))", ")", "batch_norm", "gradient of x"),
    ("the gain forgotten", "6_batch_norm", "h = dy * gain", "h = dy", "batch_norm", "gradient of x"),
    ("the variance by N - 1", "6_batch_norm", "x.var(axis=0)", "x.var(axis=0, ddof=1)", "remembered", "value"),
    ("kept units not scaled", "7_dropout", "/ (1 - rate)", "", "dropout", "value"),
    ("the mask forgotten on the way back", "7_dropout", "(dy * factor,)", "(dy,)", "dropout", "gradient of x"),
    ("the scale forgotten on the way back",
        "7_dropout", "lambda dy: (dy * factor,)", "lambda dy: (dy * (uniform >= rate),)", "dropout", "gradient of x"),
    ("1 - y in place of 1 - y²", "8_recurrent", "dy * (1 - y**2)", "dy * (1 - y)", "cell", "gradient of bias"),
    ("recurrent not transposed", "8_recurrent", "dz @ recurrent.T", "dz @ recurrent", "cell", "gradient of h"),
    ("nothing carried back from later steps",
        "8_recurrent", "pulls[t](dh + dhs[:, t])", "pulls[t](dhs[:, t])", "rnn", "gradient of h"),
    ("the last step's gradient in place of the sum",
        "8_recurrent", "[a + b for a, b in zip(sums, more, strict=True)]", "more", "rnn", "gradient of recurrent"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mistake", "name", "old", "new", "function", "law"), MISTAKES, ids=[f"{row[4]}: {row[0]}" for row in MISTAKES]
)
def test_a_typical_mistake_loses_the_law_that_catches_it(mistake, name, old, new, function, law, tmp_path):
    right = solution(name)
    assert old in right
    path = tmp_path / f"{name}.py"
    path.write_text(right.replace(old, new, 1), encoding="utf-8")
    found = grade(path)
    assert (function, law) in broken(found), str(found)
    assert found.points < found.of
    why = next(mark for mark in found.marks if (mark.function, mark.law) == (function, law))
    assert why.example or "shape" in why.why
    lost = ", ".join(mark.law for mark in found.marks if mark.points < mark.of and mark.function == function)
    assert f"| `{function}` | {mistake} | {lost} |" in CAUGHT


RELU = "import numpy as np\ndef relu(x):\n    {}\n"
RIGHT = "return np.maximum(x, 0), lambda dy: (dy * (x > 0),)"
# what a file does in place of the work, and what is told; on relu, whose ten points stay away.
TRICKS = {
    "the library's own layer": ("from fnnet import layers\n" + RELU.format(RIGHT), "imports fnnet"),
    "another library": ("import torch\n" + RELU.format(RIGHT), "imports torch"),
    "an import by other words": (RELU.format("__import__('fnnet')"), "uses __import__"),
    "a file of others": (RELU.format("open('/etc/hostname').read()"), "uses open"),
    "an answer learnt by heart": (RELU.format("return np.array([[0.5, 0]]), lambda dy: (dy,)"), "right is"),
    "the sizes that are always tried, learnt by heart": (
        RELU.format(
            "good = x.shape in {(1, 2), (2, 3), (4, 2)}; return x * (x > 0) * good, lambda dy: (dy * (x > 0),)"
        ),
        "right is",
    ),
    "zeros": (RELU.format("return np.zeros_like(x), lambda dy: (np.zeros_like(x),)"), "right is"),
    "the end of the process": (RELU.format("raise SystemExit(0)"), "SystemExit"),
    "a quicker end": ("import numpy as np\n" + RELU.format("np.os._exit(0) if hasattr(np, 'os') else exit(0)"), ""),
    "a report of its own": (RELU.format("print('relu value 3/3 holds'); return x, lambda dy: (dy,)"), "right is"),
    "other arguments": (RELU.format("x *= 0; return x, lambda dy: (dy * 0,)"), "right is"),
    "too much memory": (RELU.format("np.ones(10**10)"), "MemoryError"),
    "no numbers": (RELU.format("return 'right', lambda dy: (dy,)"), "not numbers"),
    "the library's own layer by the back door": (
        "import dataclasses\n"
        + RELU.format(
            "return dataclasses.inspect.importlib.import_module('fnnet.layers').relu().apply((), x)[0], "
            "lambda dy: (dy * (x > 0),)"
        ),
        "open is not allowed",
    ),
    "a report within an error": (
        RELU.format("raise ValueError('\\n1_dense: 25 of 25 points')"),
        "ValueError: 1_dense: 25",
    ),
    "an answer without end": (RELU.format("return np.zeros(5 * 10**6), lambda dy: (dy,)"), "more than 32 MiB"),
    "no vjp": (RELU.format("return np.maximum(x, 0)"), "returns y and vjp"),
    "a socket by the back door": (
        RELU.format("m = np.__dict__['random'].__loader__; import functools; functools.sys.modules['socket']"),
        "",
    ),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_gets_nothing(trick, tmp_path):
    text, told = TRICKS[trick]
    path = tmp_path / "1_dense.py"
    path.write_text(text, encoding="utf-8")
    found = grade(path)
    marks = [mark for mark in found.marks if mark.function == "relu"]
    lost = {mark.law for mark in marks if mark.points == 0}
    assert {"value", "dtype", "pure"} <= lost
    assert told in str(found)
    assert f"| {trick} | `{told}` |" in CAUGHT if told else f"| {trick} | its process has ended" in CAUGHT


def test_a_value_has_its_points_though_vjp_raises(tmp_path):
    path = tmp_path / "1_dense.py"
    path.write_text(
        "import numpy as np\n" + RELU.format("return np.maximum(x, 0), lambda dy: dy[99]"), encoding="utf-8"
    )
    marks = {mark.law: mark for mark in grade(path).marks if mark.function == "relu"}
    assert {law for law, mark in marks.items() if mark.points} == {"value"}
    assert marks["gradient of x"].why.startswith("line 4: IndexError")


def test_numpy_that_was_tampered_with_tampers_with_the_student_alone(tmp_path):
    path = tmp_path / "1_dense.py"
    lies = "np.allclose = np.array_equal = lambda *a, **k: True\nnp.abs = lambda x: x * 0\n"
    path.write_text("import numpy as np\n" + lies + RELU.format("return x, lambda dy: (dy,)"), encoding="utf-8")
    assert ("relu", "value") in broken(grade(path))


def test_an_endless_loop_is_ended_once_and_the_rest_is_judged(tmp_path, monkeypatch):
    monkeypatch.setattr(student, "PATIENCE", 0.5)
    path = tmp_path / "1_dense.py"
    path.write_text(solution("1_dense").replace("    y = x @ weight + bias", "    while True:\n        pass"))
    found = grade(path)
    assert {function for function, _ in broken(found)} == {"dense"}
    assert "it took longer than 0.5 seconds, and was ended" in str(found)


def test_network_and_other_processes_are_refused(tmp_path):
    """By the audit hook, which no code of Python can take away again."""
    path = tmp_path / "1_dense.py"
    door = "import functools\nos = functools.__loader__.load_module.__globals__.get('_os')\n"
    path.write_text(door + RELU.format("os.system('true'); " + RIGHT), encoding="utf-8")
    found = next(mark for mark in grade(path).marks if mark.function == "relu")
    assert found.points == 0


def test_the_counterexample_is_small_and_in_words(tmp_path):
    path = tmp_path / "4_convolution.py"
    path.write_text(solution("4_convolution").replace("[...] += np", "[...] = np"), encoding="utf-8")
    told = str(grade(path))
    assert "dx[0, 0, " in told
    assert "numbers are wrong" in told
    assert "dx, right = [[[[" in told


def test_the_counterexample_is_as_small_as_the_mistake_allows(tmp_path):
    path = tmp_path / "4_convolution.py"
    right = solution("4_convolution")
    assert "return y, vjp" in right
    path.write_text(right.replace("return y, vjp", "return y * (1 + (kernel.shape[3] == 3)), vjp"), encoding="utf-8")
    value = next(mark for mark in grade(path).marks if mark.law == "value")
    assert re.search(
        r"kernel = \[\[\[\[[-. 0-9]+,[-. 0-9]+,[-. 0-9]+\]\]\]\]\n", value.example
    )  # 1 × 3, of one channel


@pytest.mark.parametrize("assignment", ASSIGNMENTS, ids=lambda assignment: assignment.name)
def test_sizes_are_drawn_by_the_key(assignment):
    for task in assignment.tasks:
        drawn = [task.drawn(rng.key(seed)) for seed in range(30)]
        assert drawn[0] == task.drawn(rng.key(0))
        assert all(task.fits(sizes) and all(task.least[letter] <= sizes[letter] for letter in sizes) for sizes in drawn)
        for letter in task.least:
            assert len({sizes[letter] for sizes in drawn}) > 1
        assert task.fits(task.least) or "size" in task.least  # windows fit no less than themselves


def test_the_report_on_the_page_is_what_is_said(tmp_path):
    path = tmp_path / "4_convolution.py"
    path.write_text(solution("4_convolution").replace("[...] += np", "[...] = np"), encoding="utf-8")
    page = (Path(__file__).parents[2] / "docs/course.md").read_text(encoding="utf-8")
    shown = page.split("```text\n")[1].split("```")[0].rstrip()
    assert str(grade(path)).startswith(shown)
    table = page.split("| file | functions |")[1]
    for assignment in ASSIGNMENTS:
        assert f"| `{assignment.name}.py` | `{' '.join(task.name for task in assignment.tasks)}` |" in table


def test_a_key_gives_the_same_and_another_one_other_numbers(tmp_path):
    path = tmp_path / "1_dense.py"
    path.write_text(solution("1_dense").replace("dy @ weight.T,", "dy @ weight.T * 2,"), encoding="utf-8")
    first, again, other = (str(grade(path, key=rng.key(seed))) for seed in (1, 1, 2))
    assert first == again != other


def test_the_commands(tmp_path, capsys):
    folder = tmp_path / "course"
    assert main(["course", "new", str(folder), "--language", "zh"]) == 0
    assert sorted(path.stem for path in folder.iterdir()) == sorted(NAMES)
    assert "反向传播" in (folder / "2_back_propagation.py").read_text(encoding="utf-8")
    assert main(["course", "new", str(folder)]) == 2
    assert "expected a folder without these files" in capsys.readouterr().err
    path = folder / "7_dropout-li.py"
    path.write_text(solution("7_dropout"), encoding="utf-8")
    assert main(["grade", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["points"], found["of"], found["full"]) == (7, 7, True)
    assert main(["grade", str(folder / "7_dropout.py"), "--key", "3"]) == 1
    assert "0 of 7 points" in capsys.readouterr().out
    (tmp_path / "mine.py").write_text(solution("7_dropout"), encoding="utf-8")
    assert main(["grade", str(tmp_path / "mine.py")]) == 2
    assert main(["grade", str(tmp_path / "mine.py"), "--assignment", "7_dropout"]) == 0
    assert main(["grade", str(tmp_path / "mine.py"), "--assignment", "9"]) == 2


def test_what_is_no_file_of_the_course(tmp_path):
    with pytest.raises(ConfigError, match="a file whose name begins with 1_dense"):
        of_file(Path("homework.py"))
    for name, content in (("1_dense.py", "def dense(:"), ("2_back_propagation.py", "\0")):
        (tmp_path / name).write_text(content)
        with pytest.raises(DataError, match="expected a Python file"):
            grade(tmp_path / name)
    with pytest.raises(DataError, match="expected a Python file, got FileNotFoundError"):
        grade(tmp_path / "3_optimizers.py")


def test_points_are_those_of_the_laws():
    for assignment in ASSIGNMENTS:
        for task in assignment.tasks:
            assert sum(laws_of(task).values()) == 5 + 2 * len(task.differentiated)
