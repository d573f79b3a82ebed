"""Batch normalisation by its definition: channel by channel, number by number, derivatives through every path."""

import math

import numpy as np


def training(x, gain, bias, eps):
    """(y, mean, biased variance, unbiased variance)."""
    y, mean, biased, unbiased = np.zeros(x.shape), np.zeros(len(gain)), np.zeros(len(gain)), np.zeros(len(gain))
    for c in range(len(gain)):
        values = [float(v) for v in x[:, c].ravel()]
        m = len(values)
        mean[c] = math.fsum(values) / m
        squares = math.fsum((v - mean[c]) ** 2 for v in values)
        biased[c], unbiased[c] = squares / m, squares / (m - 1)
        y[:, c] = evaluation_of(x[:, c], gain[c], bias[c], mean[c], biased[c], eps)
    return y, mean, biased, unbiased


def evaluation_of(x, gain, bias, mean, variance, eps):
    return gain * (x - mean) / math.sqrt(variance + eps) + bias


def training_gradients(x, gain, dy, eps):
    """(dgain, dbias, dx) by the full matrix ∂y_i/∂x_j = g r (δ_ij - 1/m - ŷ_i ŷ_j / m) of every channel."""
    dgain, dbias, dx = np.zeros(len(gain)), np.zeros(len(gain)), np.zeros(x.shape)
    for c in range(len(gain)):
        values, g = x[:, c].ravel(), dy[:, c].ravel()
        m = len(values)
        mean = math.fsum(values) / m
        r = 1 / math.sqrt(math.fsum((v - mean) ** 2 for v in values) / m + eps)
        hat = [(v - mean) * r for v in values]
        dgain[c] = math.fsum(a * b for a, b in zip(g, hat, strict=True))
        dbias[c] = math.fsum(g)
        column = [
            math.fsum(g[i] * gain[c] * r * ((i == j) - 1 / m - hat[i] * hat[j] / m) for i in range(m)) for j in range(m)
        ]
        dx[:, c] = np.array(column).reshape(dx[:, c].shape)
    return dgain, dbias, dx
