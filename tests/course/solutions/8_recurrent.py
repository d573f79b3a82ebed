import numpy as np


def cell(h, x, recurrent, weight, bias):
    y = np.tanh(h @ recurrent + x @ weight + bias)

    def vjp(dy):
        dz = dy * (1 - y**2)
        return dz @ recurrent.T, dz @ weight.T, h.T @ dz, x.T @ dz, dz.sum(axis=0)

    return y, vjp


def rnn(h, xs, recurrent, weight, bias):
    states, pulls = [], []
    for t in range(xs.shape[1]):
        h, pull = cell(h, xs[:, t], recurrent, weight, bias)
        states.append(h)
        pulls.append(pull)

    def vjp(dhs):
        dh, dxs = np.zeros_like(dhs[:, 0]), np.zeros_like(xs)
        sums = [np.zeros_like(recurrent), np.zeros_like(weight), np.zeros_like(bias)]
        for t in reversed(range(xs.shape[1])):
            dh, dxs[:, t], *more = pulls[t](dh + dhs[:, t])
            sums = [a + b for a, b in zip(sums, more, strict=True)]
        return dh, dxs, *sums

    return np.stack(states, axis=1), vjp
