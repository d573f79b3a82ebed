import numpy as np


def dense(x, weight, bias):
    y = x @ weight + bias

    def vjp(dy):
        return dy @ weight.T, x.T @ dy, dy.sum(axis=0)

    return y, vjp


def relu(x):
    return np.maximum(x, 0), lambda dy: (dy * (x > 0),)


def softmax_cross_entropy(scores, labels):
    shifted = scores - scores.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    rows = np.arange(len(scores))
    loss = (np.log(total[:, 0]) - shifted[rows, labels]).mean(dtype=scores.dtype)

    def vjp(dy):
        dscores = e / total
        dscores[rows, labels] -= 1
        return (dscores * (dy / len(scores)),)

    return loss, vjp
