import numpy as np


def mlp(x, w1, b1, w2, b2):
    z = x @ w1 + b1
    h = np.maximum(z, 0)
    y = h @ w2 + b2

    def vjp(dy):
        dz = dy @ w2.T * (z > 0)
        return dz @ w1.T, x.T @ dz, dz.sum(axis=0), h.T @ dy, dy.sum(axis=0)

    return y, vjp


def mlp_loss(x, labels, w1, b1, w2, b2):
    scores, pull = mlp(x, w1, b1, w2, b2)
    shifted = scores - scores.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    rows = np.arange(len(x))
    loss = (np.log(total[:, 0]) - shifted[rows, labels]).mean()

    def vjp(dy):
        dscores = e / total
        dscores[rows, labels] -= 1
        return pull(dscores * (dy / len(x)))[1:]

    return loss, vjp
