"""What holds for every optimizer and every part of one."""

import json

import numpy as np
import optree
import pytest

from fnnet import optim, tree
from fnnet.optim.engine import pack as packing
from tests.optim.cases import EVERY, OPTIMIZERS, grads, params

DTYPES = [np.float32, np.float64]

every = pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in EVERY.items()])


def arrays(of):
    return [tree.array(leaf) for leaf in tree.leaves(of) if isinstance(tree.array(leaf), np.ndarray)]


def content(of):
    """Structure, marks, numbers and bytes."""
    leaves = [tree.array(leaf) for leaf in tree.leaves(of)]
    values = [(x.dtype, x.shape, x.tobytes()) if isinstance(x, np.ndarray) else (type(x), x) for x in leaves]
    return tree.structure(of), values


def run(optimizer, start, steps=4, state=None, first=0, change=lambda g: g):
    """A few steps; everything seen on the way."""
    now, state, seen = start, optimizer.init(start) if state is None else state, []
    for t in range(first, first + steps):
        updates, state = optimizer.update(change(grads(now, f"step {t}")), state, now)
        now = optim.apply_updates(now, updates)
        seen.append((now, updates, state))
    return seen


def midway(optimizer, writable):
    """What a third step is given: gradients, state and params, read-only as they are or writable copies."""
    (_, _, state), (now, _, _) = run(optimizer, params(), 2)
    given = grads(now), state, now
    if writable:
        given = optree.tree_map(lambda x: np.array(x) if isinstance(x, np.ndarray) else x, given, none_is_leaf=True)
    return given


@every
@pytest.mark.parametrize("writable", [False, True])
def test_pure(make, writable):
    """Arguments are not written to, writable or not, and equal arguments give equal bytes, in whatever order."""
    optimizer = make()
    given = midway(optimizer, writable)
    before = content(given)
    once = content(optimizer.update(*given))
    optimizer.update(grads(given[2], "others"), *given[1:])
    assert content(optimizer.update(*given)) == once
    optim.apply_updates(given[2], optimizer.update(*given)[0])
    assert content(given) == before


@every
@pytest.mark.parametrize("dtype", DTYPES)
def test_structure_and_dtype_are_kept(make, dtype):
    optimizer, start = make(), params(dtype)
    first = optimizer.init(start)
    for now, updates, state in run(optimizer, start):
        assert tree.structure(now) == tree.structure(start)
        assert tree.structure(state) == tree.structure(first)
        tree.check_same(start, now, ("params", "next params"))
        tree.check_same(start, updates, ("params", "update"))
        tree.check_same(first, state, ("first state", "next state"))
        for array in arrays((now, updates, state)):
            assert array.dtype == dtype
            assert array.flags.c_contiguous
        assert all(type(x) is int for x in tree.leaves(state) if not isinstance(x, np.ndarray))


@every
def test_what_comes_out_is_read_only_for_good(make):
    optimizer, start = make(), params()
    now, updates, state = run(optimizer, start, 1, change=lambda g: tree.zip_leaves(lambda x: x, g))[0]
    for array in arrays((now, updates, state, optimizer.init(start))):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
        assert arrays(tree.read_only((array,)))[0] is array  # nor is it a view of something writable


@every
def test_writable_successors_are_copied(make):
    optimizer, start = make(), params()
    own = grads(start)
    mean = np.ones(5, np.float32)
    own = own._replace(norm_0=own.norm_0._replace(mean=tree.Running(mean)))
    updates, _ = optimizer.update(own, optimizer.init(start), start)
    mean[:] = 7
    np.testing.assert_array_equal(optim.apply_updates(start, updates).norm_0.mean, np.ones(5))


@every
def test_marks_and_holes(make):
    optimizer, start = make(), params()
    given = grads(start)
    updates, state = optimizer.update(given, optimizer.init(start), start)
    now = optim.apply_updates(start, updates)

    assert updates.norm_0.mean is given.norm_0.mean is now.norm_0.mean  # statistics follow the layer
    assert updates.held_0.weight is None
    assert now.held_0.weight is start.held_0.weight
    assert now.held_0.bias is start.held_0.bias
    assert now.scale_0["bias"] is None
    for path, leaf in tree.items(state):
        assert isinstance(leaf, np.ndarray | int), path
        assert not any(word in path for word in ("norm_0.mean", "held_0")), path


@every
def test_a_leaf_without_a_gradient_stays(make):
    optimizer, start = make(), params()
    now, _, state = run(optimizer, start, 2)[-1]
    given = grads(now)
    given = given._replace(dense_0=given.dense_0._replace(weight=None))
    updates, then = optimizer.update(given, state, now)
    assert updates.dense_0.weight is None
    assert optim.apply_updates(now, updates).dense_0.weight is now.dense_0.weight
    old, new = dict(tree.items(state)), dict(tree.items(then))
    assert old.keys() == new.keys()
    for path in old:
        if path.endswith("dense_0.weight"):
            assert old[path] is new[path]


@every
def test_state_outlives_storage(make):
    """A state taken apart, its arrays copied and its numbers sent through JSON, goes on to the same bytes."""
    optimizer = make()
    whole = run(optimizer, params(), 6)
    now, _, state = whole[2]
    leaves, spec = optree.tree_flatten(state, none_is_leaf=True)
    stored = [leaf.tobytes() if isinstance(leaf, np.ndarray) else json.dumps(leaf) for leaf in leaves]
    loaded = [
        np.frombuffer(raw, leaf.dtype).reshape(leaf.shape) if isinstance(raw, bytes) else json.loads(raw)
        for raw, leaf in zip(stored, leaves, strict=True)
    ]
    again = run(make(), now, 3, state=optree.tree_unflatten(spec, loaded), first=3)
    assert [content(each) for each in again] == [content(each) for each in whole[3:]]


@every
@pytest.mark.parametrize(("block", "pack"), [(16, 1), (16, 200), (64, 64)])
def test_blocks_and_packs_change_nothing(make, block, pack, monkeypatch):
    expected = [content(each) for each in run(make(), params())]
    monkeypatch.setattr(packing, "BLOCK", block)
    monkeypatch.setattr(packing, "PACK", pack)
    assert [content(each) for each in run(make(), params())] == expected


@pytest.mark.parametrize("make", [make for name, make in EVERY.items() if "by hand" not in name])
@pytest.mark.parametrize("size", [1e-25, 1e-38, 1e-45, 0.0])
def test_what_vanishes_is_no_error(make, size):
    """Whatever NumPy's error settings are, to the byte."""

    def change(g):
        with np.errstate(all="ignore"):
            return tree.map(lambda leaf: leaf * np.float32(size), g)

    with np.errstate(all="ignore"):
        expected = [content(each) for each in run(make(), params(), change=change)]
    with np.errstate(all="raise"):
        assert [content(each) for each in run(make(), params(), change=change)] == expected


@every
def test_memory_order_of_gradients_changes_nothing(make):
    def restride(leaf):
        if not isinstance(leaf, np.ndarray) or leaf.ndim < 2:
            return leaf
        return np.asfortranarray(leaf)[::-1][::-1]

    one, other = run(make(), params()), run(make(), params(), change=lambda g: tree.zip_leaves(restride, g))
    assert [content(each) for each in one] == [content(each) for each in other]


@every
def test_float32_agrees_with_float64(make):
    (narrow, _, _), (wide, _, _) = (run(make(), tree.cast(params(), dtype))[-1] for dtype in DTYPES)
    for one, other in zip(arrays(narrow), arrays(wide), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-5)


@every
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128, np.longdouble])
def test_other_numbers(make, dtype):
    """Real numbers written otherwise take the same steps, in their own dtype."""
    start = params(np.float32 if dtype == np.complex64 else np.float64)
    change = lambda g: tree.cast(g, dtype)  # noqa: E731
    plain, other = run(make(), start)[-1][0], run(make(), tree.cast(start, dtype), change=change)[-1][0]
    for one, twin in zip(arrays(plain), arrays(other), strict=True):
        assert twin.dtype == dtype
        np.testing.assert_allclose(twin, one, rtol=1e-4 if dtype == np.complex64 else 1e-9, atol=1e-6)


LINEAR = ["sgd", "sgd momentum", "sgd nesterov", "l2", "chain", "chain norm late", "add_decayed_weights weights"]


@pytest.mark.parametrize("name", LINEAR)
def test_objects(name):
    """Arrays of Python objects, as exact proofs use them, wherever no root of elements is taken."""
    start = params(np.float64)
    change = lambda g: tree.cast(g, object)  # noqa: E731
    plain = run(EVERY[name](), start)[-1][0]
    other = run(EVERY[name](), tree.cast(start, object), change=change)[-1][0]
    for one, twin in zip(arrays(plain), arrays(other), strict=True):
        assert twin.dtype == object
        np.testing.assert_allclose(twin.astype(float), one, rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_minimises_a_parabola(name):
    """½ Σ a (θ - c)² with a from 0.3 to 3."""
    optimizer = OPTIMIZERS[name]()
    a = {"weight": np.array([[0.3, 1.0, 3.0]]), "bias": np.array([0.5, 2.0])}
    c = {"weight": np.array([[1.0, -2.0, 0.5]]), "bias": np.array([-1.0, 0.25])}
    now = tree.map(np.zeros_like, a)
    state = optimizer.init(now)
    for _ in range(500):
        updates, state = optimizer.update(tree.map(lambda a, c, x: a * (x - c), a, c, now), state, now)
        now = optim.apply_updates(now, updates)
    for path, leaf in tree.items(now):
        np.testing.assert_allclose(leaf, c[path], atol=2e-2, err_msg=path)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_complex_steps_see_the_derivative(name):
    """An update is an analytic function of gradients: a complex step and a central difference agree."""
    optimizer, start, direction = OPTIMIZERS[name](), params(np.float64), grads(params(np.float64), "direction")

    def moved(h):
        now = tree.cast(start, complex)
        state = optimizer.init(now)
        for t in range(2):
            g = tree.map(lambda g, d: g + h * d, grads(start, f"step {t}"), direction)
            updates, state = optimizer.update(g, state, now)
            now = optim.apply_updates(now, updates)
        return [leaf for leaf in tree.leaves(now) if isinstance(leaf, np.ndarray)]

    h = 1e-6
    for step, up, down in zip(moved(1e-30j), moved(h + 0j), moved(-h + 0j), strict=True):
        np.testing.assert_allclose(step.imag / 1e-30, (up - down).real / (2 * h), rtol=1e-4, atol=1e-6)


def test_numpy_numbers_promote_nothing():
    """Hyper-parameters and what a schedule returns become Python numbers."""
    rate = lambda count: np.float64(0.1) / (1 + count)  # noqa: E731
    for optimizer in (
        optim.sgd(rate, momentum=np.float64(0.9)),
        optim.adamw(
            np.float64(0.1),
            b1=np.float64(0.9),
            b2=np.float64(0.99),
            eps=np.float64(1e-8),
            weight_decay=np.float64(0.1),
        ),
        optim.chain(
            optim.clip(np.float64(1)), optim.clip_by_global_norm(np.float64(1)), optim.scale_by_factor(np.float64(2))
        ),
        optim.rmsprop(np.float64(0.1), decay=np.float64(0.9), eps=np.float64(1e-8), momentum=np.float64(0.5)),
        optim.adagrad(np.float64(0.1), eps=np.float64(1e-8), start=np.float64(0.5)),
    ):
        for array in arrays(run(optimizer, params())[-1]):
            assert array.dtype == np.float32


def test_loaded_counts_become_python_numbers():
    optimizer, start = optim.adam(0.1), params()
    state = optree.tree_map(lambda x: np.int64(x) if isinstance(x, int) else x, optimizer.init(start))
    _, then = optimizer.update(grads(start), state, start)
    assert [type(each.steps) for each in then] == [int, int]
    assert [each.steps for each in then] == [1, 1]


def test_freezing_still_counts_and_hands_on():
    """With every leaf held, only statistics move: batch norm can be calibrated so."""
    optimizer, start = optim.freeze(optim.adam(0.1), optim.everywhere), params()
    given = grads(start)
    updates, state = optimizer.update(given, optimizer.init(start), start)
    assert [path for path, _ in tree.items(updates)] == ["norm_0.mean"]
    assert tree.items(state) == [("0.steps", 1), ("1.steps", 1)]
    now = optim.apply_updates(start, updates)
    assert now.norm_0.mean is given.norm_0.mean
    assert now.dense_0.weight is start.dense_0.weight
