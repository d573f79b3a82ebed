"""Losses by loops over examples and outputs, in long double: the value of one example, or of one place."""

import math
from itertools import product

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


def kullback_leibler(x, t):
    return softmax_cross_entropy(x, t) + sum(LONG(p) * np.log(LONG(p)) for p in t if p)


def focal(x, t, gamma=2.0):
    l = softmax_cross_entropy(x, t)
    return (1 - np.exp(-l)) ** LONG(gamma) * l


def multi_class_hinge(x, t, margin=1.0):
    own = LONG(x[list(t).index(1.0)])
    return sum(max(LONG(0), margin - own + value) for value, hit in zip(x, t, strict=True) if not hit)


def binary_cross_entropy(x, t, ignore=None, positive_weight=1.0, smoothing=0.0):
    total = LONG(0)
    for value, answer, weight in _answers(x, t, positive_weight, ignore):
        answer = (1 - smoothing) * LONG(answer) + smoothing / 2
        total += weight * answer * np.logaddexp(LONG(0), -value) + (1 - answer) * np.logaddexp(LONG(0), value)
    return total


def binary_focal(x, t, ignore=None, positive_weight=1.0, gamma=2.0):
    total = LONG(0)
    for value, answer, weight in _answers(x, t, positive_weight, ignore):
        z = value if answer else -value
        total += (weight if answer else 1) * (1 / (1 + np.exp(z))) ** LONG(gamma) * np.logaddexp(LONG(0), -z)
    return total


def hinge(x, t, ignore=None, margin=1.0):
    return sum(max(LONG(0), margin - (value if answer else -value)) for value, answer, _ in _answers(x, t, 1, ignore))


def _answers(x, t, positive_weight, ignore):
    """Score, answer and weight of a yes, of each output that counts."""
    own = np.reshape(positive_weight, (-1, *[1] * (np.ndim(x) - 1))) if np.ndim(positive_weight) else positive_weight
    weights = np.broadcast_to(own, np.shape(x))
    every = zip(np.ravel(x), np.ravel(t), np.ravel(weights), strict=True)
    return [(LONG(value), answer, LONG(weight)) for value, answer, weight in every if answer != ignore]


def errors(x, t):
    return [LONG(a) - LONG(b) for a, b in zip(np.ravel(x), np.ravel(t), strict=True)]


def squared_error(x, t):
    return sum(e * e for e in errors(x, t)) / 2


def mean_squared_error(x, t):
    return sum(e * e for e in errors(x, t)) / len(errors(x, t))


def absolute_error(x, t):
    return sum(abs(e) for e in errors(x, t))


def norm_loss(x, t):
    return np.sqrt(sum(e * e for e in errors(x, t)))


def huber(x, t, delta=1.0):
    return sum(e * e / 2 if abs(e) <= delta else LONG(delta) * (abs(e) - LONG(delta) / 2) for e in errors(x, t))


def cosine_distance(x, t):
    pairs = [(LONG(a), LONG(b)) for a, b in zip(np.ravel(x), np.ravel(t), strict=True)]
    dot, xx, tt = sum(a * b for a, b in pairs), sum(a * a for a, _ in pairs), sum(b * b for _, b in pairs)
    return 1 - dot / np.sqrt(xx) / np.sqrt(tt) if xx and tt else LONG(1)


def poisson(x, t):
    return sum(np.exp(LONG(a)) - LONG(b) * a for a, b in zip(np.ravel(x), np.ravel(t), strict=True))


def ctc(x, t, blank=0, impossible="error"):
    """By all sequences of classes: -log of the sum of the probabilities of those that become the labels."""
    labels, steps = [c for c in t if c != blank], len(x)
    p = [[np.exp(LONG(value) - max(row)) for value in row] for row in x]
    p = [[value / sum(row) for value in row] for row in p]
    total = LONG(0)
    for path in product(range(len(x[0])), repeat=steps):
        joined = [c for c, before in zip(path, (None, *path[:-1]), strict=True) if c not in (before, blank)]
        if joined == labels:
            total += math.prod((p[i][c] for i, c in enumerate(path)), start=LONG(1))
    return -np.log(total) if total else LONG(0)


OF_CLASSES = {softmax_cross_entropy, negative_log_likelihood, kullback_leibler, focal, multi_class_hinge}
OF_ANSWERS = {binary_cross_entropy, binary_focal, hinge}


def weighed(oracle, x, t, weight=None, class_weights=None, ignore=None, smoothing=0.0, **options):
    """(weight, loss) of everything that is averaged: each example, or each place that has a class."""
    weight = np.ones(len(x)) if weight is None else weight
    found = []
    for one, target, own in zip(x, t, weight, strict=True):
        if oracle not in OF_CLASSES:
            if oracle in OF_ANSWERS:
                own = own if any(answer != ignore for answer in np.ravel(target)) else 0.0
                options |= {"ignore": ignore} | ({"smoothing": smoothing} if smoothing else {})
            found.append((LONG(own), oracle(one, target, **options)))
            continue
        k = one.shape[0]
        scores = np.reshape(one, (k, -1)).T
        labels = np.reshape(target, (k, -1)).T if np.ndim(target) == np.ndim(one) else np.reshape(target, -1)
        for score, label in zip(scores, labels, strict=True):
            if ignore is not None and label == ignore:
                continue
            row = label if labels.ndim == 2 else [1.0 if c == label else 0.0 for c in range(k)]
            w = LONG(own) * sum(LONG(c) * p for c, p in zip(class_weights or [1] * k, row, strict=True))
            row = [(1 - smoothing) * p + smoothing / k for p in row] if smoothing else row
            found.append((w, oracle(score, row, **options)))
    return found


def reduced(oracle, x, t, reduction, **options):
    """The whole batch, one example after the other."""
    found = weighed(oracle, x, t, **options)
    total = math.fsum(float(w * value) for w, value in found)
    return total / (math.fsum(float(w) for w, _ in found) if reduction == "mean" else 1)
