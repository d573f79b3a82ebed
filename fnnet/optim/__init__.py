"""Optimizers: chains of named parts, each a pair of pure functions."""

from fnnet.optim import schedules
from fnnet.optim.aliases import adam, sgd
from fnnet.optim.apply_updates import apply_updates
from fnnet.optim.chain import chain
from fnnet.optim.clip import clip
from fnnet.optim.scale import scale, scale_by_learning_rate
from fnnet.optim.scale_by_adam import scale_by_adam
from fnnet.optim.trace import trace
from fnnet.types import Optimizer

__all__ = [
    "Optimizer",
    "adam",
    "apply_updates",
    "chain",
    "clip",
    "scale",
    "scale_by_adam",
    "scale_by_learning_rate",
    "schedules",
    "sgd",
    "trace",
]
