"""Losses between outputs and the one-hot rows of labels: regression on classes."""

from fnnet import data, losses
from fnnet.losses import LossValue
from fnnet.types import Array


def squared_error(prediction: Array, labels: Array, reduction: str = "mean") -> LossValue:
    """Half the squared distance of the outputs from the one-hot row."""
    return losses.squared_error(prediction, data.one_hot(labels, prediction.shape[1]), reduction)


def norm_loss(prediction: Array, labels: Array, reduction: str = "mean") -> LossValue:
    """The distance of the outputs from the one-hot row."""
    return losses.norm_loss(prediction, data.one_hot(labels, prediction.shape[1]), reduction)
