"""Optimizers one number at a time, as the papers write them, in Python floats."""

import math


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
