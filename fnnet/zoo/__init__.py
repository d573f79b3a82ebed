"""Nets by name, each a function of a few lines that gives a net of fnnet's layers."""

from fnnet.zoo.densenet import dense_block, densenet121
from fnnet.zoo.mobilenet import inverted_residual, mobilenet_v1, mobilenet_v2
from fnnet.zoo.resnet import basic_block, bottleneck_block, resnet
from fnnet.zoo.squeezenet import fire, squeezenet
from fnnet.zoo.vgg import vgg

__all__ = [
    "basic_block",
    "bottleneck_block",
    "dense_block",
    "densenet121",
    "fire",
    "inverted_residual",
    "mobilenet_v1",
    "mobilenet_v2",
    "resnet",
    "squeezenet",
    "vgg",
]
