"""`descend` is `update` and `apply_updates` in one, for every optimizer."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from fnnet import optim, tree
from fnnet.errors import StructureError
from fnnet.optim.descend import descend, is_finite
from fnnet.optim.engine import pack as packing
from tests.optim.cases import EVERY, grads, params
from tests.optim.test_laws import DTYPES, arrays, content, every, midway, run


def descended(optimizer, start, steps=4, change=lambda g: g):
    """A few steps, as `run` makes them."""
    now, state, seen = start, optimizer.init(start), []
    for t in range(steps):
        now, state, good = descend(optimizer, [change(grads(now, f"step {t}"))], state, now)
        assert good
        seen.append((now, state))
    return seen


@every
@pytest.mark.parametrize("dtype", [*DTYPES, np.complex64])
def test_the_bytes_of_update_and_apply_updates(make, dtype):
    start = tree.cast(params(), dtype)
    change = lambda g: tree.cast(g, dtype)  # noqa: E731
    by_hand = [content((now, state)) for now, _, state in run(make(), start, change=change)]
    assert [content(each) for each in descended(make(), start, change=change)] == by_hand


def test_a_part_that_reads_params_may_stand_before_a_norm():
    """It runs in a pass of its own, which does not move params."""
    optimizer = optim.chain(optim.add_decayed_weights(0.3), optim.clip_by_global_norm(0.5), optim.sgd(0.1))
    by_hand = [content((now, state)) for now, _, state in run(optimizer, params())]
    assert [content(each) for each in descended(optimizer, params())] == by_hand


@every
@pytest.mark.parametrize(("block", "pack"), [(16, 1), (16, 200), (64, 64)])
def test_blocks_and_packs_change_nothing(make, block, pack, monkeypatch):
    expected = [content((now, state)) for now, _, state in run(make(), params())]
    monkeypatch.setattr(packing, "BLOCK", block)
    monkeypatch.setattr(packing, "PACK", pack)
    assert [content(each) for each in descended(make(), params())] == expected


@every
@pytest.mark.parametrize("writable", [False, True])
def test_pure(make, writable):
    optimizer = make()
    given = midway(optimizer, writable)
    before = content(given)
    once = descend(optimizer, [given[0]], *given[1:])
    assert content(descend(optimizer, [given[0]], *given[1:])[:2]) == content(once[:2])
    assert content(given) == before
    for array in arrays(once[:2]):
        assert array.flags.c_contiguous
        if not writable:
            assert not array.flags.writeable


@every
def test_marks_and_holes(make):
    """Statistics follow the layer; held leaves, and leaves without a gradient, stay the very objects."""
    optimizer, start = make(), params()
    given = grads(start)
    given = given._replace(dense_0=given.dense_0._replace(weight=None))
    now, state, good = descend(optimizer, [given], optimizer.init(start), start)
    assert good
    assert now.norm_0.mean is given.norm_0.mean
    assert now.held_0.weight is start.held_0.weight
    assert now.dense_0.weight is start.dense_0.weight
    assert now.scale_0["bias"] is None
    assert tree.structure(state) == tree.structure(optimizer.init(start))


PLACES = [
    ("dense_0", "weight"),  # where some optimizers hold, and some have several passes
    ("dense_1", "bias"),
    ("norm_0", "mean"),
]


def spoil(of, layer, field, bad):
    own = getattr(of, layer)
    array = np.array(tree.array(getattr(own, field)))
    array.flat[-1] = bad
    leaf = tree.Running(array) if isinstance(getattr(own, field), tree.Running) else array
    return tree.read_only(of._replace(**{layer: own._replace(**{field: leaf})}))


@every
@pytest.mark.parametrize("block", [16, packing.BLOCK])
def test_says_whether_gradients_and_new_params_are_finite(make, block, monkeypatch):
    """Exactly what looking at both trees says, whoever clips, holds or ignores the leaf."""
    monkeypatch.setattr(packing, "BLOCK", block)
    optimizer, start = make(), params()
    state, given = optimizer.init(start), grads(start)
    without = tree.map_with_path(_no_gradient, given)

    def good(given, now):
        with np.errstate(all="ignore"):
            return descend(optimizer, [given], state, now)[2]

    for place, bad in product(PLACES, (np.nan, np.inf, -np.inf)):
        spoilt = spoil(start, *place, bad)
        assert not good(spoil(given, *place, bad), start), (place, bad)
        assert good(given, spoilt) == (place == ("norm_0", "mean")), (place, bad)  # whose successor is fine
        assert not good(without, spoilt), (place, bad)


def _no_gradient(path, leaf):
    return None if path in map(".".join, PLACES) else leaf


@every
def test_large_numbers_are_finite(make):
    """Where squares overflow, elements are looked at."""
    optimizer, start = make(), params()
    large = spoil(grads(start), "dense_0", "weight", np.float32(1e30))
    with np.errstate(over="ignore"):
        now, state, good = descend(optimizer, [large], optimizer.init(start), start)
    assert good == (is_finite(now) and all(np.isfinite(leaf).all() for leaf in tree.leaves(state)))


@pytest.mark.parametrize("name", ["sgd momentum", "partition", "chain by hand"])
def test_a_foreign_state_is_told(name):
    with pytest.raises(StructureError, match="state"):
        descend(EVERY[name](), [grads(params())], optim.adam(0.1).init(params())[:1], params())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 3, 1000])
def test_finite(bad, dtype, n):
    good = np.full(n, np.finfo(dtype).max, dtype)  # whose squares are infinite
    assert is_finite((good, tree.Running(good)))
    spoilt = good.copy()
    spoilt[-1] = bad
    assert not is_finite((good, spoilt))
    assert not is_finite((good, tree.Running(spoilt.reshape(-1, 1))))
    assert is_finite((good, tree.Frozen(spoilt), None))


def test_fractions_descend_exactly():
    optimizer, params = optim.sgd(0.5), (np.array([Fraction(1, 3), Fraction(2)]),)
    grads = (np.array([Fraction(1), Fraction(1, 7)]),)
    state = optimizer.init(params)
    now, _, good = descend(optimizer, [grads], state, params)
    updates, _ = optimizer.update(grads, state, params)
    assert now[0].tolist() == optim.apply_updates(params, updates)[0].tolist()
    assert good
