"""Losses by loops over examples and outputs, in long double: each the value of one example."""

import math

import numpy as np

LONG = np.longdouble


def rows(labels, k):
    """Classes as one-hot rows, probabilities as they are."""
    if labels.ndim == 2:
        return labels
    return [[1.0 if c == label else 0.0 for c in range(k)] for label in labels]


def softmax_cross_entropy(x, t):
    top = max(x)
    log_sum = top + np.log(sum(np.exp(LONG(value) - top) for value in x))
    return sum(LONG(p) * (log_sum - value) for p, value in zip(t, x, strict=True))


def negative_log_likelihood(x, t):
    return -sum(LONG(p) * value for p, value in zip(t, x, strict=True) if p)


def binary_cross_entropy(x, t):
    total = LONG(0)
    for value, answer in zip(np.ravel(x), np.ravel(t), strict=True):
        value = LONG(value)
        total += answer * np.logaddexp(LONG(0), -value) + (1 - answer) * np.logaddexp(LONG(0), value)
    return total


def errors(x, t):
    return [LONG(a) - LONG(b) for a, b in zip(np.ravel(x), np.ravel(t), strict=True)]


def squared_error(x, t):
    return sum(e * e for e in errors(x, t)) / 2


def mean_squared_error(x, t):
    return sum(e * e for e in errors(x, t)) / len(errors(x, t))


def norm_loss(x, t):
    return np.sqrt(sum(e * e for e in errors(x, t)))


def huber(x, t, delta=1.0):
    return sum(e * e / 2 if abs(e) <= delta else LONG(delta) * (abs(e) - LONG(delta) / 2) for e in errors(x, t))


def reduced(oracle, x, t, reduction, **options):
    """The whole batch, one example after the other."""
    values = [float(oracle(one, target, **options)) for one, target in zip(x, t, strict=True)]
    return math.fsum(values) / (len(values) if reduction == "mean" else 1)
