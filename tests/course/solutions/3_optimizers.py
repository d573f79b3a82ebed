import numpy as np


def sgd(parameter, gradient, rate):
    return parameter - rate * gradient


def momentum(parameter, velocity, gradient, rate, mu):
    velocity = mu * velocity + gradient
    return parameter - rate * velocity, velocity


def adam(parameter, m, v, gradient, t, rate):
    m = 0.9 * m + 0.1 * gradient
    v = 0.999 * v + 0.001 * gradient**2
    return parameter - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


def clip_by_norm(gradient, longest):
    length = np.sqrt((gradient**2).sum())
    return gradient * (longest / length) if length > longest else gradient.copy()
