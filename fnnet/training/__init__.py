"""Training: a step is a pure function, a training is the fold of it over batches."""

from typing import TYPE_CHECKING

from fnnet.renamed import renamed
from fnnet.training.calibrate import calibrate
from fnnet.training.checkpoints import checkpoints
from fnnet.training.csv_log import csv_log
from fnnet.training.early_stopping import EarlyStoppingState, early_stopping, patience, relative_rise, small_improvement
from fnnet.training.evaluate import evaluate
from fnnet.training.fit import fit
from fnnet.training.fold import fold, scan
from fnnet.training.lbfgs import LbfgsState, lbfgs
from fnnet.training.micro_batches import micro_batches
from fnnet.training.per_example import per_example_gradients, per_example_norms
from fnnet.training.plateau import PlateauState, reduce_on_plateau
from fnnet.training.predict import predict
from fnnet.training.progress import progress
from fnnet.training.sharpness_aware import sharpness_aware
from fnnet.training.sizes import Sizes
from fnnet.training.state import TrainState, init
from fnnet.training.step import make_step
from fnnet.training.trace import LayerTrace, trace
from fnnet.training.value_and_grad import value_and_grad

__all__ = [
    "EarlyStoppingState",
    "LayerTrace",
    "LbfgsState",
    "PlateauState",
    "Sizes",
    "TrainState",
    "calibrate",
    "checkpoints",
    "csv_log",
    "early_stopping",
    "evaluate",
    "fit",
    "fold",
    "init",
    "lbfgs",
    "make_step",
    "micro_batches",
    "patience",
    "per_example_gradients",
    "per_example_norms",
    "predict",
    "progress",
    "reduce_on_plateau",
    "relative_rise",
    "scan",
    "sharpness_aware",
    "small_improvement",
    "trace",
    "value_and_grad",
]

if not TYPE_CHECKING:
    __getattr__ = renamed(__name__, {"Watch": "fnnet.training.EarlyStoppingState"})
