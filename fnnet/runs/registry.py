"""The table of what is trained by name; light, so that naming it costs nothing."""

import difflib
import importlib
from typing import TYPE_CHECKING

from fnnet.errors import ConfigError, expected

if TYPE_CHECKING:
    from fnnet.runs.experiment import Experiment

# name -> module with its EXPERIMENT, and what is asked. Modules are imported when they are used.
EXPERIMENTS = {
    "lenet5": (
        "fnnet.runs.lenet5",
        "How well does LeNet-5 with ReLU and max pooling read MNIST? (main job, from the fifth course report)",
    ),
    "mlp": (
        "fnnet.runs.mlp",
        "How well does a perceptron read digits, characters or your pictures? (first, third and fourth course report)",
    ),
    "cnn": (
        "fnnet.runs.cnn",
        "How well does a convolutional net read digits, characters or your own pictures? (fourth course report)",
    ),
    "sine": ("fnnet.runs.sine", "How closely does a small perceptron follow a sine? (fourth course report)"),
    "best-mnist": ("fnnet.runs.best.mnist", "How well does the best net found here read MNIST?"),
    "best-digits": ("fnnet.runs.best.digits", "How well does the best net found here read the 16×16 digits?"),
    "best-hanzi": ("fnnet.runs.best.hanzi", "How well does the best net found here read twelve characters?"),
    "best-sine": ("fnnet.runs.best.sine", "How closely does the best net found here follow a sine?"),
    "pictures": (
        "fnnet.runs.own_pictures",
        "How well does LeNet-5 tell your own pictures apart? --data names a folder with a folder for each class",
    ),
    "denoise": ("fnnet.runs.denoise", "How much of the noise on MNIST's digits does an autoencoder take away?"),
    "segment": ("fnnet.runs.segment", "Which pixels of a cluttered picture belong to a digit, by a U-Net?"),
    "rows": ("fnnet.runs.rows", "How well does an LSTM read MNIST, row by row?"),
    "characters": (
        "fnnet.runs.characters",
        "How many bits does a character of Python's documentation cost an LSTM, a GRU or a small transformer?",
    ),
    "addition": ("fnnet.runs.addition", "Does a small transformer learn to add numbers?"),
    "vae": ("fnnet.runs.vae", "What does a variational autoencoder make of MNIST, and out of nothing?"),
    "vit": ("fnnet.runs.vit", "How well does a small vision transformer read MNIST?"),
    "mobilenet": ("fnnet.runs.mobilenet", "How well does a narrow MobileNet read MNIST?"),
}


def get(name: str) -> "Experiment":
    """The experiment of that name.

    Raises:
        ConfigError: there is none; the message suggests one.
    """
    if name not in EXPERIMENTS:
        close = difflib.get_close_matches(name, EXPERIMENTS, n=1)
        fix = f"did you mean {close[0]}?" if close else "see `fnnet list`"
        raise ConfigError(expected("experiment", " or ".join(EXPERIMENTS), repr(name), fix))
    module, _ = EXPERIMENTS[name]
    experiment: Experiment = importlib.import_module(module).EXPERIMENT
    return experiment
