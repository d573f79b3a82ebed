"""Every layer is right and silent whatever NumPy was told about numbers that vanish: `np.seterr(all="raise")`."""

import numpy as np
import pytest

from fnnet import rng, tree
from fnnet.arrays import each, is_discrete, zero_cotangent
from tests.cases import LAYERS
from tests.training.cases import contents


def pulled(row, factor):
    """All that a layer makes of numbers scaled by a factor, as bytes."""
    net = row.make()
    params = tree.map(lambda leaf: leaf * np.float32(factor), net.init(rng.key(0), row.shape))
    kept = net.init(rng.key(0), row.shape)
    params = tree.zip_leaves(lambda new, old: old if new is None else tree.locked(new), params, kept)
    scaled = row.domain is None
    x = each(lambda a: a * np.float32(factor) if scaled and not is_discrete(a) else a, row.batch(rng.key(1), 3))
    with np.errstate(under="ignore"):
        one = each(lambda a: None if a is None else np.full_like(a, factor), zero_cotangent(net.apply(params, x)[0]))
    found = []
    for now in (net, net.train(rng.key(2))):
        y, vjp = now.apply(params, x)
        found += [contents(part) for part in (y, *vjp(one))]
    return found


@pytest.mark.parametrize("factor", [1.0, 1e-25])
@pytest.mark.parametrize("row", LAYERS, ids=lambda row: row.name)
def test_what_vanishes_is_no_error(row, factor):
    with np.errstate(all="ignore"):
        wanted = pulled(row, factor)
    with np.errstate(all="raise"):
        assert pulled(row, factor) == wanted
        assert set(np.geterr().values()) == {"raise"}


def test_a_cast_may_lose_what_the_narrower_dtype_cannot_tell_from_zero():
    with np.errstate(all="raise"):
        assert tree.cast((np.array([1e-60, 1.0]),), np.float32)[0].tolist() == [0.0, 1.0]
