"""What is looked at for NaN and infinity, and what need not be as it shows in the params."""

from itertools import product

import numpy as np
import optree
import pytest

from fnnet import optim
from fnnet.optim.descend import descend
from fnnet.optim.engine import Block, Part, from_zero, link, pass_on
from fnnet.optim.momentum import Momentum
from tests.optim.cases import EVERY, PARTS
from tests.optim.test_laws import midway

VALUES = {
    np.float32: [0, 1, -1, 3e38, -3e38, 1e-40, np.inf, -np.inf, np.nan],
    np.complex64: [0, 1, 3e38, np.inf, np.nan, complex(0, np.inf), complex(1, np.nan)],
}


def only_part(optimizer):
    """The part of an optimizer of one, None where its rule sees more than an element at a time."""
    plan = getattr(optimizer.update, "plan", None)
    steps = [step for steps in plan.passes for step in steps] if plan else []
    part = steps[0].part if len(steps) == 1 else None
    return None if part is None or part.sees_all or part.of == "leaves" else part


ELEMENTWISE = {name: part for name, make in PARTS.items() if (part := only_part(make()))}


def shown(part, dtype, count, factor):
    """By trying all of VALUES beside each other: what cannot be NaN or infinite where the update is finite."""
    names = list(part.state._fields)[-len(part.starts) :] if part.starts else []
    values = np.array(VALUES[dtype], dtype)
    given, params, *old = (each.ravel() for each in np.meshgrid(*[values] * (2 + len(names)), indexing="ij"))
    update, spare, new = np.empty_like(given), np.empty_like(given), [np.empty_like(each) for each in old]
    with np.errstate(all="ignore"):
        part.at(count, [given])(Block(update, given, params, old, new, spare, factor))
    found = {"given": given, **dict(zip(names, new, strict=True))}
    return {name for name, array in found.items() if not (np.isfinite(update) & ~np.isfinite(array)).any()}


def always_shown(part, dtype):
    return set.intersection(*(shown(part, dtype, *each) for each in product((0, 1, 4, 1000), (1.0, -0.1, 0.0))))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_part_says_what_shows_in_its_result(name):
    """All that does, and nothing else; of complex numbers perhaps more."""
    part = ELEMENTWISE[name]
    assert always_shown(part, np.float32) == set(part.shows)
    assert always_shown(part, np.complex64) >= set(part.shows)


@pytest.mark.parametrize(
    "make",
    [
        lambda: optim.momentum(0.0),
        lambda: optim.momentum(0.0, nesterov=True),
        lambda: optim.scale_by_adam(b1=0.0, b2=0.0),
        lambda: optim.scale_by_adam(b1=0.0, nesterov=True),
        lambda: optim.scale_by_adamax(b1=0.0, b2=0.0),
        lambda: optim.scale_by_rms(0.0),
        lambda: optim.add_decayed_weights(0.0),
    ],
)
def test_it_shows_with_weights_of_0_too(make):
    part = only_part(make())
    assert part.shows
    assert always_shown(part, np.float32) >= set(part.shows)


def test_a_part_of_leaves_or_of_all_updates_says_nothing():
    """What one element is hides what another was."""
    for name, make in PARTS.items():
        plan = getattr(make().update, "plan", None)
        for part in plan.parts if plan else ():
            if isinstance(part, Part) and (part.sees_all or part.of == "leaves"):
                assert part.shows == (), name


def looks(optimizer):
    """What has to be looked at in the last pass, by part."""
    return {step.part.name: step.hidden for step in optimizer.update.plan.passes[-1] if step.hidden}


OWN = link(Part("own", lambda count, updates: pass_on, Momentum, (from_zero,)))


@pytest.mark.parametrize(
    ("optimizer", "wanted"),
    [
        (optim.sgd(0.1), {}),
        (optim.sgd(0.1, momentum=0.9), {}),
        (optim.adam(0.1), {"scale_by_adam": (2,)}),  # a square may be infinite where its gradient is finite
        (optim.adamw(0.1), {"scale_by_adam": (2,)}),
        (optim.chain(optim.clip(1.0), optim.sgd(0.1, momentum=0.9)), {"clip": (0,)}),
        (optim.chain(optim.momentum(0.9), optim.clip(1.0)), {"momentum": (0, 1)}),
        (
            optim.chain(optim.clip_by_global_norm(1.0), optim.adam(0.1)),
            {"clip_by_global_norm": (0,), "scale_by_adam": (2,)},
        ),
        (OWN, {"own": (0, 1)}),
        (optim.chain(optim.momentum(0.9), OWN), {"momentum": (0, 1), "own": (1,)}),
    ],
)
def test_what_would_not_show_in_the_params_is_looked_at(optimizer, wanted):
    assert looks(optimizer) == wanted


def arrays_of(of):
    return [leaf for leaf in optree.tree_leaves(of) if isinstance(leaf, np.ndarray)]


def spoilt(of, i, value):
    """A tree with one number of its i-th array changed."""
    leaves, spec = optree.tree_flatten(of, none_is_leaf=True)
    at = [k for k, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray)][i]
    leaves[at] = leaves[at].copy()
    leaves[at].flat[-1] = value
    return optree.tree_unflatten(spec, leaves)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 3e38])
def test_nothing_is_missed(name, value):
    """A number of gradients, params or state is spoilt, and all that comes of it looked at by hand."""
    optimizer = EVERY[name]()
    given = midway(optimizer, False)
    for k, own in enumerate(given):
        for i in range(len(arrays_of(own))):
            g, state, now = [spoilt(each, i, value) if j == k else each for j, each in enumerate(given)]
            with np.errstate(all="ignore"):
                updates, then = optimizer.update(g, state, now)
                seen = g, optim.apply_updates(now, updates), then
                good = descend(optimizer, [g], state, now)[2]
            assert good == all(np.isfinite(array).all() for each in seen for array in arrays_of(each)), (k, i)
