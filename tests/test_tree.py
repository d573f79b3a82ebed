"""Trees: laws of map, paths, marks and holes, read-only arrays, and errors that name the leaf."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnnet import layers, rng, tree
from fnnet.errors import StructureError
from fnnet.tree import Frozen, Running

Pair = tree.record("Pair", ("left", "right"))
Three = tree.record("Three", ("left", "right", "more"))

arrays = st.integers(-3, 3).map(lambda n: np.full(2, float(n)))
leaves = st.one_of(arrays, arrays.map(Running), arrays.map(Frozen), arrays.map(lambda a: Frozen(Running(a))), st.none())
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
        st.tuples(inner, inner).map(lambda pair: Pair(*pair)),
    ),
    max_leaves=8,
)


def places(found):
    return tree.items(found, holes=True)


def described(found):
    """A tree with arrays replaced by what can be compared."""
    return tree.map_with_path(lambda path, leaf: (path, type(leaf).__name__, str(tree.array(leaf))), found)


@given(trees)
def test_map_by_identity_keeps_trained_leaves_and_makes_holes_of_the_rest(found):
    mapped = tree.map(lambda leaf: leaf, found)
    for (path, leaf), (same_path, new) in zip(places(found), places(mapped), strict=True):
        assert path == same_path
        assert new is (leaf if isinstance(leaf, np.ndarray) else None)


@given(trees)
def test_map_composes(found):
    def double(leaf):
        return 2 * leaf

    both = tree.map(lambda leaf: double(double(leaf)), found, running=True)
    one_by_one = tree.map(double, tree.map(double, found, running=True), running=True)
    assert described(both) == described(one_by_one)


@given(trees)
def test_map_with_running_works_inside_the_mark(found):
    mapped = tree.map(np.negative, found, running=True)
    for (_, leaf), (_, new) in zip(places(found), places(mapped), strict=True):
        if isinstance(leaf, Running | np.ndarray):
            assert type(new) is type(leaf)
            np.testing.assert_array_equal(tree.array(new), -tree.array(leaf))
        else:
            assert new is None


@given(trees)
def test_hold_and_release_undo_each_other_exactly(found):
    """The very same leaves come back, marked ones and holes too."""
    back = tree.release(tree.hold(found))
    assert tree.structure(back) == tree.structure(found)
    assert all(new is leaf for (_, new), (_, leaf) in zip(places(back), places(found), strict=True))
    assert all(isinstance(leaf, Frozen) for leaf in tree.leaves(tree.hold(found)))
    again = tree.hold(tree.release(tree.hold(found)))
    assert tree.structure(again) == tree.structure(tree.hold(found))


@given(trees)
def test_freeze_makes_read_only_and_changes_nothing_else(found):
    frozen = tree.read_only(found)
    assert described(frozen) == described(found)
    assert all(not tree.array(leaf).flags.writeable for leaf in tree.leaves(frozen))
    again = tree.read_only(frozen)
    assert all(new is leaf for (_, new), (_, leaf) in zip(places(again), places(frozen), strict=True))


@given(trees)
def test_paths_name_leaves_as_python_would(found):
    for path, leaf in tree.items(found):
        at = found
        for word in path.split(".") if path else []:
            at = getattr(at, word) if hasattr(at, "_fields") else at[word] if isinstance(at, dict) else at[int(word)]
        assert at is leaf
    assert tree.paths(found) == [path for path, _ in tree.items(found)]
    assert all(a is b for (_, a), b in zip(tree.items(found), tree.leaves(found), strict=True))


@given(trees)
def test_trees_of_records_can_be_pickled_and_copied(found):
    assert described(pickle.loads(pickle.dumps(found))) == described(found)
    assert described(copy.deepcopy(found)) == described(found)


def test_records_with_the_same_words_are_the_same_type():
    assert tree.record("Pair", ("left", "right")) is Pair
    assert type(copy.copy(Pair(1, 2))) is Pair


def test_a_hole_or_a_mark_in_any_tree_makes_a_hole():
    one = (np.ones(1), np.ones(1), np.ones(1), None)
    other = (np.ones(1), Running(np.ones(1)), Frozen(np.ones(1)), np.ones(1))
    assert [leaf is None for leaf in tree.map(np.add, one, other)] == [False, True, True, True]
    running = tree.map(np.add, one, other, running=True)
    assert isinstance(running[1], Running)
    assert running[1].array == 2
    assert running[2] is running[3] is None


def test_freeze_copies_what_somebody_can_still_write_to():
    mine = np.zeros(4)
    view = mine[:2]
    view.flags.writeable = False
    frozen = tree.read_only({"mine": mine, "view": view})
    mine[:] = 7
    assert not frozen["mine"].any()
    assert not frozen["view"].any()


def test_freeze_keeps_what_is_settled():
    own = np.zeros(3)
    own.flags.writeable = False
    assert tree.read_only((own,))[0] is own
    assert tree.read_only((own[1:],))[0].base is own


def test_seal_locks_in_place_and_copies_views():
    own, base = np.zeros((2, 3)), np.zeros((3, 2))
    sealed = tree.seal((own, base.T))
    assert sealed[0] is own
    assert not own.flags.writeable
    assert sealed[1].flags.c_contiguous
    assert base.flags.writeable


def test_cast_reaches_into_marks():
    found = tree.cast((np.ones(1, "f4"), Running(np.ones(1, "f4")), Frozen(Running(np.ones(1, "f4"))), None), "f8")
    assert [tree.array(leaf).dtype for leaf in tree.leaves(found)] == [np.float64] * 3
    assert tree.structure(found).kinds == ("leaf", "running", "frozen running", "hole")


def test_marks_are_arrays_to_numpy():
    assert np.asarray(Running(np.ones(2))).sum() == np.asarray(Frozen(Running(np.ones(2)))).sum() == 2
    assert np.asarray(Running(np.ones(2)), dtype="f4").dtype == np.float32
    assert np.array(Frozen(np.ones(2)), copy=True).flags.writeable


def test_structure_shows_marks_and_holes():
    found = Pair({"w": np.ones(1), "m": Running(np.ones(1))}, [None, Frozen(np.ones(1)), Frozen(Running(np.ones(1)))])
    assert repr(tree.structure(found)) == (
        "Pair(left={'w': leaf, 'm': running}, right=[hole, frozen leaf, frozen running])"
    )
    assert tree.structure(found) != tree.structure(tree.release(found))


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ((1, 2), (1, 2, 3), r"trees differ at the top: first tree has tuple of 2, other tree has tuple of 3"),
        ((1, [2]), (1, (2,)), r"trees differ at 1: first tree has list of 1, other tree has tuple of 1"),
        ({"a": 1}, {"b": 1}, r"at the top: first tree has dict\(a\), other tree has dict\(b\)"),
        ({"a": {"b": 1}}, {"a": {"b": (1,)}}, r"at a.b: first tree has a leaf \(int\), other tree has tuple of 1"),
        (
            Pair(1, Pair(1, 2)),
            Pair(1, Three(1, 2, 3)),
            r"at right: .* Pair\(left, right\), .* Three\(left, right, more\)",
        ),
        ((1, (2, 3)), (1, None), r"at 1: first tree has tuple of 2, other tree has a leaf \(NoneType\)"),
    ],
)
def test_the_first_difference_is_named(one, other, message):
    for check in (tree.match, lambda a, b: tree.map(lambda x, y: x, a, b)):
        with pytest.raises(StructureError, match=message):
            check(one, other)


def test_an_error_of_the_function_is_not_taken_for_a_difference():
    with pytest.raises(ValueError, match="mine"):
        tree.map(lambda leaf: (_ for _ in ()).throw(ValueError("mine")), (np.ones(1),))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"w": np.ones((2, 3)), "b": np.ones(2)}, r"b: params have \(3,\) float64, grads has \(2,\) float64"),
        ({"w": np.ones((2, 3), "f4"), "b": np.ones(3)}, r"w: params have \(2, 3\) float64, grads has \(2, 3\) float32"),
        ({"w": np.ones((2, 3)), "b": 1.0}, r"b: params have \(3,\) float64, grads has a float"),
        ({"w": np.ones((2, 3))}, r"trees differ at the top: params has dict\(b, w\), grads has dict\(w\)"),
    ],
)
def test_check_same_names_the_leaf(other, message):
    params = {"w": np.ones((2, 3)), "b": np.ones(3)}
    tree.check_same(params, {"w": np.zeros((2, 3)), "b": None}, ("params", "grads"))
    with pytest.raises(StructureError, match=message):
        tree.check_same(params, other, ("params", "grads"))


def test_params_come_out_of_init_in_c_order():
    def odd():
        def init(key, shape):
            transposed = np.ones((3, 2), np.float32)
            transposed.flags.writeable = False
            return transposed.T, np.broadcast_to(np.float32(1), (4,))

        return layers.layer(init, lambda params, x: (x, lambda dy: (params, dy)), shape=lambda shape: shape)

    for leaf in odd().init(rng.key(0), (3,)):
        assert leaf.flags.c_contiguous
        assert not leaf.flags.writeable


@pytest.mark.parametrize(
    "twin", [copy.deepcopy, lambda params: pickle.loads(pickle.dumps(params))], ids=["copy", "pickle"]
)
def test_what_was_copied_is_read_only_too(twin):
    params = layers.serial(layers.dense(2), layers.batch_norm()).init(rng.key(0), (3,))
    again = twin(params)
    assert tree.structure(again) == tree.structure(params)
    for leaf, old in zip(tree.leaves(again), tree.leaves(params), strict=True):
        assert not tree.array(leaf).flags.writeable
        assert np.array_equal(leaf, old)
