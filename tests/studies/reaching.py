"""A module that asks one thing of a package and hands another on."""

from fnnet import layers, metrics

ONE = layers.dense
ALL = [metrics]
