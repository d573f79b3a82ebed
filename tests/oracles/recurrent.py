"""Recurrent cells as textbooks write them, one example and one step at a time.

Each takes the params' arrays by name, a state and an input, all vectors, and returns (state, y).
"""

import numpy as np


def logistic(a):
    return 1 / (1 + np.exp(-a))


def rnn(p, h, x):
    h = np.tanh(x @ p["weight"] + h @ p["recurrent"] + p["bias"])
    return h, h


def lstm(p, state, x):
    h, c = state
    i, f, g, o = np.split(x @ p["weight"] + h @ p["recurrent"] + p["bias"], 4)
    c = logistic(f) * c + logistic(i) * np.tanh(g)
    h = logistic(o) * np.tanh(c)
    return (h, c), h


def gru(p, h, x):
    reset, update, new = np.split(x @ p["weight"] + p["bias"], 3)
    of_reset, of_update, of_new = np.split(h @ p["recurrent"], 3)
    r, z = logistic(reset + of_reset), logistic(update + of_update)
    n = np.tanh(new + r * (of_new + p["recurrent_bias"]))
    h = (1 - z) * n + z * h
    return h, h


def along(cell, p, state, xs, length):
    """(last state, ys) of one sequence (T, D): after its length the state stays, and y is 0."""
    ys = []
    for t, x in enumerate(xs):
        after, y = cell(p, state, x)
        state = after if t < length else state
        ys.append(y if t < length else np.zeros_like(y))
    return state, np.array(ys)
