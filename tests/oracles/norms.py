"""Normalisation by its definition: set by set, number by number, derivatives by the full matrix of every set."""

import math

import numpy as np


def sets(member):
    """The places of each set: `member` gives every number's."""
    found = {}
    for place in np.ndindex(member.shape):
        found.setdefault(int(member[place]), []).append(place)
    return list(found.values())


def standard(x, member, eps, centre=True):
    """(ŷ, r of every number's set): what belongs together with mean 0 and mean square 1."""
    hat, roots = np.zeros(x.shape), np.zeros(x.shape)
    for places in sets(member):
        values = [float(x[place]) for place in places]
        m = len(values)
        mean = math.fsum(values) / m if centre else 0.0
        r = 1 / math.sqrt(math.fsum((v - mean) ** 2 for v in values) / m + eps)
        for place, v in zip(places, values, strict=True):
            hat[place], roots[place] = (v - mean) * r, r
    return hat, roots


def standard_gradient(x, member, d, eps, centre=True):
    """dx of the cotangent d of ŷ, by the matrix ∂ŷ_i/∂x_j = r (δ_ij - [centre] / m - ŷ_i ŷ_j / m)."""
    hat, roots = standard(x, member, eps, centre)
    dx = np.zeros(x.shape)
    for places in sets(member):
        m = len(places)
        for j in places:
            dx[j] = math.fsum(d[i] * roots[i] * ((i == j) - centre / m - hat[i] * hat[j] / m) for i in places)
    return dx
