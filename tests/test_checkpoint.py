"""Checkpoints: exact round trips, clear misfits, and files that cannot lie."""

import errno
import json
import os
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fnnet import checkpoint, layers, optim, rng, training, tree
from fnnet.checkpoint.canonical import canonical_json
from fnnet.checkpoint.contents import content_digest
from fnnet.checkpoint.file import file_parts
from fnnet.errors import CheckpointError
from fnnet.tree import Frozen, Running
from tests.memory import at_most
from tests.training.cases import KEY, LOSS, NETS, SHAPE, contents, stream

DTYPES = [np.bool_, *(np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)), np.float16, np.float32]
DTYPES += [np.float64, np.complex64]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tree.safetensors"


class Pair(NamedTuple):
    first: object
    second: object


# Round trips

arrays = hnp.arrays(
    dtype=st.sampled_from(DTYPES), shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
)
arrays = arrays.flatmap(lambda array: st.sampled_from([array, array.T, array[..., ::-1] if array.ndim else array]))
keys = st.builds(
    rng.Key, st.integers(0, 2**64 - 1), st.lists(st.text() | st.integers(0, 2**64 - 1), max_size=3).map(tuple)
)
plain = st.one_of(
    arrays, st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(), keys
)
marked = plain | arrays.map(Running) | plain.map(Frozen) | arrays.map(Running).map(Frozen)
names = st.text(st.characters(exclude_characters=".", exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: name != "__metadata__"
)
trees = st.recursive(
    marked,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.builds(Pair, inner, inner),
        st.dictionaries(names, inner, max_size=3),
    ),
    max_leaves=8,
)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(whole=trees.filter(lambda whole: whole is not None))
def test_every_tree_comes_back_exactly(whole, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round.safetensors"
    checkpoint.save(path, whole)
    again = checkpoint.load(path, like=whole)
    assert contents(again) == contents(whole)
    flat = checkpoint.load(path)
    found = {place: tree.array(leaf) for place, leaf in tree.items(whole) if isinstance(tree.array(leaf), np.ndarray)}
    assert contents(flat) == contents(found)
    both = [*tree.leaves(again), *flat.values()]
    assert not any(tree.array(leaf).flags.writeable for leaf in both if isinstance(tree.array(leaf), np.ndarray))


@pytest.mark.parametrize("number", [0.0, -0.0, float("inf"), -float("inf"), float("nan"), 5e-324, 0.1, 1e300])
def test_floats_keep_their_bits(number, path):
    checkpoint.save(path, {"x": number, "y": np.array([number])})
    again = checkpoint.load(path, like={"x": 0.0, "y": np.zeros(1)})
    assert np.array([again["x"]]).tobytes() == again["y"].tobytes() == np.array([number]).tobytes()


@pytest.mark.parametrize("name", NETS)
def test_a_train_state_comes_back_exactly(name, path):
    net = NETS[name]
    optimizer = optim.adam(lambda count: 0.01 / (1 + count))
    start = training.init(net, optimizer, KEY, SHAPE)
    state, _ = training.fold(training.make_step(net, LOSS, optimizer), start, stream(8, 0, 4))
    checkpoint.save(path, state)
    again = checkpoint.load(path, like=start)
    assert contents(again) == contents(state) != contents(start)
    assert type(again) is training.TrainState
    assert type(again.step) is int
    assert again.key == KEY


def test_a_state_saved_under_an_older_name_comes_back(path):
    old, other = tree.record("Trace", ("velocity",)), tree.record("Trace", ("speed",))
    optimizer, params = optim.sgd(0.1, momentum=0.9), (np.zeros(2),)
    state = optimizer.init(params)
    checkpoint.save(path, (old((np.ones(2),)), state[1]))
    again = checkpoint.load(path, like=state)
    assert type(again[0]) is type(state[0])
    np.testing.assert_array_equal(again[0].velocity[0], [1.0, 1.0])
    assert type(checkpoint.load(path, like=(old((np.ones(2),)), state[1]))[0]) is old
    checkpoint.save(path, (other((np.ones(2),)), state[1]))
    with pytest.raises(CheckpointError, match=r"expected Momentum\(velocity\), got Trace\(speed\)"):
        checkpoint.load(path, like=state)


def test_marks_and_holes_survive(path):
    params = tree.hold(NETS["batch_norm"].init(KEY, SHAPE))
    checkpoint.save(path, params)
    again = checkpoint.load(path, like=params)
    assert tree.structure(again) == tree.structure(params)
    assert contents(tree.release(again)) == contents(tree.release(params))
    words = checkpoint.describe(path)
    assert words["batch_norm_0.mean"] == "frozen running array (2,) float32"
    assert words["conv2d_0"] == "Conv2d(weight, bias)"


def test_other_containers(path):
    whole = OrderedDict(b=np.ones(1), a=[OrderedDict()])
    checkpoint.save(path, whole)
    again = checkpoint.load(path, like=whole)
    assert type(again) is OrderedDict
    assert list(again) == ["b", "a"]


def test_equal_trees_make_equal_files(path, tmp_path):
    state = training.init(NETS["all"], optim.adam(0.1), KEY, SHAPE)
    other = tmp_path / "other"
    checkpoint.save(path, state, {"b": 1, "a": 2})
    checkpoint.save(other, state, {"a": 2, "b": 1})
    assert path.read_bytes() == other.read_bytes()


def test_other_readers_of_the_format_see_the_same_arrays(path):
    whole = {"a": np.arange(6.0).reshape(2, 3).T, "b": Running(np.ones((), np.int8)), "c": np.zeros((0, 2))}
    checkpoint.save(path, whole)
    theirs = safetensors.numpy.load_file(path)
    assert contents(theirs) == contents(checkpoint.load(path))


# Metadata


@pytest.mark.parametrize("metadata", [None, 3, "ä", {"epoch": 3, "lr": [0.1, None, {"x": True}]}, [], -0.0, 1e300])
def test_metadata_comes_back(metadata, path):
    checkpoint.save(path, (), metadata)
    again = checkpoint.read_metadata(path)
    assert again == metadata
    assert type(again) is type(metadata)


@pytest.mark.parametrize(
    "metadata", [(1, 2), {1: 2}, float("nan"), [float("inf")], {"x": np.float64(1)}, {"x": np.ones(1)}, {1}, b""]
)
def test_metadata_that_json_would_change(metadata, path):
    with pytest.raises(CheckpointError, match="not written: metadata: expected plain JSON"):
        checkpoint.save(path, (), metadata)
    assert not path.exists()


def test_metadata_without_end(path):
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(CheckpointError, match="not written: metadata: expected plain JSON"):
        checkpoint.save(path, (), deep)
    endless: list = []
    endless.append(endless)
    with pytest.raises(CheckpointError, match="not written: metadata: expected plain JSON, got Circular reference"):
        checkpoint.save(path, (), endless)


# What cannot be saved


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        ({"a": object()}, "a: expected an array, a Python number or string, a Key or None, got a object"),
        ({"a": np.float32(1)}, "a: expected an array, a Python number .*, got a float32; use leaf.item"),
        ({"a": 1j}, "a: expected an array, .*, got a complex"),
        (lambda: 0, "tree: expected an array, .*, got a function"),
        ({"a": np.ones(1, object)}, "a: expected float64, float32, .*, got object; cast it"),
        ({"a": Running(np.ones(1, np.complex128))}, "a: expected .*complex64, .*, got complex128; cast it"),
        ({"a": Running(np.ma.array([1.0]))}, "a: expected a plain array, got a MaskedArray; its mask would be"),
        ({"": np.ones(1)}, "tree: expected keys with at least one letter, got ''; rename it"),
        ({"a": np.array(["x"])}, "a: expected .*, got <U1; cast it"),
        ({"a": np.ones(1, ">f4")}, "a: expected .*, got >f4; cast it"),
        ({"a": np.ones(1, "M8[s]")}, "a: expected .*, got datetime64"),
        ({"a.b": 1, "a": {"b": 2}}, "a.b: expected one leaf or node with this path, got two; rename one"),
        ({1: 1, "1": 2}, "1: expected one leaf or node with this path, got two"),
        ({"__metadata__": np.ones(1)}, "__metadata__: expected another name"),
        ({"\ud800": np.ones(1)}, "surrogates not allowed"),
        (np.ones((1,) * 33), "expected at most 32 axes, got 33"),
        (1 << 2000, "tree: expected a whole number of at most 1024 bits, got one of 2001"),
    ],
)
def test_leaves_that_cannot_be_saved(whole, message, path):
    with pytest.raises(CheckpointError, match=f"tree.safetensors: not written: .*{message}"):
        checkpoint.save(path, whole)
    assert list(path.parent.iterdir()) == []


# What does not fit


def net_params(*parts):
    return layers.serial(*parts).init(KEY, (4,))


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (net_params(layers.dense(3), layers.tanh()), r"the top: expected Serial\(dense_0, tanh_0\), got Seri"),
        (net_params(layers.dense(3)), r"the top: expected Serial\(dense_0\), got Serial\(dense_0, relu_0\)"),
        (net_params(layers.dense(2), layers.relu()), r"dense_0.weight: expected array \(4, 2\) float32, got array \(4"),
        (tree.cast(net_params(layers.dense(3), layers.relu()), float), r"dense_0.weight: expected .* float64, got"),
        (net_params(layers.dense(3, bias=False), layers.relu()), r"dense_0: expected Dense\(weight\), got Dense\(w"),
        (tree.hold(net_params(layers.dense(3), layers.relu())), "dense_0.weight: expected frozen array .*, got array"),
        ({"dense_0": 1}, r"the top: expected dict\(dense_0\), got Serial\(dense_0, relu_0\)"),
        (7, r"the top: expected int, got Serial"),
        (net_params(layers.dense(3), layers.relu())._replace(relu_0=None), "relu_0: expected hole, got tuple of 0"),
        ((), r"the top: expected tuple of 0, got Serial"),
        ({"a": object()}, "like: a: expected an array, .*, got a object"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_does_not_fit_the_net(like, message, path):
    checkpoint.save(path, net_params(layers.dense(3), layers.relu()))
    with pytest.raises(CheckpointError, match=f"tree.safetensors: {message}"):
        checkpoint.load(path, like=like)


@pytest.mark.parametrize(
    ("saved", "like"),
    [(1, 1.0), (1.0, 1), (True, 1), ("1", 1), (rng.key(1), 1), (None, 1), (Running(np.ones(1)), np.ones(1))],
)
def test_kinds_are_not_converted(saved, like, path):
    checkpoint.save(path, [saved])
    with pytest.raises(CheckpointError, match=r"0: expected .*, got .*; load it into what it was saved from"):
        checkpoint.load(path, like=[like])


def test_like_gives_no_values(path):
    checkpoint.save(path, {"n": 3, "k": rng.fold_in(KEY, "x"), "s": "a", "b": True, "f": 0.5})
    like = {"n": 0, "k": rng.key(0), "s": "", "b": False, "f": 0.0}
    assert checkpoint.load(path, like) == {"n": 3, "k": rng.fold_in(KEY, "x"), "s": "a", "b": True, "f": 0.5}


# Damaged files


@pytest.fixture(scope="module")
def whole():
    return {
        "weight": np.arange(4, dtype=np.float32).reshape(2, 2),
        "bias": Running(np.ones(2, np.int8)),
        "flags": np.array([True]),
        "count": 7,
        "rate": 0.5,
        "key": rng.fold_in(rng.key(3), "init"),
        "hole": None,
    }


@pytest.fixture(scope="module")
def good(whole, tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "good.safetensors"
    checkpoint.save(path, whole, {"epoch": 3})
    return path.read_bytes()


def rejected(path, data, message=r"\S", like=None):
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=message) as caught:
        checkpoint.load(path, like=like)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def accepted(path, data):
    path.write_bytes(data)
    try:
        checkpoint.load(path)
    except CheckpointError:
        return False
    return True


def test_every_flipped_bit_is_found(good, path):
    assert accepted(path, good)
    for i in range(8 * len(good)):
        data = bytearray(good)
        data[i // 8] ^= 1 << i % 8
        assert not accepted(path, data), f"bit {i}"


def test_every_truncation_is_found(good, path):
    assert not any(accepted(path, good[:n]) for n in range(len(good)))


@pytest.mark.parametrize("more", [b"\0", b"{}", b" " * 100])
def test_every_extension_is_found(more, good, path):
    rejected(path, good + more, r"file: expected 19 bytes of arrays, got \d+; it is truncated or extended")


def test_messages_name_offset_and_field(good, path):
    assert "expected a header of at most 0 bytes, got a file of 3 bytes" in rejected(path, good[:3])
    length = 2**63
    message = rejected(path, length.to_bytes(8, "little") + good[8:])
    assert f"got {length} at offset 0; it is truncated or no checkpoint" in message
    position = good.index(b"weight")
    spoilt = good[:position] + b"\xff" + good[position + 1 :]
    assert f"header: expected UTF-8, got another byte at offset {position}" in rejected(path, spoilt)
    assert "header at offset 8: expected JSON" in rejected(path, good.replace(b'"dtype":"F32"', b'"dtype" "F32"'))
    flipped = bytearray(good)
    flipped[-1] ^= 1  # of "flags", the least aligned
    assert "digest: expected" in rejected(path, bytes(flipped)) or "boolean at offset" in rejected(path, bytes(flipped))


def header_of(data):
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def file_of(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def with_array(**changes):
    """An edit of the header that changes fields of `weight`."""

    def edit(header):
        header["weight"] = {**header["weight"], **changes}

    return edit


def signed(header, arrays):
    """Write the right digest, as someone would who wants to deceive; only what is in the file is checked then."""
    body = json.loads(header["__metadata__"]["fnnet"])
    del body["digest"]
    body = {**body, "digest": content_digest(body, arrays)}
    header["__metadata__"]["fnnet"] = canonical_json(body)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (with_array(dtype="F64"), r"'weight': data_offsets: expected 32 bytes for \[2, 2\] of F64, got \[0, 16\]"),
        (with_array(dtype="BF16"), "'weight': dtype: expected one of .*, BOOL, got 'BF16'"),
        (with_array(dtype=["F32"]), "'weight': dtype: expected one of .*BOOL"),
        (with_array(dtype="I32"), "digest: expected [0-9a-f]{32}, got [0-9a-f]{32}; the file is damaged"),
        (with_array(shape=[4]), "digest: expected"),
        (with_array(shape=[2, 3]), r"'weight': data_offsets: expected 24 bytes for \[2, 3\] of F32, got \[0, 16\]"),
        (with_array(shape=[-2, -2]), r"'weight': shape: expected whole numbers below 2\*\*62, got \[-2, -2\]"),
        (with_array(shape=[True, 4]), r"'weight': shape: expected whole numbers"),
        (with_array(shape=[2.0, 2]), r"'weight': shape: expected whole numbers"),
        (with_array(shape=4), r"'weight': shape: expected whole numbers"),
        (with_array(shape=[2**61, 2**61]), "'weight': shape: expected at most 32 axes of a sane size"),
        (with_array(shape=[0, 2**61]), "'weight': shape: expected at most 32 axes of a sane size"),
        (with_array(shape=[1] * 40), "'weight': shape: expected at most 32 axes"),
        (with_array(data_offsets=[4, 20]), r"'weight': data_offsets: expected a begin of \d+, got 4"),
        (with_array(data_offsets=[16, 0]), r"'weight': data_offsets: expected 16 bytes for \[2, 2\] of F32"),
        (with_array(data_offsets=[0]), "'weight': data_offsets: expected 16 bytes"),
        (with_array(data_offsets=[2**60, 2**60 + 16]), r"data_offsets: expected a begin of 0, got 16"),
        (with_array(more=1), "'weight': expected dtype, shape and data_offsets"),
        (lambda header: header.update(weight=1), "'weight': expected dtype, shape and data_offsets, got 1"),
        (lambda header: header.pop("weight"), r"data_offsets: expected a begin of 0, got 16"),
        (lambda header: header.update(other=header.pop("weight")), "digest: expected"),
        (lambda header: header.pop("__metadata__"), "__metadata__: expected the one entry 'fnnet', got None; read a"),
        (lambda header: header["__metadata__"].update(x="y"), "__metadata__: expected the one entry 'fnnet'"),
        (lambda header: header["__metadata__"].update(fnnet={}), "__metadata__: expected the one entry 'fnnet'"),
        (lambda header: header["__metadata__"].update(fnnet="[1"), "metadata: expected JSON, got"),
        (lambda header: header["__metadata__"].update(fnnet="[1]"), "metadata: expected digest, format, metadata and"),
        (lambda header: header["__metadata__"].update(fnnet="[" * 10**5), "metadata: expected JSON, got"),
    ],
)  # fmt: skip
def test_headers_that_lie(edit, message, good, path):
    header, data = header_of(good)
    edit(header)
    rejected(path, file_of(header, data), message)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda body: body.update(format=2), "format: expected 1, got 2; use the fnnet that wrote it"),
        (lambda body: body.pop("tree"), "metadata: expected digest, format, metadata and tree"),
        (lambda body: body.update(tree={}), r"tree: expected a list of rows, got \{\}"),
        (lambda body: body["tree"].append(3), "tree: expected rows of path, word and value, got 3"),
        (lambda body: body["tree"].append(["x", "array", 1]), "tree: expected rows of path, word and value"),
        (lambda body: body["tree"].append(["x", "int"]), "tree: expected rows of path, word and value"),
        (lambda body: body["tree"].append(["x", "int", 1.5]), "tree: expected rows of path, word and value"),
        (lambda body: body["tree"].append(["x", "int", True]), "tree: expected rows of path, word and value"),
        (lambda body: body["tree"].append(["x", "float", 1]), "tree: expected rows of path, word and value"),
        (lambda body: body["tree"].append(["x", "float", "1"]), "tree: expected rows of path, word and value"),
        (lambda body: body["tree"].append(["x", "key", [-1, []]]), "tree: expected rows of path, word and value"),
        (lambda body: body["tree"].append(["x", "key", [1, [0.5]]]), "tree: expected rows of path, word and value"),
        (lambda body: body["tree"].append(["x", "key", "ab"]), "tree: expected rows of path, word and value"),
        (lambda body: body["tree"].append(["x", "array"]), "arrays: expected those of the tree, got others: 'x'"),
        (lambda body: body["tree"].append(["weight", "array"]), "tree: expected every path once, got 'weight' twice"),
        (lambda body: body["tree"].append(["x", "gilded hole"]), "tree: expected rows of path, word and value"),
        (lambda body: body["tree"].pop(), "arrays: expected those of the tree, got others: 'weight'"),
        (lambda body: body["tree"].append(["x", "int", 1]), "tree: expected 8 rows, got 9"),
        (lambda body: body["tree"].pop(2), "count: expected int, got"),
    ],
)  # fmt: skip
def test_metadata_that_lies_with_a_right_digest(edit, message, whole, good, path):
    header, data = header_of(good)
    path.write_bytes(good)
    arrays = checkpoint.load(path)
    body = json.loads(header["__metadata__"]["fnnet"])
    edit(body)
    header["__metadata__"]["fnnet"] = json.dumps(body)
    signed(header, arrays)
    rejected(path, file_of(header, data), message, like=whole)


def test_a_name_twice(good, path):
    header, data = header_of(good)
    text = json.dumps(header).encode()
    weight = json.dumps({"weight": header["weight"]}).encode()[1:-1]
    rejected(path, file_of(text[:-1] + b", " + weight + b"}", data), "expected JSON, got a name stands there twice")


@pytest.mark.parametrize(
    "text", [b"[" * 100_000, b'{"a":' * 100_000, b"", b"null", b"[]", b"{}x", b'{"a": NaN}', b'\n{"a":1}']
)
def test_headers_that_are_no_objects(text, path):
    rejected(path, file_of(text, b""), "header at offset 8: expected|__metadata__: expected the one entry")


def test_another_spelling_of_the_metadata(good, path):
    header, data = header_of(good)
    header["__metadata__"]["fnnet"] += " "
    rejected(path, file_of(header, data), "metadata: expected canonical JSON, got another spelling of it")


def test_a_boolean_that_is_neither(good, whole, path):
    header, data = header_of(good)
    begin = header["flags"]["data_offsets"][0]
    data = data[:begin] + b"\x02" + data[begin + 1 :]
    rejected(path, file_of(header, data), r"boolean at offset \d+ and on: expected 0 or 1, got another byte")


def test_nothing_large_is_allocated_for_a_small_file(good, path):
    header, data = header_of(good)
    header["weight"]["shape"], header["weight"]["data_offsets"] = [2**28], [0, 2**30]
    path.write_bytes(file_of(header, data))
    claims = 2**40
    with at_most(2**20):
        with pytest.raises(CheckpointError, match="data_offsets"):
            checkpoint.load(path)
        rejected(path, claims.to_bytes(8, "little") + good[8:], "it is truncated or no checkpoint")


def test_a_file_of_another_library(path):
    safetensors.numpy.save_file({"a": np.ones(1)}, path)
    with pytest.raises(CheckpointError, match=r"got None; read a safetensors file of another library with safetensors"):
        checkpoint.load(path)


@settings(derandomize=True, deadline=None, max_examples=250)
@given(data=st.data())
def test_mutated_files_raise_our_own_error(data, good, whole, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "mutated.safetensors"
    spoilt = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(spoilt)))
        cut = data.draw(st.sampled_from([0, 0, 1, 1, 5]))
        spoilt[at : at + cut] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"[", b"]", b'"', b"9" * 30, b"-", b"e9"])
        )
    if bytes(spoilt) != good:
        rejected(path, bytes(spoilt), like=data.draw(st.sampled_from([None, whole])))


# Writing is all or nothing


def failing(monkeypatch, name, error):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(os, name, fail)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_disk_that_refuses_keeps_the_old_file(name, code, path, good, monkeypatch):
    path.write_bytes(good)
    failing(monkeypatch, name, OSError(code, os.strerror(code)))
    message = f"not written, the file before is untouched: {os.strerror(code)}$"
    with pytest.raises(CheckpointError, match=message):
        checkpoint.save(path, {"other": 1})
    assert path.read_bytes() == good
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file(path, good, monkeypatch):
    path.write_bytes(good)
    failing(monkeypatch, "fsync", KeyboardInterrupt("now"))
    with pytest.raises(KeyboardInterrupt, match="now"):
        checkpoint.save(path, {"other": 1})
    assert path.read_bytes() == good
    assert list(path.parent.iterdir()) == [path]


def test_a_disk_that_forgets(path, good, monkeypatch):
    path.write_bytes(good)
    write = Path.open

    class Lossy:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, data):
            lost = bytes(data) if len(data) != 24 else bytes([*data[:-1], data[-1] ^ 1])  # of the array
            return self.file.write(lost)

        def __getattr__(self, name):
            return getattr(self.file, name)

    monkeypatch.setattr(
        Path, "open", lambda self, mode="r": Lossy(write(self, mode)) if mode == "wb" else write(self, mode)
    )
    with pytest.raises(CheckpointError, match="not written, what came to the disk reads back as digest: expected"):
        checkpoint.save(path, {"a": np.ones(3)})
    assert path.read_bytes() == good


def test_folders_that_are_not_there(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone.x: not written, .*: No such file or directory"):
        checkpoint.save(tmp_path / "gone" / "x", ())
    with pytest.raises(CheckpointError, match="gone: cannot be read: No such file or directory"):
        checkpoint.load(tmp_path / "gone")
    with pytest.raises(CheckpointError, match="cannot be read: Is a directory"):
        checkpoint.read_metadata(tmp_path)
    with pytest.raises(CheckpointError, match=r"not written, .*: Is a directory"):
        checkpoint.save(tmp_path, ())


def test_the_file_is_on_the_disk_before_it_has_its_name(path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (calls.append(name), real(*a)))
    checkpoint.save(path, ())
    assert calls == ["fsync", "replace", "fsync"]  # of the file, and of the folder with its new name


# The layout, with the library of its name as the oracle


SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters=".", exclude_categories=["Cs"]), min_size=1, max_size=5),
        st.sampled_from(DTYPES).flatmap(
            lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
        ),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_files_are_those_of_the_library(arrays, turned):
    """To the byte, in whatever order elements lie in memory."""
    given_arrays = {name: np.asfortranarray(array) if turned else array for name, array in arrays.items()}
    given_arrays.pop("__metadata__", None)
    text = canonical_json({"any": "ä\n"})
    ours = b"".join(file_parts(given_arrays, text))
    plain = {name: np.ascontiguousarray(array) if array.ndim else array for name, array in given_arrays.items()}
    assert ours == safetensors.numpy.save(plain, metadata={"fnnet": text})


def test_saving_copies_no_more_than_an_array(path):
    """Of 40 MB in eight arrays, one of them not contiguous; before, the file was held whole, twice."""
    whole = {f"a{i}": np.ones((1250, 500)) for i in range(8)}
    whole["a0"] = np.ones((500, 1250)).T
    with at_most(1.3 * whole["a0"].nbytes):
        checkpoint.save(path, whole)
