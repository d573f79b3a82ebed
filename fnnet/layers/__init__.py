"""Layers and combinators: factories that return a `Layer`, always called, as in `relu()`."""

from fnnet.layers.activations import (
    celu,
    elu,
    gelu,
    leaky_relu,
    log_sigmoid,
    mish,
    relu,
    selu,
    sigmoid,
    silu,
    softplus,
    softsign,
    tanh,
    tanh_shrink,
)
from fnnet.layers.adaptive_avg_pool import adaptive_avg_pool
from fnnet.layers.adaptive_max_pool import adaptive_max_pool
from fnnet.layers.add import add
from fnnet.layers.alpha_dropout import alpha_dropout
from fnnet.layers.attention import attention
from fnnet.layers.avg_pool import avg_pool
from fnnet.layers.batch_norm import batch_norm
from fnnet.layers.beside import beside
from fnnet.layers.bidirectional import bidirectional
from fnnet.layers.bilinear import bilinear
from fnnet.layers.carried import carried
from fnnet.layers.concatenate import concatenate
from fnnet.layers.conv1d import conv1d
from fnnet.layers.conv2d import conv2d
from fnnet.layers.conv3d import conv3d
from fnnet.layers.conv_transpose1d import conv_transpose1d
from fnnet.layers.conv_transpose2d import conv_transpose2d
from fnnet.layers.conv_transpose3d import conv_transpose3d
from fnnet.layers.cosine_similarity import cosine_similarity
from fnnet.layers.crop import crop
from fnnet.layers.dense import dense
from fnnet.layers.depthwise_conv2d import depthwise_conv2d
from fnnet.layers.drop_path import drop_path
from fnnet.layers.dropout import dropout
from fnnet.layers.embedding import embedding
from fnnet.layers.flatten import flatten
from fnnet.layers.frozen import frozen
from fnnet.layers.gaussian_noise import gaussian_noise
from fnnet.layers.gaussian_sample import gaussian_sample
from fnnet.layers.global_avg_pool import global_avg_pool
from fnnet.layers.global_max_pool import global_max_pool
from fnnet.layers.glu import glu
from fnnet.layers.graph import graph
from fnnet.layers.group_norm import group_norm
from fnnet.layers.gru import gru, gru_cell
from fnnet.layers.identity import identity
from fnnet.layers.instance_norm import instance_norm
from fnnet.layers.last import last
from fnnet.layers.layer import layer
from fnnet.layers.layer_norm import layer_norm
from fnnet.layers.learned_positions import learned_positions
from fnnet.layers.learned_tokens import learned_tokens
from fnnet.layers.local_response_norm import local_response_norm
from fnnet.layers.log_softmax import log_softmax
from fnnet.layers.lp_pool import lp_pool
from fnnet.layers.lstm import lstm, lstm_cell
from fnnet.layers.max_pool import max_pool
from fnnet.layers.maxout import maxout
from fnnet.layers.mean_over import mean_over
from fnnet.layers.mixture import mixture
from fnnet.layers.multiply import multiply
from fnnet.layers.named import named
from fnnet.layers.noisy_dense import noisy_dense
from fnnet.layers.pad import pad
from fnnet.layers.parallel import parallel
from fnnet.layers.per_step import per_step
from fnnet.layers.permute import permute, transpose
from fnnet.layers.piecewise import hard_shrink, hard_sigmoid, hard_swish, hard_tanh, relu6, soft_shrink, threshold
from fnnet.layers.pixel_shuffle import pixel_shuffle, pixel_unshuffle
from fnnet.layers.prelu import prelu
from fnnet.layers.recomputed import recomputed
from fnnet.layers.reparametrized import reparametrized
from fnnet.layers.reshape import reshape
from fnnet.layers.residual import residual
from fnnet.layers.reverse import reverse
from fnnet.layers.rms_norm import rms_norm
from fnnet.layers.rnn import rnn, rnn_cell
from fnnet.layers.scale_pool import scale_pool
from fnnet.layers.scan import scan
from fnnet.layers.select import select
from fnnet.layers.separable_conv2d import separable_conv2d
from fnnet.layers.serial import serial
from fnnet.layers.sinusoidal_positions import sinusoidal_positions
from fnnet.layers.softmax import softmax, softmin
from fnnet.layers.spatial_dropout import spatial_dropout
from fnnet.layers.spectral_norm import spectral_norm
from fnnet.layers.stack import stack
from fnnet.layers.take import take
from fnnet.layers.tied import tied
from fnnet.layers.transformer import transformer_decoder_layer, transformer_encoder_layer
from fnnet.layers.upsample import upsample
from fnnet.layers.weight_norm import weight_norm

__all__ = [
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "add",
    "alpha_dropout",
    "attention",
    "avg_pool",
    "batch_norm",
    "beside",
    "bidirectional",
    "bilinear",
    "carried",
    "celu",
    "concatenate",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_similarity",
    "crop",
    "dense",
    "depthwise_conv2d",
    "drop_path",
    "dropout",
    "elu",
    "embedding",
    "flatten",
    "frozen",
    "gaussian_noise",
    "gaussian_sample",
    "gelu",
    "global_avg_pool",
    "global_max_pool",
    "glu",
    "graph",
    "group_norm",
    "gru",
    "gru_cell",
    "hard_shrink",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "identity",
    "instance_norm",
    "last",
    "layer",
    "layer_norm",
    "leaky_relu",
    "learned_positions",
    "learned_tokens",
    "local_response_norm",
    "log_sigmoid",
    "log_softmax",
    "lp_pool",
    "lstm",
    "lstm_cell",
    "max_pool",
    "maxout",
    "mean_over",
    "mish",
    "mixture",
    "multiply",
    "named",
    "noisy_dense",
    "pad",
    "parallel",
    "per_step",
    "permute",
    "pixel_shuffle",
    "pixel_unshuffle",
    "prelu",
    "recomputed",
    "relu",
    "relu6",
    "reparametrized",
    "reshape",
    "residual",
    "reverse",
    "rms_norm",
    "rnn",
    "rnn_cell",
    "scale_pool",
    "scan",
    "select",
    "selu",
    "separable_conv2d",
    "serial",
    "sigmoid",
    "silu",
    "sinusoidal_positions",
    "soft_shrink",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "spatial_dropout",
    "spectral_norm",
    "stack",
    "take",
    "tanh",
    "tanh_shrink",
    "threshold",
    "tied",
    "transformer_decoder_layer",
    "transformer_encoder_layer",
    "transpose",
    "upsample",
    "weight_norm",
]
