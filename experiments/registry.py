"""The table of experiments that leave a run folder each; light, so that naming them costs nothing."""

import difflib
import importlib
from typing import TYPE_CHECKING

from fnnet.errors import ConfigError, expected

if TYPE_CHECKING:
    from experiments.experiment import Experiment

# name -> module with its EXPERIMENT, and what is asked. Modules are imported when they are used.
EXPERIMENTS = {
    "lenet5": ("experiments.lenet5", "How well does LeNet-5 with ReLU and max pooling read MNIST? (R5, the main job)"),
}


# name -> module with its STUDIES, the report it comes from, and what is asked.
STUDIES = {
    "r1-layers": ("experiments.studies.r1", "R1", "How many layers and units?"),
    "r1-momentum": ("experiments.studies.r1", "R1", "Does momentum help?"),
    "r1-arrays": (
        "experiments.studies.r1",
        "R1",
        "What does array arithmetic save over loops, for the gradient of one batch of 32?",
    ),
    "r1-l2": ("experiments.studies.r1", "R1", "Does an L2 penalty help?"),
    "r1-loss": ("experiments.studies.r1", "R1", "Softmax with cross-entropy, or squared error without softmax?"),
    "r1-bias": ("experiments.studies.r1", "R1", "A bias in every layer, or in the first alone?"),
    "r1-dropout": (
        "experiments.studies.r1",
        "R1",
        "Does dropout help in 20 epochs, as R1 does it (no rescaling) and inverted?",
    ),
    "r1-fine-tuning": ("experiments.studies.r1", "R1", "What do 20 more epochs of the last layer alone bring?"),
    "r1-augmentation": ("experiments.studies.r1", "R1", "What do noise, shifts and crops bring (four times the data)?"),
    "r1-convolution": ("experiments.studies.r1", "R1", "What does a convolution in front bring?"),
    "r2-learning-rate": ("experiments.studies.r2", "R2", "Which learning rate, in 10 epochs of batches of 32?"),
    "r2-batch": ("experiments.studies.r2", "R2", "Which batch, in 10 epochs at rate 0.0015?"),
    "r2-epochs": ("experiments.studies.r2", "R2", "What do 50 epochs bring over 10, and how good is the best run?"),
    "r2-time": ("experiments.studies.r2", "R2", "How long does an epoch take?"),
    "r2-schedule": (
        "experiments.studies.r2",
        "R2",
        "Which falling learning rate is best at equal budget (left open in the report)?",
    ),
    "r2-stopping": (
        "experiments.studies.r2",
        "R2",
        "Stop when an epoch improves by less than a threshold (left open): what is saved, what lost?",
    ),
    "r2-leaky-relu": ("experiments.studies.r2", "R2", "Leaky ReLU in place of ReLU (left open)?"),
    "r3-nets": ("experiments.studies.r3", "R3", "Width, depth and convolution: how far does each get?"),
    "r3-momentum": (
        "experiments.studies.r3",
        "R3",
        "Does momentum help, more on deeper nets, and does the loss vary less?",
    ),
    "r3-loops": ("experiments.studies.r3", "R3", "The same matrix product by loops and by arrays: how long?"),
    "r3-overfitting": (
        "experiments.studies.r3",
        "R3",
        "Over-fitting, a norm penalty and early stopping, one hidden layer",
    ),
    "r3-loss": ("experiments.studies.r3", "R3", "Softmax with negative log-likelihood, or the norm of the error?"),
    "r3-bias": ("experiments.studies.r3", "R3", "A bias vector, or a constant-1 input column: the same?"),
    "r3-dropout": ("experiments.studies.r3", "R3", "Does inverted dropout help a wide hidden layer (256), 500 epochs?"),
    "r3-least-squares": (
        "experiments.studies.r3",
        "R3",
        "What does fitting the last layer by least squares bring, in closed form?",
    ),
    "r3-transforms": (
        "experiments.studies.r3",
        "R3",
        "Bilinear shift, rotation and resize: what do they bring, and how do they look?",
    ),
    "r3-initialisation": (
        "experiments.studies.r3",
        "R3",
        "How should weights begin in a net of three hidden layers: randn, Xavier or He?",
    ),
    "r3-halving": ("experiments.studies.r3", "R3", "Does halving the learning rate at fixed epochs help?"),
    "r3-large": (
        "experiments.studies.r3",
        "R3",
        "Can AlexNet- and VGG-like nets be built by combinators, and do they learn?",
    ),
    "r4-sine": (
        "experiments.studies.r4",
        "R4",
        "How well does 1-16-32-1 fit a sine on [-π, π], with leaky ReLU and with sigmoid?",
    ),
    "r4-activation": ("experiments.studies.r4", "R4", "Sigmoid or leaky ReLU, for an MLP on twelve characters?"),
    "r4-hidden": ("experiments.studies.r4", "R4", "Which hidden layers, for the MLP?"),
    "r4-batch": ("experiments.studies.r4", "R4", "Batches of 64 or 256, dropout 0 or 0.1, for the MLP?"),
    "r4-ink": ("experiments.studies.r4", "R4", "What is 1, the ink or the background?"),
    "r4-cnn": (
        "experiments.studies.r4",
        "R4",
        "How much better than the MLP are a CNN and a residual CNN, written by hand?",
    ),
    "r4-norm-dropout": ("experiments.studies.r4", "R4", "Batch norm, dropout, or both?"),
    "r4-dropout": ("experiments.studies.r4", "R4", "Does dropout help the CNN?"),
    "r5-adam": (
        "experiments.studies.r5",
        "R5",
        "How good is R5's own run: 50 epochs of Adam at 0.001, weights N(0, 0.01²)?",
    ),
    "r5-sgd": (
        "experiments.studies.r5",
        "R5",
        "Does plain gradient descent stay at 10 % with N(0, 0.01²), even for 200 epochs?",
    ),
    "r5-plateau": (
        "experiments.studies.r5",
        "R5",
        "Why: how large are signal and gradient in every layer, and which single change repairs it?",
    ),
    "best-mnist-search": ("experiments.studies.best", "best", "What helps on mnist, judged by validation alone?"),
    "best-digits-search": ("experiments.studies.best", "best", "What helps on digits.mat, judged by validation alone?"),
    "best-hanzi-search": ("experiments.studies.best", "best", "What helps on hanzi, judged by validation alone?"),
    "best-mnist": ("experiments.studies.best", "best", "How good is the choice on mnist, tested once a seed?"),
    "best-digits": ("experiments.studies.best", "best", "How good is the choice on digits.mat, tested once a seed?"),
    "best-hanzi": ("experiments.studies.best", "best", "How good is the choice on hanzi, tested once a seed?"),
    "best-sine": ("experiments.studies.best", "best", "How well can 1-16-32-1 fit a sine?"),
}


def get(name: str) -> "Experiment":
    """The experiment of that name.

    Raises:
        ConfigError: there is none; the message suggests one.
    """
    if name not in EXPERIMENTS:
        close = difflib.get_close_matches(name, EXPERIMENTS, n=1)
        fix = f"did you mean {close[0]}?" if close else "see `python -m experiments list`"
        raise ConfigError(expected("experiment", " or ".join(EXPERIMENTS), repr(name), fix))
    module, _ = EXPERIMENTS[name]
    experiment: Experiment = importlib.import_module(module).EXPERIMENT
    return experiment
