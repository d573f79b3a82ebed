"""The tables of experiments and of studies; light, so that naming them costs nothing."""

import difflib
import importlib
from typing import TYPE_CHECKING

from fnnet.errors import ConfigError, expected

if TYPE_CHECKING:
    from experiments.experiment import Experiment

# name -> module with its EXPERIMENT, and what is asked. Modules are imported when they are used.
EXPERIMENTS = {
    "lenet5": (
        "experiments.lenet5",
        "How well does LeNet-5 with ReLU and max pooling read MNIST? (main job, from the fifth course report)",
    ),
}

# The first word of a study's name is its module in `experiments.studies` -> the report it comes from.
REPORTS = {"r1": "R1", "r2": "R2", "r3": "R3", "r4": "R4", "r5": "R5", "best": "best"}

# name -> what is asked.
STUDIES = {
    "r1-layers": "How many layers and units?",
    "r1-momentum": "Does momentum help?",
    "r1-arrays": "What does array arithmetic save over loops, for the gradient of one batch of 32?",
    "r1-l2": "Does an L2 penalty help?",
    "r1-loss": "Softmax with cross-entropy, or squared error without softmax?",
    "r1-bias": "A bias in every layer, or in the first alone?",
    "r1-dropout": "Does dropout help in 20 epochs, as R1 does it (no rescaling) and inverted?",
    "r1-fine-tuning": "What do 20 more epochs of the last layer alone bring?",
    "r1-augmentation": "What do noise, shifts and crops bring (four times the data)?",
    "r1-convolution": "What does a convolution in front bring?",
    "r2-learning-rate": "Which learning rate, in 10 epochs of batches of 32?",
    "r2-batch": "Which batch, in 10 epochs at rate 0.0015?",
    "r2-epochs": "What do 50 epochs bring over 10, and how good is the best run?",
    "r2-time": "How long does an epoch take?",
    "r2-schedule": "Which falling learning rate is best at equal budget (left open in the report)?",
    "r2-stopping": "Stop when an epoch improves by less than a threshold (left open): what is saved, what lost?",
    "r2-leaky-relu": "Leaky ReLU in place of ReLU (left open)?",
    "r3-nets": "Width, depth and convolution: how far does each get?",
    "r3-momentum": "Does momentum help, more on deeper nets, and does the loss vary less?",
    "r3-loops": "The same matrix product by loops and by arrays: how long?",
    "r3-overfitting": "Over-fitting of one hidden layer: what do a norm penalty and early stopping bring?",
    "r3-loss": "Softmax with negative log-likelihood, or the norm of the error?",
    "r3-bias": "A bias vector, or a constant-1 input column: the same?",
    "r3-dropout": "Does inverted dropout help a wide hidden layer (256), 300 epochs?",
    "r3-least-squares": "What does fitting the last layer by least squares bring, in closed form?",
    "r3-transforms": "Bilinear shift, rotation and resize: what do they bring, and how do they look?",
    "r3-initialisation": "How should weights begin in a net of three hidden layers: randn, Xavier or He?",
    "r3-halving": "Does halving the learning rate at fixed epochs help?",
    "r3-large": "Can AlexNet- and VGG-like nets be built by combinators, and do they learn?",
    "r4-sine": "How well does 1-16-32-1 fit a sine on [-π, π], with leaky ReLU and with sigmoid?",
    "r4-activation": "Sigmoid or leaky ReLU, for an MLP on twelve characters?",
    "r4-hidden": "Which hidden layers, for the MLP?",
    "r4-batch": "Batches of 64 or 256, dropout 0 or 0.1, for the MLP?",
    "r4-ink": "What is 1, the ink or the background?",
    "r4-cnn": "How much better than the MLP are a CNN and a residual CNN, written by hand?",
    "r4-norm-dropout": "Batch norm, dropout, or both?",
    "r4-augmentation": "What do noise, shifts and crops bring (four times the data)?",
    "r4-dropout": "Does dropout help the CNN?",
    "r5-adam": "How good is R5's own run: 50 epochs of Adam at 0.001, weights N(0, 0.01²)?",
    "r5-time": "How long does an epoch take?",
    "r5-sgd": "Does plain gradient descent stay at 10 % with N(0, 0.01²), even for 200 epochs?",
    "r5-plateau": "Why does descent stay at 10 %, and which single change repairs it?",
    "best-mnist-search": "What helps on MNIST, judged by validation alone?",
    "best-digits-search": "What helps on digits.mat, judged by validation alone?",
    "best-hanzi-search": "What helps on hanzi, judged by validation alone?",
    "best-sine-search": "What helps 1-16-32-1 to fit a sine, judged by points held back?",
    "best-mnist": "How good is the choice on MNIST, tested once a seed?",
    "best-digits": "How good is the choice on digits.mat, tested once a seed?",
    "best-hanzi": "How good is the choice on hanzi, tested once a seed?",
    "best-sine": "How good is the choice for the sine, looked at on a grid?",
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
