"""ONNX both ways: every layer against onnxruntime, back again, and what cannot be said is told."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install 'fnnet[onnx]'")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from experiments.commands import onnx_suite  # noqa: E402
from fnnet import layers, losses, optim, recipe, rng, training, tree  # noqa: E402
from fnnet.arrays import Discrete, each, flat, shape_of  # noqa: E402
from fnnet.errors import ConfigError, FnnetError, FormatError  # noqa: E402
from fnnet.exchange import from_onnx, to_onnx  # noqa: E402
from tests.exchange.test_one_file import ROWS  # noqa: E402
from tests.memory import at_most  # noqa: E402


def as_onnxruntime(model, x):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [item.name for item in model.graph.input]
    values = session.run(None, dict(zip(names, flat(x), strict=True)))
    return values[0] if len(values) == 1 else values


ONE_WAY = {  # what no net of layers says, and rows or factories that are written as it: not read back
    "a maximum along an axis": ["maxout", "adaptive_max_pool uneven"],
    "a mean of each of several regions": ["adaptive_avg_pool uneven"],
    "a product of two values with a weight": ["bilinear"],
    "the length of a vector": ["cosine_similarity"],
    "a sum along an axis": ["mixture"],
    "a minus": ["log_sigmoid", "tanh_shrink", "softmin"],
    "a comparison": ["threshold replacing"],
    "angles, of which a table does not tell the base": [
        *("attention causal turned", "transformer_decoder_layer post masked")
    ],
    "steps that become examples": ["per_step of statistics", "per_step of tuples"],
    "a loop": ["scan"],
    "places of maxima": ["max_pool places", "max_unpool"],
    "a state beside sequences": [
        *("rnn state", "lstm state", "gru state", "rnn_cell", "lstm_cell", "gru_cell"),
    ],
    "arithmetic with lengths": ["reverse lengths", "last lengths", "mean_over lengths", "mean_over mask"],
}
ALL_ONE_WAY = {name for names in ONE_WAY.values() for name in names}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_layer_there_and_back(row):
    net = row.make()
    params, x = net.init(rng.key(2), row.shape), row.batch(rng.key(3), 5)
    model = to_onnx(net, params, row.shape)
    y, _ = net.apply(params, x)
    made = as_onnxruntime(model, each(lambda array: array if array.dtype == np.float32 else array.astype(np.int64), x))
    for got, want in zip(made if isinstance(made, list) else [made], flat(y), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    if ALL_ONE_WAY & {row.name, row.covers}:
        with pytest.raises(FormatError, match=r": expected |its nodes do not fit each other"):
            from_onnx(model)
        return
    again, weights, shape = from_onnx(model.SerializeToString())
    inputs = tuple(flat(x))
    assert shape == (shape_of(x) if len(inputs) == 1 else shape_of(inputs))
    for got, want in zip(
        flat(again.apply(weights, inputs[0] if len(inputs) == 1 else inputs)[0]), flat(y), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def test_what_is_written_only_is_there():
    """No name above is of nothing."""
    assert not ALL_ONE_WAY - {name for row in ROWS for name in (row.name, row.covers)}


NET = layers.serial(
    layers.conv2d(4, 3, padding="same", stride=2),
    layers.batch_norm(),
    layers.residual(layers.serial(layers.conv2d(4, 3, padding=1), layers.relu())),
    layers.parallel(layers.max_pool(2), layers.avg_pool(2), combine="concatenate"),
    layers.flatten(),
    layers.named("head", layers.serial(layers.dense(5), layers.silu(), layers.dropout(0.5), layers.dense(2))),
)
SHAPE = (2, 9, 9)


def test_a_reader_sees_the_net_in_order():
    model = to_onnx(NET, NET.init(rng.key(0), SHAPE), SHAPE)
    names = [node.name for node in model.graph.node]
    assert names[:3] == ["conv2d_0", "batch_norm_0", "residual_0.body.conv2d_0"]
    assert names[-1] == "head_0.dense_1"
    assert {item.name for item in model.graph.initializer} >= {"conv2d_0.weight", "head_0.dense_1.bias"}
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    assert batch.dim_param
    assert [node.output[0] for node in model.graph.node][-1] == model.graph.output[0].name == "y"


def test_what_is_read_is_the_same_net():
    """But for names, and dropouts, which are nothing in evaluation."""
    net = layers.serial(layers.conv2d(3, 3), layers.relu(), layers.max_pool(2), layers.flatten(), layers.dense(4))
    params = net.init(rng.key(1), (1, 8, 8))
    read = from_onnx(to_onnx(net, params, (1, 8, 8)))
    assert recipe.to_json(read.net) == recipe.to_json(
        layers.serial(
            layers.conv2d(3, (3, 3), stride=(1, 1), padding=(0, 0)), layers.relu(),
            layers.max_pool((2, 2), (2, 2), padding=(0, 0)),
            layers.flatten(), layers.dense(4),
        )
    )  # fmt: skip
    for one, other in zip(tree.leaves(read.params), tree.leaves(params), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_imported_net_trains_and_is_exported_again():
    net, params, shape = from_onnx(to_onnx(NET, NET.init(rng.key(0), SHAPE), SHAPE))
    optimizer = optim.adam(0.01)
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
    state = training.init(net, optimizer, rng.key(1), shape)._replace(params=params, opt_state=optimizer.init(params))
    x, labels = rng.normal(rng.key(2), (16, *shape)), np.arange(16) % 2
    state, history = training.fold(step, state, [(x, labels)] * 30)
    assert history[-1]["loss"] < 0.2 * history[0]["loss"]
    model = to_onnx(net, state.params, shape)
    np.testing.assert_allclose(as_onnxruntime(model, x), net.apply(state.params, x)[0], rtol=1e-4, atol=1e-4)


def test_float64_stays_float64():
    net = layers.serial(layers.dense(3), layers.tanh())
    params = tree.cast(net.init(rng.key(0), (2,)), np.float64)
    model = to_onnx(net, params, (2,))
    assert model.graph.input[0].type.tensor_type.elem_type == TensorProto.DOUBLE
    assert from_onnx(model).params.dense_0.weight.dtype == np.float64


@recipe.factory
def doubled():
    return layers.layer(lambda key, shape: (), lambda params, x: (2 * x, lambda dy: ((), 2 * dy)))


def test_own_layers_bring_their_nodes():
    net = layers.serial(layers.dense(2), doubled())
    params, x = net.init(rng.key(0), (3,)), rng.normal(rng.key(1), (4, 3))
    with pytest.raises(ConfigError, match=r"doubled_0: expected one of the layers .*; say with own="):
        to_onnx(net, params, (3,))
    model = to_onnx(net, params, (3,), own={doubled: lambda x, here: here.node("Add", [x, x])})
    np.testing.assert_allclose(as_onnxruntime(model, x), net.apply(params, x)[0], rtol=1e-6)
    gelu = layers.gelu()
    with pytest.raises(ConfigError, match="opset 13: the checker of ONNX says"):
        to_onnx(gelu, (), (3,), opset=13)


# Models of others


def model_of(nodes, constants=(), shape=("N", 3), opset=20, outputs=("y",)):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in dict(constants).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


W, B = np.arange(6, dtype=np.float32).reshape(3, 2), np.array([1, -1], np.float32)
node = helper.make_node


@pytest.mark.parametrize(
    ("nodes", "constants", "want"),
    [
        ([node("Gemm", ["x", "w", "b"], ["y"], alpha=2.0, beta=0.5)], {"w": W, "b": B}, lambda x: 2 * x @ W + 0.5 * B),
        ([node("Gemm", ["x", "w"], ["y"], transB=1)], {"w": W.T.copy()}, lambda x: x @ W),
        ([node("MatMul", ["x", "w"], ["m"]), node("Add", ["b", "m"], ["y"])], {"w": W, "b": B}, lambda x: x @ W + B),
        ([node("MatMul", ["x", "w"], ["m"]), node("Mul", ["m", "b"], ["y"])], {"w": W, "b": B}, lambda x: x @ W * B),
        (
            [node("Identity", ["w"], ["v"]), node("Dropout", ["x"], ["d"]), node("MatMul", ["d", "v"], ["y"])],
            {"w": W},
            lambda x: x @ W,
        ),
        ([node("HardSigmoid", ["x"], ["y"])], {}, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
        ([node("Celu", ["x"], ["y"])], {}, lambda x: np.where(x > 0, x, np.expm1(x))),
        ([node("ThresholdedRelu", ["x"], ["y"])], {}, lambda x: np.where(x > 1, x, 0)),
        (
            [node("Clip", ["x", "low", "high"], ["y"])],
            {"low": np.float32(-0.5), "high": np.float32(0.25)},
            lambda x: np.clip(x, -0.5, 0.25),
        ),
        ([node("Clip", ["x", "low"], ["y"])], {"low": np.float32(0)}, lambda x: np.maximum(x, 0)),
        ([node("Sigmoid", ["x"], ["s"]), node("Mul", ["x", "s"], ["y"])], {}, lambda x: x / (1 + np.exp(-x))),
        (
            [node("Relu", ["x"], ["a"]), node("Tanh", ["x"], ["b"]), node("Sum", ["a", "b", "x"], ["y"])],
            {},
            lambda x: np.maximum(x, 0) + np.tanh(x) + x,
        ),
        (
            [node("Constant", [], ["w"], value=numpy_helper.from_array(W)), node("MatMul", ["x", "w"], ["y"])],
            {},
            lambda x: x @ W,
        ),
    ],
)
def test_models_as_others_write_them(nodes, constants, want):
    net, params, shape = from_onnx(model_of(nodes, constants))
    assert shape == (3,)
    x = rng.normal(rng.key(0), (4, 3))
    np.testing.assert_allclose(net.apply(params, x)[0], want(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch", ["N", 4])
def test_a_shape_that_is_computed(batch):
    """As older exporters write a flatten: the batch axis is looked up, and put in front of a product."""
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"], axis=0),
        node("Unsqueeze", ["n"], ["u"], axes=[0]),
        node("Concat", ["u", "rest"], ["shape"], axis=0),
        node("Reshape", ["x", "shape"], ["y"]),
    ]
    constants = {"zero": np.int64(0), "rest": np.array([-1 if batch == 4 else 12], np.int64)}
    net, params, _ = from_onnx(model_of(nodes, constants, shape=(batch, 3, 2, 2), opset=11))
    assert net == layers.serial(layers.flatten())
    assert net.apply(params, np.ones((4, 3, 2, 2), np.float32))[0].shape == (4, 12)


def test_decimals_are_the_shortest():
    params = {"a": np.ones(3, np.float32)}
    model = model_of([node("BatchNormalization", ["x", "a", "a", "a", "a"], ["y"], epsilon=9.99e-6)], params)
    assert from_onnx(model).net == layers.serial(layers.batch_norm(eps=9.99e-6))


K, IMAGE = np.ones((2, 3, 2, 2), np.float32), (1, 3, 6, 6)


@pytest.mark.parametrize(
    ("pads", "auto", "padding"),
    [
        ([1, 1, 1, 1], None, (1, 1)),
        ([0, 0, 1, 1], None, "same"),
        ([0, 1, 1, 0], None, ((0, 1), (1, 0))),
        (None, "SAME_UPPER", "same"),
        (None, "SAME_LOWER", ((1, 0), (1, 0))),
        (None, "VALID", (0, 0)),
    ],
)
def test_paddings(pads, auto, padding):
    options = {} if pads is None else {"pads": pads}
    options |= {} if auto is None else {"auto_pad": auto}
    model = model_of([node("Conv", ["x", "k"], ["y"], **options)], {"k": K}, shape=("N", 3, 6, 6))
    assert from_onnx(model).net == layers.serial(layers.conv2d(2, (2, 2), stride=(1, 1), padding=padding, bias=False))


PADS = {"k": K, "p": np.array([0, 0, 1, 0, 0, 0, 0, 2], np.int64)}


@pytest.mark.parametrize(
    ("mode", "own", "options"),
    [
        ("reflect", {}, {"padding": ((1, 0), (0, 2)), "padding_mode": "reflect"}),
        ("edge", {"auto_pad": "VALID"}, {"padding": ((1, 0), (0, 2)), "padding_mode": "replicate"}),
        ("wrap", {"strides": [1, 1]}, {"padding": ((1, 0), (0, 2)), "padding_mode": "circular"}),
        ("constant", {"pads": [0, 0, 1, 0]}, {"padding": ((1, 1), (0, 2))}),
    ],
)
def test_a_pad_in_front_of_a_convolution_is_its_padding(mode, own, options):
    nodes = [node("Pad", ["x", "p"], ["b"], mode=mode), node("Conv", ["b", "k"], ["y"], name="c", **own)]
    net, params, _ = from_onnx(model_of(nodes, PADS, shape=("N", 3, 6, 6)))
    assert net == layers.serial(layers.conv2d(2, (2, 2), stride=(1, 1), bias=False, **options))
    x = rng.normal(rng.key(0), (2, 3, 6, 6))
    want = as_onnxruntime(model_of(nodes, PADS, shape=("N", 3, 6, 6)), x)
    np.testing.assert_allclose(net.apply(params, x)[0], want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("pad", "rest", "names"),
    [
        ({"mode": "reflect"}, [node("Conv", ["b", "k"], ["y"], pads=[1, 0, 0, 0])], ["pad_0", "conv2d_0"]),
        ({"mode": "edge"}, [node("Conv", ["b", "k"], ["y"], auto_pad="SAME_UPPER")], ["pad_0", "conv2d_0"]),
        (
            {"mode": "edge"},
            [node("Conv", ["b", "k"], ["y"]), node("Tanh", ["b"], ["z"])],
            ["pad_0", "conv2d_0", "tanh_0"],
        ),
    ],
)
def test_a_pad_that_is_more_is_a_layer(pad, rest, names):
    """It stands in front of other padding, or something else reads it too."""
    outputs = ("y", "z")[: len(rest)]
    model = model_of([node("Pad", ["x", "p"], ["b"], **pad), *rest], PADS, ("N", 3, 6, 6), outputs=outputs)
    net, params, _ = from_onnx(model)
    assert sorted(name for name, _ in net) == sorted(names)
    x = rng.normal(rng.key(0), (2, 3, 6, 6))
    wanted = as_onnxruntime(model, x)
    for got, want in zip(flat(net.apply(params, x)[0]), wanted if len(rest) > 1 else [wanted], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


T = rng.normal(rng.key(5), (3, 2, 3, 3))


@pytest.mark.parametrize(
    "own",
    [
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"strides": [2, 3], "auto_pad": "SAME_LOWER"},
        {"strides": [2, 2], "output_shape": [10, 8]},
        {"strides": [2, 2], "pads": [1, 0, 0, 2], "output_padding": [1, 0], "dilations": [1, 2]},
        {"group": 3},
    ],
)
def test_transposed_convolutions_as_others_write_them(own):
    """Their size is said by pads or by that of the output; a constant behind is a bias, or a factor of the weights."""
    n = 2 * own.get("group", 1)
    constants = {"t": T, "b": rng.normal(rng.key(6), (n, 1, 1)), "f": rng.normal(rng.key(7), (1, n, 1, 1))}
    nodes = [
        node("ConvTranspose", ["x", "t"], ["c"], **own),
        node("Mul", ["c", "f"], ["m"]),
        node("Add", ["m", "b"], ["y"]),
    ]
    model = model_of(nodes, constants, shape=("N", 3, 5, 4))
    net, params, _ = from_onnx(model)
    assert [name for name, _ in net] == ["conv_transpose2d_0"]
    x = rng.normal(rng.key(0), (2, 3, 5, 4))
    np.testing.assert_allclose(net.apply(params, x)[0], as_onnxruntime(model, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("nodes", "constants", "shape", "message"),
    [
        (
            [node("ConvTranspose", ["x", "t"], ["y"], group=2, name="c")],
            {"t": T},
            (1, 3, 6, 6),
            "ConvTranspose 'c': input 1: expected a kernel for 3 channels in 2 groups, got shape (3, 2, 3, 3",
        ),
        (
            [node("ConvTranspose", ["x", "t"], ["y"], output_padding=[1, 0], name="c")],
            {"t": T},
            (1, 3, 6, 6),
            "output_padding: expected less than the stride 1, got 1",
        ),
        (
            [node("MaxPool", ["x"], ["y"], kernel_shape=[2], name="m")],
            {},
            (1, 3, 6, 6),
            r"MaxPool 'm': kernel_shape: expected 2 numbers ≥ 1, one for each axis, got \[2\]",
        ),
        (
            [node("ReduceMean", ["x", "a"], ["y"], name="m")],
            {"a": np.array([1, 2])},
            (1, 3, 6, 6),
            r"ReduceMean 'm': axes: expected all axes behind the channels, \[2, 3\], got \[1, 2\]",
        ),
        (
            [node("Conv", ["x", "k"], ["y"], group=3, name="c")],
            {"k": K},
            (1, 3, 6, 6),
            "Conv 'c': input 1: expected a kernel for 3 channels in 3 groups, got shape (2, 3, 2, 2",
        ),
        (
            [node("Conv", ["x", "k"], ["y"], dilations=[2], name="c")],
            {"k": K},
            (1, 3, 6, 6),
            r"Conv 'c': dilations: expected 2 numbers ≥ 1, one for each axis, got \[2\]",
        ),
        (
            [node("Conv", ["x", "k"], ["y"], pads=[1, 0, 0, -1])],
            {"k": K},
            (1, 3, 6, 6),
            "Conv 'y': pads: expected 4 numbers ≥ 0",
        ),
        ([node("Det", ["x"], ["y"], name="n")], {}, (1, 3, 6, 6), "Det 'n': expected one of AveragePool"),
        ([node("Elu", ["z"], ["y"], name="e")], {}, (1, 3), "Elu 'e': expected inputs that are made before, got 'z'"),
        ([node("Relu", ["x"], ["x"])], {}, (1, 3), "expected a name of its own for its value"),
        ([node("Gemm", ["x", "w"], ["y"], transA=1)], {"w": W}, (3, 3), "Gemm 'y': transA: expected 0, got 1"),
        (
            [node("MatMul", ["x", "w"], ["y"])],
            {"w": W},
            (1, 4),
            "MatMul 'y': input 1: expected a matrix for 4 features",
        ),
        ([node("Gelu", ["x"], ["y"], approximate="erf")], {}, (1, 3), "approximate: expected none or tanh, got erf"),
        ([node("HardSigmoid", ["x"], ["y"], beta=0.25)], {}, (1, 3), "HardSigmoid 'y': beta: expected 0.5, got 0.25"),
        ([node("Shrink", ["x"], ["y"], bias=0.25)], {}, (1, 3), "Shrink 'y': bias: expected 0 or lambd, 0.5, got 0.25"),
        (
            [node("PRelu", ["x", "s"], ["y"])],
            {"s": np.ones((3, 1), np.float32)},
            (1, 2, 3),
            "PRelu 'y': input 1: expected one slope, or one for each channel, got shape (3, 1",
        ),
        ([node("PRelu", ["x", "x"], ["y"])], {}, (1, 3), "expected"),
        (
            [node("Clip", ["x", "a", "b"], ["y"])],
            {"a": np.float32(1), "b": np.float32(0)},
            (1, 3),
            "Clip 'y': min and max: expected 0 and none, which is relu, or two numbers in order",
        ),
        (
            [node("Add", ["x", "b"], ["y"])],
            {"b": np.ones(3, np.float32)},
            (1, 3),
            "Add 'y': expected a bias of a layer",
        ),
        (
            [node("Max", ["x", "x"], ["y"])],
            {},
            (1, 3),
            "values that meet in one of Add, Sum, Concat, Mul, got",
        ),
        ([node("Concat", ["x", "x"], ["y"], axis=0)], {}, (1, 3), "axis: expected an axis of the example, got 0"),
        (
            [node("Flatten", ["x"], ["f"]), node("Add", ["f", "x"], ["y"])],
            {},
            (1, 3, 1, 1),
            "its nodes do not fit each other",
        ),
        ([node("Squeeze", ["x", "a"], ["y"])], {"a": np.array([1])}, (1, 3), "axes: expected axes of length 1 behind"),
        ([node("Flatten", ["x"], ["y"], axis=0)], {}, (1, 3), "Flatten 'y': axis: expected 1"),
        ([node("Relu", ["x"], ["y"], domain="other")], {}, (1, 3), "expected an operator of ONNX, got one of other"),
        ([node("Relu", ["x"], ["y"])], {}, ("N", "M"), "input 'x': expected a shape behind the batch axis in numbers"),
        ([node("Relu", ["x"], ["y"])], {}, None, "input 'x': expected a batch axis"),
    ],
)
def test_what_no_layer_says_is_told_with_node_and_attribute(nodes, constants, shape, message):
    with pytest.raises(FormatError, match=message.replace("(", r"\(")):
        from_onnx(model_of(nodes, constants, shape))


ONES, TWO = np.ones(3, np.float32), np.ones(2, np.float32)


def whole_numbers(**arrays):
    return {name: np.array(values, np.int64) for name, values in arrays.items()}


@pytest.mark.parametrize(
    ("made", "constants", "opset", "want"),
    [
        (node("LRN", ["x"], ["y"], size=5, bias=2.0), {}, 13, layers.local_response_norm(5, k=2.0)),
        (node("Transpose", ["x"], ["y"], perm=[0, 2, 3, 1]), {}, 13, layers.permute((2, 3, 1))),
        (node("Pad", ["x", "p"], ["y"]), whole_numbers(p=[0, 0, 1, 2, 0, 0, 0, 3]), 13, layers.pad(((1, 0), (2, 3)))),
        (
            node("Pad", ["x", "p", "", "a"], ["y"], mode="edge"),
            whole_numbers(p=[1, 2], a=[-1]),
            18,
            layers.pad(((0, 0), (1, 2)), mode="replicate"),
        ),
        (
            node("Pad", ["x"], ["y"], pads=[0, 0, 1, 1, 0, 0, 1, 1], value=2.0),
            {},
            6,
            layers.pad(((1, 1), (1, 1)), value=2),
        ),
        (
            node("Slice", ["x", "s", "e", "a"], ["y"]),
            whole_numbers(s=[1, -3], e=[-1, 2**40], a=[2, 3]),
            13,
            layers.crop(((1, 1), (3, 0))),
        ),
        (node("Slice", ["x"], ["y"], starts=[0, 0, 0, 2], ends=[9, 3, 6, 6]), {}, 6, layers.crop(((0, 0), (2, 0)))),
        (node("Resize", ["x", "", "s"], ["y"]), {"s": np.float32([1, 1, 2, 3])}, 13, layers.upsample((2, 3))),
        (node("Upsample", ["x", "s"], ["y"]), {"s": np.float32([1, 1, 2, 2])}, 9, layers.upsample((2, 2))),
        (
            node("Resize", ["x", "", "", "s"], ["y"], mode="linear", axes=[2, 3]),
            whole_numbers(s=[12, 6]),
            18,
            layers.upsample((2, 1), mode="bilinear"),
        ),
    ],
    ids=lambda value: value.op_type if hasattr(value, "op_type") else "",
)
def test_layers_of_shapes_as_others_write_them(made, constants, opset, want):
    read = from_onnx(model_of([made], constants, IMAGE, opset))
    assert recipe.to_json(read.net) == recipe.to_json(layers.serial(want))


@pytest.mark.parametrize(
    ("made", "constants", "message"),
    [
        (node("LRN", ["x"], ["y"], size=4), {}, "size: expected an odd number, got 4"),
        (node("Transpose", ["x"], ["y"]), {}, "perm: expected 0, the batch, then the axes of the example, got None"),
        (node("Pad", ["x", "p"], ["y"]), whole_numbers(p=[0, 1, 0, 0, 0, 0, 0, 0]), "pads: expected 0 for the batch"),
        (
            node("Pad", ["x", "p"], ["y"]),
            whole_numbers(p=[0, 0, 0, -1, 0, 0, 0, 0]),
            "pads: expected 8 constant numbers ≥",
        ),
        (
            node("Slice", ["x", "s", "e", "", "t"], ["y"]),
            whole_numbers(s=[0], e=[9], t=[2]),
            r"steps: expected 1, got \[2\]",
        ),
        (node("Slice", ["x", "s", "e"], ["y"]), whole_numbers(s=[0, 1], e=[9, 9]), "starts: expected 0 for the batch"),
        (node("Resize", ["x", "", "s"], ["y"]), {"s": np.float32([1, 1, 1.5, 2])}, "scales: expected constant whole"),
        (
            node("Resize", ["x", "", "s"], ["y"], mode="linear", coordinate_transformation_mode="asymmetric"),
            {"s": np.float32([1, 1, 2, 2])},
            "coordinate_transformation_mode: expected half_pixel or align_corners, got asymmetric",
        ),
        (
            node("DepthToSpace", ["x"], ["y"], blocksize=2),
            {},
            "blocksize: expected one whose square divides the 3 chan",
        ),
        (node("SpaceToDepth", ["x"], ["y"], blocksize=4), {}, "blocksize: expected one that divides 6 and 6, got 4"),
        (
            node("LayerNormalization", ["x", "g"], ["y"], axis=0),
            {"g": ONES},
            "axis: expected an axis of the example, got 0",
        ),
        (
            node("LayerNormalization", ["x", "g"], ["y"]),
            {"g": ONES},
            r"input 1: expected numbers of shape \(6,\), got shape",
        ),
        (
            node("LayerNormalization", ["x", "x"], ["y"]),
            {},
            "LayerNormalization 'y': expected values that meet in one of",
        ),
        (
            node("InstanceNormalization", ["x", "g", "g"], ["y"]),
            {"g": TWO},
            r"input 1: expected numbers of shape \(3,\)",
        ),
        (
            node("GroupNormalization", ["x", "g", "g"], ["y"], num_groups=2),
            {"g": ONES},
            "scale: expected one for each channel, as from opset 21 on, got one for each group in 20",
        ),
    ],
    ids=lambda value: value.op_type if hasattr(value, "op_type") else "",
)
def test_layers_of_shapes_and_norms_that_no_layer_is(made, constants, message):
    with pytest.raises(FormatError, match=message):
        from_onnx(model_of([made], constants, IMAGE))


def test_the_opset_is_the_first_that_has_all_the_nodes():
    for net, opset in ((layers.layer_norm(), 20), (layers.group_norm(3), 21), (layers.rms_norm(), 23)):
        params = net.init(rng.key(0), (6,))
        assert to_onnx(net, params, (6,)).opset_import[0].version == opset
        if opset > 20:
            with pytest.raises(ConfigError, match=f"opset: expected {opset} or newer, which this net needs, got 20"):
                to_onnx(net, params, (6,), opset=20)


def test_models_that_are_none(tmp_path):
    for wrong in (b"\xff\xff\xff\xff", 3, None):
        with pytest.raises(FormatError, match="model: expected"):
            from_onnx(wrong)
    with pytest.raises(FormatError, match="expected an output that depends on the input, got 'z'"):
        from_onnx(model_of([node("Relu", ["x"], ["y"])], outputs=("y", "z")))
    with pytest.raises(FormatError, match="expected an input and an output at least, got 1 and 0"):
        from_onnx(model_of([node("Relu", ["x"], ["y"])], outputs=()))
    with pytest.raises(FormatError, match="opset: expected 6 or newer, got 5"):
        from_onnx(model_of([node("Relu", ["x"], ["y"])], opset=5))
    (tmp_path / "m.onnx").write_bytes(model_of([node("Relu", ["x"], ["y"])]).SerializeToString())
    assert from_onnx(tmp_path / "m.onnx").net == layers.serial(layers.relu())


def test_a_bomb_takes_no_memory():
    huge = [node("ConstantOfShape", ["s"], ["w"]), node("MatMul", ["x", "w"], ["y"])]
    model = model_of(huge, {"s": np.array([3, 10**12], np.int64)})
    with at_most(5_000_000), pytest.raises(FormatError, match="ConstantOfShape: expected at most"):
        from_onnx(model)
    lying = model_of([node("MatMul", ["x", "w"], ["y"])], {"w": W})
    lying.graph.initializer[0].dims[:] = [3, 10**12]
    with at_most(5_000_000), pytest.raises(FormatError, match="constant 'w'"):
        from_onnx(lying)


def test_a_graph_of_several_inputs_and_outputs():
    """What is no series of branches is wired node by node; a constant still becomes a bias of the layer in front."""
    nodes = [
        node("MatMul", ["x", "w"], ["m"]),
        node("Add", ["m", "b"], ["d"]),
        node("Relu", ["d"], ["r"]),
        node("Mul", ["r", "d"], ["p"]),
        node("Identity", ["i"], ["j"]),
        node("Concat", ["p", "z"], ["y"], axis=1),
    ]
    model = model_of(nodes, {"w": W, "b": B}, outputs=("y", "r", "j"))
    model.graph.input.extend(
        [
            helper.make_tensor_value_info("z", TensorProto.FLOAT, ("N", 1)),
            helper.make_tensor_value_info("i", TensorProto.INT64, ("N",)),
        ]
    )
    net, params, shape = from_onnx(model)
    assert shape == ((3,), (1,), Discrete(()))
    x, z, i = rng.normal(rng.key(0), (4, 3)), rng.normal(rng.key(1), (4, 1)), np.arange(4)
    d = x @ W + B
    y, r, j = net.apply(params, (x, z, i))[0]
    np.testing.assert_allclose(y, np.concatenate([np.maximum(d, 0) * d, z], axis=1), rtol=1e-6)
    np.testing.assert_allclose(r, np.maximum(d, 0), rtol=1e-6)
    assert j is i
    assert list(dict(net)) == ["dense_0", "relu_0", "multiply_0", "concatenate_0"]
    model.graph.node[4].op_type = "Neg"
    with pytest.raises(FormatError, match=r"expected one of AveragePool, .*, got Neg"):
        from_onnx(model)
    model.graph.node[4].op_type = "Relu"
    with pytest.raises(FormatError, match="Relu 'j': input: expected floats, got whole numbers"):
        from_onnx(model)


def test_damaged_bytes_raise_our_own():
    content = to_onnx(NET, NET.init(rng.key(0), SHAPE), SHAPE).SerializeToString()
    for i in range(0, 400, 3):
        spoilt = bytearray(content)
        spoilt[i * 7 % len(content)] ^= 1 << (i % 8)
        try:
            net, params, shape = from_onnx(bytes(spoilt))
            with np.errstate(all="ignore"):
                net.apply(params, np.zeros((1, *shape), np.float32))
        except FnnetError:
            continue


# ONNX's own suite: the command runs all of it


def test_what_is_read_of_the_suite_computes_what_it_should():
    counts = dict.fromkeys((onnx_suite.PASSED, onnx_suite.FAILED, onnx_suite.NO_LAYER), 0)
    for case in onnx_suite.stored_cases():
        counts[onnx_suite.judge(case)[0]] += 1
    assert counts[onnx_suite.FAILED] == 0
    assert counts[onnx_suite.PASSED] > 20


def test_a_wrong_result_would_be_noticed():
    case = next(case for case in onnx_suite.stored_cases() if onnx_suite.judge(case)[0] == onnx_suite.PASSED)
    assert onnx_suite.judge(case._replace(y=case.y + 0.1))[0] == onnx_suite.FAILED


def test_from_the_shell(tmp_path, capsys):
    import fnnet
    from fnnet.runs.cli import main

    params = NET.init(rng.key(0), SHAPE)
    fnnet.save(tmp_path / "net", NET, params, SHAPE)
    assert main(["export", str(tmp_path / "net"), "--to", "onnx", "--out", str(tmp_path / "net.onnx")]) == 0
    assert main(["import", str(tmp_path / "net.onnx"), "--out", str(tmp_path / "again")]) == 0
    net, weights, shape = fnnet.load(tmp_path / "again")
    x = rng.normal(rng.key(1), (3, *shape))
    np.testing.assert_allclose(net.apply(weights, x)[0], NET.apply(params, x)[0], rtol=1e-5, atol=1e-6)
    assert main(["import", str(tmp_path / "net.onnx"), "--out", str(tmp_path / "again")]) == 2
    assert "--out: expected a new file" in capsys.readouterr().err
    (tmp_path / "none.onnx").write_bytes(b"\xff")
    assert main(["import", str(tmp_path / "none.onnx"), "--out", str(tmp_path / "never")]) == 1
    assert not (tmp_path / "never").exists()
