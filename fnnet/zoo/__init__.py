"""Nets by name, each a function of a few lines that gives a net of fnnet's layers."""

from fnnet.zoo.alexnet import alexnet
from fnnet.zoo.autoencoder import autoencoder, variational_autoencoder
from fnnet.zoo.bert import bert
from fnnet.zoo.densenet import dense_block, densenet121
from fnnet.zoo.gpt import gpt
from fnnet.zoo.inception import googlenet, inception_block
from fnnet.zoo.lenet import lenet5, lenet5_1998
from fnnet.zoo.mobilenet import inverted_residual, mobilenet_v1, mobilenet_v2
from fnnet.zoo.recurrent import character_gru, character_lstm
from fnnet.zoo.resnet import basic_block, bottleneck_block, resnet
from fnnet.zoo.squeezenet import fire, squeezenet
from fnnet.zoo.unet import unet
from fnnet.zoo.vgg import vgg
from fnnet.zoo.vit import mlp_mixer, patches, vit

__all__ = [
    "alexnet",
    "autoencoder",
    "basic_block",
    "bert",
    "bottleneck_block",
    "character_gru",
    "character_lstm",
    "dense_block",
    "densenet121",
    "fire",
    "googlenet",
    "gpt",
    "inception_block",
    "inverted_residual",
    "lenet5",
    "lenet5_1998",
    "mlp_mixer",
    "mobilenet_v1",
    "mobilenet_v2",
    "patches",
    "resnet",
    "squeezenet",
    "unet",
    "variational_autoencoder",
    "vgg",
    "vit",
]
