"""A user's own optimizer among the library's parts."""

from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest

from fnnet import optim, tree
from fnnet.errors import StructureError
from fnnet.optim.engine import Factor, Part, finish, from_zero, link, pass_on
from fnnet.optim.engine import pack as packing

PARAMS = {"weight": np.array([[1.0, -2.0]]), "bias": np.array([0.5])}
GRADS = [{"weight": np.array([[i, 2.0]]), "bias": np.array([-1.0 * i])} for i in range(4)]


def louder() -> optim.Optimizer:
    """Updates times 1, 2, 3, …; its state is the count."""
    return optim.Optimizer(
        lambda params: 0,
        lambda grads, count, params: (tree.map(lambda g: g * (count + 1.0), grads), count + 1),
    )


@pytest.mark.parametrize("places", [(0,), (1,), (2,), (3,), (0, 2), (1, 1), (1, 2, 4)])
def test_a_chain_does_what_its_stages_do_one_after_the_other(places):
    stages = [optim.momentum(0.5), optim.scale_by_adam(), optim.sgd(lambda count: 0.1 / (1 + count))]
    for place in places:
        stages.insert(place, louder())
    chained = optim.chain(*stages)
    state, states = chained.init(PARAMS), [stage.init(PARAMS) for stage in stages]
    for grads in GRADS:
        updates, state = chained.update(grads, state, PARAMS)
        expected = grads
        for i, stage in enumerate(stages):
            expected, states[i] = stage.update(expected, states[i], PARAMS)
        for got, want in zip(tree.leaves(updates), tree.leaves(expected), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-14)
    assert state[places[0]] == len(GRADS)


@pytest.mark.parametrize(
    ("state", "got"),
    [({"a": ()}, "got labels 'a'; make it"), ([()], "got list; make it"), (None, "got NoneType; make")],
)
def test_the_state_of_another_partition_is_told_by_its_labels(state, got):
    parts = optim.partition(lambda path: path, {"weight": optim.sgd(0.1), "bias": optim.sgd(0.2)})
    with pytest.raises(StructureError, match=got):
        parts.update(GRADS[0], state, PARAMS)


@attrs.define
class Watch:
    """A part that looks at what it is given and passes it on."""

    reads_params: bool = False
    of: str = "elements"
    calls: list = attrs.field(factory=list)

    @property
    def part(self):
        def rule(block):
            g, p = block.given, block.params
            self.calls.append((g.copy(), None if p is None else p.copy(), block.factor))
            assert block.update.shape == g.shape == block.spare.shape
            np.multiply(g, block.factor, out=block.update)

        return link(Part("watch", lambda count, updates: rule, reads_params=self.reads_params, of=self.of))


def moved(optimizer, *leaves):
    """Updates of one step, gradients being params."""
    return optimizer.update(leaves, optimizer.init(leaves), leaves)[0]


@pytest.mark.parametrize("reads_params", [False, True])
def test_a_rule_is_given_params_only_if_its_part_reads_them(reads_params):
    watch = Watch(reads_params)
    moved(watch.part, np.array([1.0, 2.0]))
    ((g, p, factor),) = watch.calls
    assert g.tolist() == [1.0, 2.0]
    assert (p.tolist() == [1.0, 2.0]) if reads_params else p is None
    assert factor == 1.0


def test_scales_behind_a_part_are_its_factor():
    watch = Watch()
    (u,) = moved(
        optim.chain(optim.scale_by_factor(2.0), watch.part, optim.scale_by_factor(0.5), optim.scale_by_factor(-3.0)),
        np.array([1.0]),
    )
    ((g, _, factor),) = watch.calls
    assert (g.tolist(), factor, u.tolist()) == ([2.0], -1.5, [-3.0])


def test_a_part_that_does_not_count_is_always_at_its_first_update():
    counts = []
    parts = (
        link(Part("watch", lambda count, updates: counts.append(count) or pass_on)),
        link(Factor("by", lambda count: counts.append(count) or 1.0)),
    )
    optimizer, now = optim.chain(*parts, optim.sgd(0.1)), (np.ones(1),)
    state = optimizer.init(now)
    for _ in range(2):
        _, state = optimizer.update(now, state, now)
    assert counts == [0, 0, 0, 0]
    assert state[2].steps == 2


@pytest.mark.parametrize(
    ("block", "sizes", "lengths"),
    [
        (80, (9,), [9]),
        (80, (10,), [10]),
        (80, (11,), [6, 5]),
        (80, (29,), [10, 10, 9]),
        (8, (3,), [1, 1, 1]),
        (80, (0, 1), [1]),
        (80, (3, 4, 20), [7, 10, 10]),
    ],
)
def test_a_leaf_is_cut_into_few_equal_blocks(block, sizes, lengths, monkeypatch):
    """None above BLOCK bytes, 8 for each number; small neighbours go as one."""
    monkeypatch.setattr(packing, "BLOCK", block)
    monkeypatch.setattr(packing, "PACK", 80)
    watch, leaves = Watch(), [np.arange(1.0, 1 + size) for size in sizes]
    updates = moved(optim.chain(watch.part, optim.scale_by_factor(2.0)), *leaves)
    assert [len(g) for g, _, _ in watch.calls] == lengths
    for u, leaf in zip(updates, leaves, strict=True):
        np.testing.assert_array_equal(u, 2 * leaf)


@pytest.mark.parametrize("block", [8, 2**19])
@pytest.mark.parametrize("behind", [(), (optim.scale_by_factor(0.5),), (optim.momentum(0.5), optim.sgd(0.5))])
def test_a_part_of_leaves_sees_each_whole_and_in_its_shape(block, behind, monkeypatch):
    monkeypatch.setattr(packing, "BLOCK", block)
    watch = Watch(reads_params=True, of="leaves")
    leaves = np.arange(6.0).reshape(2, 3), np.array(7.0), np.asfortranarray(np.ones((3, 2))), np.ones((0, 2))
    updates = moved(optim.chain(optim.scale_by_factor(2.0), watch.part, *behind), *leaves)
    assert [g.shape for g, _, _ in watch.calls] == [(2, 3), (), (3, 2)]  # an empty leaf has nothing to see
    for (g, p, _), leaf in zip(watch.calls, leaves, strict=False):
        np.testing.assert_array_equal(g, 2 * leaf)
        np.testing.assert_array_equal(p, leaf)
    factor = {0: 2.0, 1: 1.0, 2: -1.0}[len(behind)]
    for u, leaf in zip(updates, leaves, strict=True):
        np.testing.assert_array_equal(u, factor * leaf)


def test_a_part_of_leaves_may_have_a_state_and_choose():
    """Each row divided by the root of the sum of the squares it had so far."""

    def rule(block):
        (old,), (square,) = block.old, block.new
        np.add(old, (block.given**2).sum(axis=-1, keepdims=True), out=square)
        np.divide(block.given, np.sqrt(square), out=block.update)
        finish(block)

    part = Part("rows", lambda count, updates: rule, Rows, (from_zero,), where=optim.is_weight, of="leaves")
    optimizer = optim.chain(link(part), optim.scale_by_factor(10.0))
    state = optimizer.init(PARAMS)
    for _ in range(2):
        updates, state = optimizer.update(GRADS[3], state, PARAMS)
    np.testing.assert_allclose(updates["weight"], 10 * GRADS[3]["weight"] / np.sqrt(2 * 13), rtol=1e-15)
    np.testing.assert_array_equal(updates["bias"], 10 * GRADS[3]["bias"])
    np.testing.assert_array_equal(state[0].square["weight"], [[26.0, 26.0]])


@pytest.mark.parametrize("size", [3, 100_000])
def test_a_leaf_that_a_part_passes_over_keeps_its_state(size):
    def rule(block):
        np.add(block.old[0], block.given, out=block.new[0])
        np.copyto(block.update, block.given)
        finish(block)

    params = {"weight": np.full((1, size), 3.0), "bias": np.full(size, 5.0)}
    part = Part("sums", lambda count, updates: rule, Rows, (np.array,), where=optim.is_weight)
    optimizer = link(part)
    updates, (state,) = optimizer.update(params, optimizer.init(params), params)
    np.testing.assert_array_equal(updates["bias"], params["bias"])
    np.testing.assert_array_equal(state.square["bias"], params["bias"])
    np.testing.assert_array_equal(state.square["weight"], 2 * params["weight"])


class Rows(NamedTuple):
    """A sum of squares a row."""

    square: Any
