"""Optimizers one number at a time, as the papers write them, in Python floats."""

import math

import numpy as np


def sgd(lr, momentum=0.0, nesterov=False):
    def run(theta, gradients):
        v = 0.0
        for t, g in enumerate(gradients):
            v = momentum * v + g
            theta = theta - lr(t) * (g + momentum * v if nesterov else v)
            yield theta

    return run


def adam(lr, b1=0.9, b2=0.999, eps=1e-8, weight_decay=0.0):
    def run(theta, gradients):
        m = v = 0.0
        for t, g in enumerate(gradients, start=1):
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g * g
            m_hat = m / (1 - b1**t)
            v_hat = v / (1 - b2**t)
            theta = theta - lr(t - 1) * (m_hat / (math.sqrt(v_hat) + eps) + weight_decay * theta)
            yield theta

    return run


def rmsprop(lr, decay=0.99, eps=1e-8, momentum=0.0):
    def run(theta, gradients):
        v = b = 0.0
        for t, g in enumerate(gradients):
            v = decay * v + (1 - decay) * g * g
            b = momentum * b + g / (math.sqrt(v) + eps)
            theta = theta - lr(t) * b
            yield theta

    return run


def adagrad(lr, eps=1e-10, start=0.0):
    def run(theta, gradients):
        s = start
        for t, g in enumerate(gradients):
            s += g * g
            theta = theta - lr(t) * g / (math.sqrt(s) + eps)
            yield theta

    return run


def adamax(lr, b1=0.9, b2=0.999, eps=1e-8):
    def run(theta, gradients):
        m = w = 0.0
        for t, g in enumerate(gradients, start=1):
            m = b1 * m + (1 - b1) * g
            w = max(b2 * w, abs(g) + eps)
            theta = theta - lr(t - 1) / (1 - b1**t) * m / w
            yield theta

    return run


def nadam(lr, b1=0.9, b2=0.999, eps=1e-8, momentum_decay=None):
    def weight(t):
        return b1 if momentum_decay is None else b1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))

    def run(theta, gradients):
        m = v = 0.0
        product = 1.0
        for t, g in enumerate(gradients, start=1):
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g * g
            product *= weight(t)
            m_hat = weight(t + 1) * m / (1 - product * weight(t + 1)) + (1 - weight(t)) * g / (1 - product)
            v_hat = v / (1 - b2**t)
            theta = theta - lr(t - 1) * m_hat / (math.sqrt(v_hat) + eps)
            yield theta

    return run


def radam(lr, b1=0.9, b2=0.999, eps=1e-8):
    def run(theta, gradients):
        m = v = 0.0
        rho_inf = 2 / (1 - b2) - 1
        for t, g in enumerate(gradients, start=1):
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g * g
            m_hat = m / (1 - b1**t)
            rho = rho_inf - 2 * t * b2**t / (1 - b2**t)
            if rho > 5:
                v_hat = math.sqrt(v / (1 - b2**t))
                r = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
                theta = theta - lr(t - 1) * r * m_hat / (v_hat + eps)
            else:
                theta = theta - lr(t - 1) * m_hat
            yield theta

    return run


def amsgrad(lr, b1=0.9, b2=0.999, eps=1e-8):
    def run(theta, gradients):
        m = v = w = 0.0
        for t, g in enumerate(gradients, start=1):
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g * g
            w = max(w, v)
            theta = theta - lr(t - 1) * m / (1 - b1**t) / (math.sqrt(w / (1 - b2**t)) + eps)
            yield theta

    return run


def adabelief(lr, b1=0.9, b2=0.999, eps=1e-16):
    def run(theta, gradients):
        m = s = 0.0
        for t, g in enumerate(gradients, start=1):
            m = b1 * m + (1 - b1) * g
            s = b2 * s + (1 - b2) * (g - m) ** 2 + eps
            theta = theta - lr(t - 1) * m / (1 - b1**t) / (math.sqrt(s / (1 - b2**t)) + eps)
            yield theta

    return run


def adadelta(lr, decay=0.9, eps=1e-6):
    def run(theta, gradients):
        v = s = 0.0
        for t, g in enumerate(gradients):
            v = decay * v + (1 - decay) * g * g
            step = math.sqrt(s + eps) / math.sqrt(v + eps) * g
            s = decay * s + (1 - decay) * step * step
            theta = theta - lr(t) * step
            yield theta

    return run


def lion(lr, b1=0.9, b2=0.99, weight_decay=0.0):
    def run(theta, gradients):
        m = 0.0
        for t, g in enumerate(gradients):
            c = b1 * m + (1 - b1) * g
            m = b2 * m + (1 - b2) * g
            theta = theta - lr(t) * ((c > 0) - (c < 0) + weight_decay * theta)
            yield theta

    return run


def lookahead_sgd(lr, momentum, k, alpha):
    def run(theta, gradients):
        slow, v = theta, 0.0
        for t, g in enumerate(gradients):
            v = momentum * v + g
            theta = theta - lr(t) * v
            if (t + 1) % k == 0:
                slow = slow + alpha * (theta - slow)
                theta = slow
            yield theta

    return run


def lamb(lr, b1=0.9, b2=0.999, eps=1e-6, weight_decay=0.01):
    """Of one leaf, a list of numbers."""

    def run(theta, gradients):
        m, v = [0.0] * len(theta), [0.0] * len(theta)
        for t, g in enumerate(gradients, start=1):
            m = [b1 * a + (1 - b1) * b for a, b in zip(m, g, strict=True)]
            v = [b2 * a + (1 - b2) * b * b for a, b in zip(v, g, strict=True)]
            r = [a / (1 - b1**t) / (math.sqrt(b / (1 - b2**t)) + eps) for a, b in zip(m, v, strict=True)]
            u = [a + weight_decay * b for a, b in zip(r, theta, strict=True)]
            own, length = math.hypot(*theta), math.hypot(*u)
            ratio = own / length if own and length else 1.0
            theta = [a - lr(t - 1) * ratio * b for a, b in zip(theta, u, strict=True)]
            yield theta

    return run


def muon_matrix(u, steps):
    """An update of a matrix (out, in) with its singular values brought near 1: the polynomial on each of them."""
    left, values, right = np.linalg.svd(u, full_matrices=False)
    values = values / math.sqrt((values**2).sum())
    for _ in range(steps):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return (left * values) @ right * math.sqrt(max(1.0, u.shape[0] / u.shape[1]))
