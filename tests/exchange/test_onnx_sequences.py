"""Ids and sequences as other libraries write them as ONNX: tables, tokens, recurrent nets; and what is refused."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install 'fnnet[onnx]'")

from onnx import TensorProto, helper  # noqa: E402

from fnnet import layers, rng, tree  # noqa: E402
from fnnet.arrays import Discrete  # noqa: E402
from fnnet.errors import FormatError  # noqa: E402
from fnnet.exchange import from_onnx, to_onnx  # noqa: E402
from tests.exchange.test_onnx import as_onnxruntime, model_of  # noqa: E402

node, T, D, N = helper.make_node, 4, 3, 2
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
MORE = {"GRU": {"linear_before_reset": 1}}


def arrays(kind, ways):
    """W, R, B with two biases, and states of zeros for a batch of five."""
    rows = GATES[kind] * N
    sizes = {"w": (ways, rows, D), "r": (ways, rows, N), "b": (ways, 2 * rows)}
    found = {name: rng.normal(rng.fold_in(rng.key(7), name), size) for name, size in sizes.items()}
    return found | {"h": np.zeros((ways, 5, N), np.float32)}


def sequences(kind, ways, behind, inputs=("t", "w", "r", "b", "", "h"), **own):
    """A recurrent node with a transpose in front and `behind`."""
    squashes = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}[kind] * ways
    own = MORE.get(kind, {}) | {"activations": squashes} | own
    own = {"hidden_size": N, "direction": "bidirectional" if ways == 2 else "forward"} | own
    states = ["h"] if kind == "LSTM" and "h" in inputs else []
    core = node(kind, [*inputs, *states], ["v"], name="core", **own)
    return [node("Transpose", ["x"], ["t"], perm=[1, 0, 2]), core, *behind]


ALONE = [node("Squeeze", ["v", "one"], ["s"]), node("Transpose", ["s"], ["y"], perm=[1, 0, 2])]
HALVES = [
    node("Transpose", ["v"], ["m"], perm=[0, 2, 1, 3]),
    node("Reshape", ["m", "together"], ["s"]),
    node("Transpose", ["s"], ["y"], perm=[1, 0, 2]),
]
CONSTANTS = {"one": np.array([1]), "together": np.array([0, 0, -1])}


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("ways", [1, 2])
def test_recurrent_nets_as_pytorch_writes_them(kind, ways):
    """Two biases, zero states, both directions with their halves put together while time is in front."""
    nodes = sequences(kind, ways, ALONE if ways == 1 else HALVES)
    model = model_of(nodes, CONSTANTS | arrays(kind, ways), shape=(5, T, D))
    net, params, _ = from_onnx(model)
    core = getattr(layers, kind.lower())(N)
    assert net in (layers.serial(core), layers.bidirectional(core))
    x = rng.normal(rng.key(0), (5, T, D))
    np.testing.assert_allclose(net.apply(params, x)[0], as_onnxruntime(model, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "own", "message"),
    [
        ("GRU", {"linear_before_reset": 0}, "GRU 'core': linear_before_reset: expected 1, the reset gate behind"),
        ("LSTM", {"clip": 1.0}, "LSTM 'core': clip: expected none, got 1.0"),
        ("LSTM", {"input_forget": 1}, "LSTM 'core': input_forget: expected 0, got 1"),
        ("RNN", {"activations": ["Relu"]}, "RNN 'core': activations: expected"),
        ("RNN", {"direction": "reverse"}, "RNN 'core': direction: expected forward or bidirectional, got reverse"),
        ("GRU", {"inputs": ("t", "w", "r", "b", "", "g")}, "expected"),  # a state that is not zero
    ],
)
def test_recurrent_nets_that_no_layer_is(kind, own, message):
    nodes = sequences(kind, 1, ALONE, **own)
    constants = CONSTANTS | arrays(kind, 1) | {"g": np.ones((1, 5, N), np.float32)}
    with pytest.raises(FormatError, match=message):
        from_onnx(model_of(nodes, constants, shape=(5, T, D)))


def test_a_recurrent_net_with_time_in_front_is_refused():
    nodes = [node("LSTM", ["x", "w", "r"], ["y"], name="core", hidden_size=N)]
    with pytest.raises(FormatError, match="LSTM 'core': input 0: expected sequences"):
        from_onnx(model_of(nodes, arrays("LSTM", 1), shape=("N", T, D)))


def test_tokens_that_are_expanded_to_the_batch():
    """As a class token is put in front of patches."""
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Unsqueeze", ["n", "zeros"], ["u"]),
        node("Concat", ["u", "rest"], ["shape"], axis=0),
        node("Expand", ["token", "shape"], ["e"]),
        node("Concat", ["e", "x"], ["c"], axis=1),
        node("Add", ["c", "table"], ["p"]),
        node("Gather", ["p", "zero"], ["y"], axis=1),
    ]
    constants = {
        "zero": np.array(0),
        "zeros": np.array([0]),
        "rest": np.array([1, D]),
        "token": rng.normal(rng.key(1), (1, 1, D)),
        "table": rng.normal(rng.key(2), (1, T + 1, D)),
    }
    model = model_of(nodes, constants, shape=("N", T, D))
    net, params, _ = from_onnx(model)
    first = layers.serial(layers.take([0], axis=1), layers.reshape((D,)))
    assert net == layers.serial(layers.learned_tokens(1), layers.learned_positions(), first)
    x = rng.normal(rng.key(0), (5, T, D))
    np.testing.assert_allclose(net.apply(params, x)[0], as_onnxruntime(model, x), rtol=1e-6)
    nodes[5].input[:] = ["x", "e"]
    with pytest.raises(FormatError, match="Concat 'c': expected the example as its second input, behind a constant"):
        from_onnx(model_of(nodes, constants, shape=("N", T, D)))


def ids_of(nodes, constants, shape=("N", T)):
    model = model_of(nodes, constants, shape)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    return model


def test_rows_of_a_table():
    table = rng.normal(rng.key(0), (5, D))
    net, params, shape = from_onnx(ids_of([node("Gather", ["table", "x"], ["y"])], {"table": table}))
    assert (net, shape) == (layers.serial(layers.embedding(5, D)), Discrete((T,)))
    np.testing.assert_array_equal(params.embedding_0.weight, table)
    with pytest.raises(FormatError, match="input 1: expected whole numbers, by which rows"):
        from_onnx(model_of([node("Gather", ["table", "x"], ["y"])], {"table": table}))
    with pytest.raises(FormatError, match="input: expected floats, got whole numbers"):
        from_onnx(ids_of([node("Gather", ["x", "i"], ["y"], axis=1)], {"i": np.array([0])}))


NET = layers.serial(layers.attention(2), layers.mean_over())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attention_0.scale", np.float32(0.3)),
        ("attention_0.value.apart_shape", np.array([0, 0, 1, 2, 2])),
        ("attention_0.query.apart_shape", np.array([0, 0, 4, 1, 1])),
    ],
)
def test_attention_of_another_kind_is_refused(name, value):
    """The nodes of an attention are looked at, all of them, and not their names."""
    model = to_onnx(NET, NET.init(rng.key(0), (T, 4)), (T, 4))
    assert from_onnx(model).net == NET
    for i, constant in enumerate(model.graph.initializer):
        if constant.name == name:
            model.graph.initializer[i].CopyFrom(onnx.numpy_helper.from_array(value, name))
    with pytest.raises(FormatError, match="expected"):
        from_onnx(model)


def test_the_base_of_a_cell_may_be_of_any_layers():
    """A loop holds what the cell is made of, and is computed by others as here."""
    cell = layers.graph(
        lambda net, s, x: (net.out(net.both(s, x)), net.act(net.both(s, x))),
        both=layers.concatenate(),
        out=layers.serial(layers.dense(2), layers.tanh()),
        act=layers.gelu(),
    )
    net, shape = layers.scan(cell), ((2,), (T, D), Discrete(()))
    params = net.init(rng.key(0), shape)
    x = rng.normal(rng.key(1), (5, 2)), rng.normal(rng.key(2), (5, T, D)), np.array([1, 4, 2, 3, 4])
    model = to_onnx(net, params, shape)
    (s, ys), _ = net.apply(params, x)
    for got, want in zip(as_onnxruntime(model, x), (s, ys), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert [n.op_type for n in model.graph.node].count("Scan") == 1
    assert len(tree.leaves(params)) == 2
