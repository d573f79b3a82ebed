"""Layers and combinators: factories that return a `Layer`, always called, as in `relu()`."""

from fnnet.layers.dense import dense
from fnnet.layers.frozen import frozen
from fnnet.layers.identity import identity
from fnnet.layers.layer import layer
from fnnet.layers.parallel import parallel
from fnnet.layers.residual import residual
from fnnet.layers.serial import serial

__all__ = ["dense", "frozen", "identity", "layer", "parallel", "residual", "serial"]
