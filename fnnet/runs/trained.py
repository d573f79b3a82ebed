"""A trained net as its run leaves it: written, and read without the run's data.

from fnnet import runs
net, params = runs.load("runs/lenet5-seed0")
logits, _ = net.apply(params, x)          # x (N, 1, 28, 28), float32, ink 1 on 0
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fnnet import checkpoint, net_file, rng
from fnnet.arrays import each
from fnnet.checkpoint.shapes import shape_from_json, shape_to_json
from fnnet.errors import CheckpointError, expected
from fnnet.runs import identity
from fnnet.runs.answers import Answers
from fnnet.runs.experiment import Problem
from fnnet.runs.folder import ANOTHER, PARAMS, Run, RunError, non_finite, opened
from fnnet.runs.pictures import Word
from fnnet.runs.registry import get
from fnnet.types import Arrays, Layer, Params, Shapes


class Trained(NamedTuple):
    """A trained net and what is needed to use it.

    Args:
        net: the net.
        params: its params.
        shape: of one example.
        classes: what whole numbers in its answers stand for, see `Problem.classes`.
        read: a word of the command line, such as a picture file, as one example, and what was done to make it one.
        answers: what kind of answers it gives.
        settings: of its training.
    """

    net: Layer
    params: Params
    shape: Shapes
    classes: tuple[str, ...]
    read: Callable[[Word], tuple[Arrays, list[str]]]
    answers: Answers
    settings: Any

    def value(self, x: Arrays) -> Arrays:
        """What the net makes of one example, as a batch of one."""
        return self.net.apply(self.params, each(lambda part: part[None], x))[0]


def save(run: Run, problem: Problem, params: Params) -> None:
    """Write params.safetensors, which says by itself what net it belongs to."""
    shape, classes, of = shape_to_json(problem.shape), list(problem.classes), run.identity
    about = {"experiment": of.experiment, "config": of.config, "shape": shape, "classes": classes}
    checkpoint.save(run.folder / PARAMS, params, about, net=problem.net, shape=problem.shape)


def load(run: str | os.PathLike[str]) -> tuple[Layer, Params]:
    """The trained net of a run and its params.

    Args:
        run: a run folder, or a params.safetensors of one.

    Raises:
        RunError: no such run, or it has not been finished.
        CheckpointError: the file is damaged or does not fit the net.
    """
    return load_trained(run)[:2]


def load_trained(path: str | os.PathLike[str]) -> Trained:
    """`load`, with the shape of one example and the names of the classes."""
    path = _params_of(opened(Path(path))) if Path(path).is_dir() else Path(path)
    if not path.is_file():
        raise RunError(expected(str(path), "a run folder", "nothing there"))
    about = checkpoint.read_metadata(path)
    kinds: dict[str, type | tuple[type, ...]]
    kinds = {"experiment": str, "config": dict, "shape": (list, dict), "classes": list}
    named = isinstance(about, dict) and about.keys() == kinds.keys()
    if not named or not all(isinstance(about[name], kind) for name, kind in kinds.items()):
        fix = f"use {PARAMS} of a run"
        raise CheckpointError(expected(str(path), f"metadata with {', '.join(kinds)}", repr(about)[:80], fix))
    experiment = get(about["experiment"])
    settings = identity.settings(experiment, about["config"], path)
    shape, classes = shape_from_json(about["shape"]), tuple(map(str, about["classes"]))
    if experiment.net is None:
        net, params, shape = net_file.load(path)
    else:
        net = experiment.net(settings)
        params = checkpoint.load(path, net.init(rng.key(0), shape))
    answers = experiment.answers

    def read(word: Word) -> tuple[Arrays, list[str]]:
        return answers.read(str(word) if isinstance(word, Path) else word, settings, shape, classes)

    return Trained(net, params, shape, classes, read, answers, settings)


def _params_of(run: Run) -> Path:
    """The file of a run's trained net.

    Raises:
        RunError: the run has not been finished.
    """
    path = run.folder / PARAMS
    if not path.is_file():
        step = non_finite(run.sessions())
        got = "none yet" if step is None else f"one that met a non-finite number at step {step}"
        fix = "finish the run with --resume" if step is None else ANOTHER
        raise RunError(expected(str(run.folder), f"a finished run, with {PARAMS}", got, fix))
    return path
