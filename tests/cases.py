"""One row for every public layer, combinator and loss, and for the variants that take other paths.

A row's first word is the factory it stands for; `test_laws.py` demands a row for every public name and runs every law
over every row, in evaluation and in training.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import attrs
import numpy as np

from fnnet import layers, losses, rng, tree
from fnnet.arrays import zero_cotangent
from fnnet.recipe import factory
from fnnet.testing.case import Claims, drawn, floats, spread
from fnnet.types import Array, Arrays, Discrete, Layer, Shape, example_shape


@attrs.frozen
class Row:
    """A layer to be checked: how to make it, the shape of an example, and what is said about it."""

    name: str
    make: Callable[[], Layer]
    shape: Any
    smooth: bool = False
    piecewise_linear: bool = False
    batch_dependent: bool = False
    draws: bool = False
    remembers: bool = False  # in training, without its value being any different
    domain: Any = None
    within: dict[str, Any] = attrs.field(factory=dict)
    padded: dict[str, str] = attrs.field(factory=dict)
    only: int | None = None

    @property
    def covers(self) -> str:
        """The public factory the row stands for."""
        return self.name.split()[0]

    @property
    def claims(self) -> dict[str, Any]:
        """What `fnnet.testing.check_layer` is told about the layer."""
        return {tag: getattr(self, tag) for tag in attrs.fields_dict(Claims)}

    def batch(self, key: rng.Key, n: int, dtype: Any = np.float32) -> Arrays:
        """Examples as it takes them."""
        x = drawn(key, example_shape(self.shape), self.only or n, Claims(**self.claims), spread)
        return floats(lambda array: array.astype(dtype), x)


smooth = partial(Row, smooth=True)
linear = partial(Row, smooth=True, piecewise_linear=True)
pieces = partial(Row, piecewise_linear=True)


@factory
def scale() -> Layer:
    """A user's own layer: a plain pair, no shape, no option."""

    def init(key: rng.Key, shape: Shape) -> Any:
        return {"gain": np.ones(shape, np.float32)}

    def apply(params: Any, x: Array) -> tuple[Array, Any]:
        def vjp(dy: Array) -> tuple[Any, Array]:
            return {"gain": (dy * x).sum(axis=0)}, dy * params["gain"]

        return x * params["gain"], vjp

    return layers.layer(init, apply)


@factory
def remembering() -> Layer:
    """A user's own layer that learns nothing but remembers its input's mean, and calls its trained self otherwise."""

    def init(key: rng.Key, shape: Shape) -> Any:
        return {"mean": tree.Running(np.zeros(shape, np.float32))}

    def evaluation(params: Any, x: Array) -> tuple[Array, Any]:
        return x, lambda dy: (params, dy)

    def training(params: Any, x: Array) -> tuple[Array, Any]:
        return x, lambda dy: ({"mean": tree.Running(x.sum(axis=0) / len(x))}, dy)

    def train(key: rng.Key) -> Layer:
        return layers.layer(init, training, name="watching")

    return layers.layer(init, evaluation, train=train)


@factory
def positive() -> Layer:
    """A user's own reparametrized layer: weights that are exponentials."""

    def make(p: Any) -> tuple[Any, Any]:
        params = p._replace(weight=np.exp(p.weight))
        return params, lambda dparams: dparams._replace(weight=dparams.weight * params.weight)

    return layers.reparametrized(layers.dense(2), lambda params: params, make)


def forgotten(net: Layer, shape: Any, x: Arrays = None) -> list[str]:
    """Where a batch of training leaves what is remembered as it was; no law forbids that, but ours never should."""
    params = net.init(rng.key(0), shape)
    x = rng.normal(rng.key(2), (3, *shape)) if x is None else x
    y, vjp = net.train(rng.key(1)).apply(params, x)
    pairs = zip(tree.items(params), tree.leaves(vjp(zero_cotangent(y))[0]), strict=True)
    return [
        path
        for (path, leaf), after in pairs
        if isinstance(leaf, tree.Running) and not (leaf.array != after.array).any()
    ]


def lenet() -> Layer:
    """The nets of R2 and R5, small."""
    return layers.serial(
        *(layers.conv2d(2, 3), layers.relu(), layers.max_pool(2)),
        *(layers.conv2d(3, 2), layers.sigmoid(), layers.avg_pool(2)),
        *(layers.flatten(), layers.dense(4), layers.tanh(), layers.dense(3)),
    )


def residual_net() -> Layer:
    """The residual net of R4, small, with a dropout."""
    body = layers.serial(layers.conv2d(2, 3, padding=1), layers.batch_norm(), layers.relu())
    shortcut = layers.serial(layers.conv2d(2, 1), layers.batch_norm())
    return layers.serial(
        *(layers.residual(body, shortcut), layers.relu(), layers.avg_pool(2)),
        *(layers.flatten(), layers.dropout(0.5), layers.dense(3), layers.log_softmax()),
    )


def siamese() -> Layer:
    """Two inputs, one tower, which remembers and draws."""
    tower = layers.serial(layers.dense(3), layers.batch_norm(), layers.dropout(0.5))
    return layers.graph(
        lambda net, a, b: net.head(net.both(net.tower(a), net.tower(b))),
        tower=tower,
        both=layers.concatenate(),
        head=layers.dense(1),
    )


LENGTHS = Discrete(())
PADDED: dict[str, Any] = {"within": {"x[1]": (1, 4)}, "padded": {"x[0]": "x[1]"}}  # sequences of 4 steps
AFTER: dict[str, Any] = {"within": {"x[2]": (1, 3)}, "padded": {"x[1]": "x[2]"}}  # 3 steps behind a state


def running_sum(shown: Layer = layers.relu()) -> Layer:
    """A cell: the state is a sum, of which an affine map is shown."""
    return layers.graph(
        lambda net, s, x: (net.sum(s, x), net.out(net.shown(net.sum(s, x)))),
        sum=layers.add(),
        shown=shown,
        out=layers.dense(1),
    )


LAYERS = [
    linear("identity", layers.identity, (3,)),
    smooth("glu", layers.glu, (3, 4)),
    smooth("glu gelu of channels", lambda: layers.glu(gate="gelu", axis=1), (4, 2, 3)),
    smooth("glu silu", lambda: layers.glu(gate="silu"), (6,)),
    smooth("glu identity", lambda: layers.glu(gate="identity"), (4,)),
    smooth("glu tanh", lambda: layers.glu(gate="tanh"), (4,)),
    Row("glu relu", lambda: layers.glu(gate="relu"), (6,)),
    pieces("maxout", lambda: layers.maxout(2), (4, 3)),
    pieces("maxout last", lambda: layers.maxout(3, axis=-1), (2, 6)),
    linear("maxout of one", lambda: layers.maxout(1), (4,)),
    linear("bilinear", lambda: layers.bilinear(3), ((4,), (2,))),
    linear("bilinear no bias", lambda: layers.bilinear(1, bias=False), ((2,), (3,))),
    smooth("cosine_similarity", layers.cosine_similarity, ((4,), (4,))),
    smooth("cosine_similarity channels", lambda: layers.cosine_similarity(axis=1), ((3, 2), (3, 2))),
    smooth("cosine_similarity short", lambda: layers.cosine_similarity(eps=9.0), ((3,), (3,))),
    smooth("noisy_dense", lambda: layers.noisy_dense(3), (4,), draws=True),
    smooth("noisy_dense no bias", lambda: layers.noisy_dense(2, sigma=1.5, bias=False), (3,), draws=True),
    smooth("mixture", lambda: layers.mixture(layers.dense(2), layers.tanh(), gate=layers.dense(2)), (2,)),
    smooth(
        "mixture of images",
        lambda: layers.mixture(
            *(layers.conv2d(2, 1), layers.identity(), layers.dropout(0.5)),
            gate=layers.serial(layers.avg_pool(2), layers.flatten(), layers.dense(3)),
        ),
        (2, 2, 2),
        draws=True,
    ),
    linear("layer user's own", scale, (2, 3)),
    linear("layer that remembers", remembering, (3,), remembers=True),
    linear("dense", lambda: layers.dense(3), (4,)),
    linear("dense no bias", lambda: layers.dense(2, bias=False), (3,)),
    linear("dense one by one", lambda: layers.dense(1), (1,)),
    linear("conv2d", lambda: layers.conv2d(2, 3), (2, 4, 5)),
    linear("conv2d same", lambda: layers.conv2d(2, 3, padding="same"), (1, 4, 3)),
    linear("conv2d same stride", lambda: layers.conv2d(1, 2, stride=2, padding="same"), (2, 5, 4)),
    linear("conv2d stride", lambda: layers.conv2d(2, 2, stride=(2, 3), padding=1), (2, 5, 4)),
    linear("conv2d rectangular no bias", lambda: layers.conv2d(3, (1, 3), padding=(0, 2), bias=False), (2, 3, 4)),
    linear("conv2d one by one", lambda: layers.conv2d(2, 1), (3, 2, 2)),
    linear("conv2d gaps", lambda: layers.conv2d(2, 1, stride=2), (1, 4, 4)),
    linear("conv2d whole image", lambda: layers.conv2d(2, (3, 4)), (2, 3, 4)),
    linear("conv2d dilated", lambda: layers.conv2d(2, (2, 3), dilation=2, padding=1), (2, 5, 6)),
    linear("conv2d dilated strided", lambda: layers.conv2d(2, (2, 3), dilation=(1, 2), stride=2), (2, 4, 6)),
    linear("conv2d groups", lambda: layers.conv2d(4, 2, groups=2, padding=((0, 1), (1, 0))), (4, 3, 3)),
    linear("conv2d depthwise", lambda: layers.conv2d(4, 3, groups=2, padding=1, stride=2), (2, 4, 5)),
    linear("conv2d reflected", lambda: layers.conv2d(2, 3, padding=2, padding_mode="reflect"), (1, 3, 4)),
    linear("conv2d replicated", lambda: layers.conv2d(1, 3, padding=(1, 3), padding_mode="replicate"), (2, 2, 3)),
    linear("conv2d circular", lambda: layers.conv2d(2, 2, padding="same", padding_mode="circular"), (2, 3, 3)),
    linear("conv1d", lambda: layers.conv1d(2, 3, padding=1), (2, 5)),
    linear("conv1d causal", lambda: layers.conv1d(2, 3, padding="causal", dilation=2), (2, 6)),
    linear("conv1d strided", lambda: layers.conv1d(3, 2, stride=3, dilation=2, padding=(0, 2), bias=False), (1, 6)),
    linear("conv1d depthwise", lambda: layers.conv1d(3, 2, groups=3, bias=False), (3, 4)),
    linear("conv3d", lambda: layers.conv3d(2, 2, padding=1), (2, 2, 3, 2)),
    linear("conv3d groups", lambda: layers.conv3d(2, (2, 1, 2), stride=(2, 1, 1), groups=2), (4, 4, 2, 3)),
    linear("conv3d dilated", lambda: layers.conv3d(1, 2, dilation=(1, 2, 1), padding=1), (1, 2, 3, 2)),
    linear("conv_transpose1d", lambda: layers.conv_transpose1d(2, 3, stride=2, padding=(0, 1), dilation=2), (2, 3)),
    linear("conv_transpose1d same", lambda: layers.conv_transpose1d(2, 3, stride=2, padding="same"), (1, 3)),
    linear("conv_transpose2d", lambda: layers.conv_transpose2d(2, 3, padding=1), (2, 3, 4)),
    linear("conv_transpose2d steps", lambda: layers.conv_transpose2d(2, (2, 3), stride=2, output_padding=1), (2, 2, 3)),
    linear("conv_transpose2d groups", lambda: layers.conv_transpose2d(4, 2, groups=2, bias=False), (2, 2, 2)),
    linear("conv_transpose2d dilated", lambda: layers.conv_transpose2d(1, 2, dilation=3, padding=1), (1, 2, 2)),
    linear(
        "conv_transpose3d", lambda: layers.conv_transpose3d(2, 2, stride=(1, 2, 1), padding=(1, 0, 0)), (1, 2, 1, 2)
    ),
    linear("depthwise_conv2d", lambda: layers.depthwise_conv2d(3, multiplier=2, padding=1, stride=2), (2, 4, 5)),
    linear(
        "depthwise_conv2d circular", lambda: layers.depthwise_conv2d(2, padding=1, padding_mode="circular"), (2, 3, 3)
    ),
    Row("separable_conv2d", lambda: layers.separable_conv2d(3, 2, multiplier=2), (2, 3, 3), smooth=True),
    pieces("max_pool", lambda: layers.max_pool(2), (2, 4, 5)),
    pieces("max_pool overlapping padded", lambda: layers.max_pool(3, 2, padding=1), (2, 5, 4)),
    pieces("max_pool rectangular", lambda: layers.max_pool((1, 3), (2, 1), padding=(0, 1)), (1, 4, 4)),
    pieces("max_pool gaps", lambda: layers.max_pool(1, 2), (1, 4, 5)),
    pieces("max_pool places", lambda: layers.max_pool(2, padding=(1, 0), indices=True), (2, 3, 4)),
    linear("max_unpool", lambda: layers.max_unpool(2), ((2, 2, 1), Discrete((2, 2, 1))), within={"x[1]": (0, 7)}),
    linear(
        "max_unpool overlapping signals",
        lambda: layers.max_unpool(3, 1, padding=1, size=4, dims=1),
        ((1, 4), Discrete((1, 4))),
        within={"x[1]": (0, 3)},
    ),
    linear("avg_pool", lambda: layers.avg_pool(2), (2, 4, 5)),
    linear("avg_pool overlapping padded", lambda: layers.avg_pool(3, 2, padding=1), (2, 5, 4)),
    linear("avg_pool inside only", lambda: layers.avg_pool(3, 2, padding=1, count_padding=False), (2, 5, 4)),
    linear("avg_pool rectangular", lambda: layers.avg_pool((2, 1), (1, 2), padding=(1, 0)), (1, 3, 4)),
    pieces("max_pool dilated", lambda: layers.max_pool(2, 2, padding=((1, 0), (0, 1)), dilation=2), (1, 5, 4)),
    pieces("max_pool ceil", lambda: layers.max_pool(2, ceil=True), (2, 3, 5)),
    pieces("max_pool signals", lambda: layers.max_pool(3, 2, padding=(0, 1), dims=1), (2, 6)),
    pieces("max_pool volumes", lambda: layers.max_pool(2, dims=3), (1, 4, 2, 3)),
    linear("avg_pool dilated", lambda: layers.avg_pool(2, 1, padding=((1, 0), (0, 1)), dilation=2), (1, 4, 3)),
    linear("avg_pool ceil", lambda: layers.avg_pool(3, 2, padding=(1, 0), ceil=True), (2, 4, 4)),
    linear("avg_pool signals", lambda: layers.avg_pool(2, padding=1, count_padding=False, dims=1), (2, 4)),
    linear("avg_pool volumes", lambda: layers.avg_pool(2, dims=3), (1, 2, 4, 3)),
    Row("lp_pool", lambda: layers.lp_pool(2, 2), (2, 4, 5)),
    Row("lp_pool overlapping", lambda: layers.lp_pool(3, 3, stride=2, padding=1, ceil=True), (1, 4, 4)),
    Row("lp_pool of power 1", lambda: layers.lp_pool(1, 2, stride=1, dims=1), (2, 4)),
    linear("scale_pool", lambda: layers.scale_pool(2), (2, 4, 5)),
    linear("scale_pool signals", lambda: layers.scale_pool(3, 2, padding=1, dims=1), (3, 6)),
    linear("adaptive_avg_pool", lambda: layers.adaptive_avg_pool(2), (2, 4, 6)),
    linear("adaptive_avg_pool uneven", lambda: layers.adaptive_avg_pool((2, 3)), (2, 3, 4)),
    pieces("adaptive_max_pool", lambda: layers.adaptive_max_pool((1, 2)), (2, 3, 4)),
    pieces("adaptive_max_pool uneven", lambda: layers.adaptive_max_pool(2), (2, 5)),
    linear("global_avg_pool", layers.global_avg_pool, (2, 3, 2)),
    linear("global_avg_pool kept", lambda: layers.global_avg_pool(keep=True), (2, 4)),
    pieces("global_max_pool", layers.global_max_pool, (2, 3, 2)),
    pieces("global_max_pool kept", lambda: layers.global_max_pool(keep=True), (1, 2, 2, 2)),
    smooth("sinusoidal_positions", layers.sinusoidal_positions, (3, 4)),
    smooth("sinusoidal_positions odd", lambda: layers.sinusoidal_positions(base=10.0), (2, 3)),
    linear("learned_tokens", lambda: layers.learned_tokens(2), (3, 2)),
    linear("learned_positions", layers.learned_positions, (3, 2)),
    linear("learned_positions longest", lambda: layers.learned_positions(4), (2, 3)),
    linear("flatten", layers.flatten, (2, 3, 2)),
    linear("reshape", lambda: layers.reshape((3, 2, 2)), (2, 6)),
    pieces("dropout", lambda: layers.dropout(Fraction(1, 3)), (4, 3), draws=True),
    Row("dropout float", lambda: layers.dropout(0.25), (6,), smooth=True, draws=True),
    pieces("dropout not rescaled", lambda: layers.dropout(Fraction(1, 2), rescale=False), (6,), draws=True),
    pieces("spatial_dropout", lambda: layers.spatial_dropout(Fraction(1, 3)), (3, 2, 2), draws=True),
    pieces(
        "spatial_dropout signals", lambda: layers.spatial_dropout(Fraction(1, 2), rescale=False), (4, 2), draws=True
    ),
    smooth("alpha_dropout", lambda: layers.alpha_dropout(0.4), (3, 4), draws=True),
    smooth("gaussian_noise", lambda: layers.gaussian_noise(0.5), (3, 4), draws=True),
    pieces("drop_path", lambda: layers.drop_path(Fraction(1, 3)), (2, 3), draws=True),
    smooth("drop_path not rescaled", lambda: layers.drop_path(0.5, rescale=False), (3,), draws=True),
    smooth("batch_norm features", layers.batch_norm, (3,), batch_dependent=True),
    smooth("batch_norm images", layers.batch_norm, (2, 3, 2), batch_dependent=True),
    smooth("layer_norm", layers.layer_norm, (2, 4)),
    smooth("layer_norm bare", lambda: layers.layer_norm(gain=False, bias=False, eps=0.1), (3,)),
    smooth("layer_norm bias alone", lambda: layers.layer_norm(gain=False), (3,)),
    smooth("layer_norm axes", lambda: layers.layer_norm(axes=(-2, -1), bias=False), (2, 3, 2)),
    smooth("layer_norm channels", lambda: layers.layer_norm(axes=1), (3, 2, 2)),
    smooth("rms_norm", layers.rms_norm, (2, 4)),
    smooth("rms_norm channels bare", lambda: layers.rms_norm(axes=1, gain=False), (3, 2)),
    smooth("group_norm", lambda: layers.group_norm(2), (4, 2, 2)),
    smooth("group_norm features bare", lambda: layers.group_norm(2, gain=False, bias=False), (6,)),
    smooth("group_norm bias alone", lambda: layers.group_norm(1, gain=False), (2, 3)),
    smooth("instance_norm", layers.instance_norm, (2, 3, 2)),
    smooth("local_response_norm", lambda: layers.local_response_norm(3, alpha=2.0), (4, 2, 1)),
    smooth("local_response_norm wide", lambda: layers.local_response_norm(5, alpha=1.0, beta=1.5, k=2.0), (2, 2, 1)),
    linear("pad", lambda: layers.pad((1, (0, 2))), (2, 2, 3)),
    pieces("pad with ones", lambda: layers.pad(1, value=1), (2, 3)),
    linear("pad reflected", lambda: layers.pad(((2, 1), 1), mode="reflect"), (1, 3, 2)),
    linear("pad replicated", lambda: layers.pad(((3, 1),), mode="replicate"), (2, 2)),
    linear("pad circular", lambda: layers.pad((1, (2, 0)), mode="circular"), (1, 2, 3)),
    linear("crop", lambda: layers.crop((1, (0, 2))), (2, 4, 3)),
    linear("crop nothing", lambda: layers.crop(0), (2, 3)),
    linear("upsample", lambda: layers.upsample((2, 3)), (2, 2, 3)),
    linear("upsample bilinear", lambda: layers.upsample((2, 3), mode="bilinear"), (1, 3, 2)),
    linear("upsample corners", lambda: layers.upsample(2, mode="bilinear", align_corners=True), (1, 2, 3)),
    linear("upsample bicubic", lambda: layers.upsample((2, 1), mode="bicubic"), (1, 3, 2)),
    linear("upsample signal", lambda: layers.upsample(4, mode="bilinear"), (2, 3)),
    linear("pixel_shuffle", lambda: layers.pixel_shuffle(2), (4, 2, 1)),
    linear("pixel_shuffle signals", lambda: layers.pixel_shuffle(3), (6, 2)),
    linear("pixel_unshuffle", lambda: layers.pixel_unshuffle(2), (2, 2, 4)),
    smooth("reparametrized positive", positive, (3,)),
    smooth("weight_norm", lambda: layers.weight_norm(layers.dense(3)), (4,)),
    smooth("weight_norm kernel", lambda: layers.weight_norm(layers.conv1d(3, 2, bias=False)), (2, 4)),
    smooth("weight_norm of inputs", lambda: layers.weight_norm(layers.dense(2, bias=False), axis=0), (3,)),
    smooth("spectral_norm", lambda: layers.spectral_norm(layers.dense(4)), (5,), remembers=True),
    smooth("spectral_norm kernel", lambda: layers.spectral_norm(layers.conv1d(3, 2)), (2, 3), remembers=True),
    smooth(
        "tied",
        lambda: layers.tied(
            layers.serial(layers.dense(3), layers.tanh(), layers.dense(3)), "dense_1.weight", "dense_0.weight"
        ),
        (3,),
    ),
    smooth(
        "tied transposed",
        lambda: layers.tied(
            layers.serial(layers.dense(3, bias=False), layers.tanh(), layers.weight_norm(layers.dense(4))),
            "dense_1.direction",
            "dense_0.weight",
            transpose=True,
        ),
        (4,),
    ),
    linear("permute", lambda: layers.permute((3, 1, 2)), (2, 3, 4)),
    linear("transpose", layers.transpose, (2, 3)),
    pieces("relu", layers.relu, (3, 4)),
    pieces("leaky_relu", lambda: layers.leaky_relu(Fraction(1, 100)), (3, 4)),
    pieces("leaky_relu steep", lambda: layers.leaky_relu(Fraction(3)), (5,)),
    pieces("leaky_relu falling", lambda: layers.leaky_relu(-1), (5,)),
    smooth("sigmoid", layers.sigmoid, (3, 4)),
    smooth("tanh", layers.tanh, (3, 4)),
    smooth("elu", layers.elu, (3, 4)),
    Row("elu kinked", lambda: layers.elu(0.5), (3, 4)),
    Row("selu", layers.selu, (3, 4)),
    smooth("gelu", layers.gelu, (3, 4)),
    smooth("gelu tanh", lambda: layers.gelu(approximate="tanh"), (3, 4)),
    smooth("celu", lambda: layers.celu(0.5), (3, 4)),
    smooth("mish", layers.mish, (3, 4)),
    smooth("log_sigmoid", layers.log_sigmoid, (3, 4)),
    smooth("softsign", layers.softsign, (3, 4)),
    smooth("tanh_shrink", layers.tanh_shrink, (3, 4)),
    smooth("softmin", layers.softmin, (4,)),
    smooth("softmin channels", lambda: layers.softmin(axis=1), (3, 2, 2)),
    pieces("hard_tanh", layers.hard_tanh, (3, 4)),
    pieces("hard_tanh lopsided", lambda: layers.hard_tanh(Fraction(-1, 7), Fraction(9, 4)), (3, 4)),
    pieces("relu6", layers.relu6, (3, 4), domain=(-3, 9)),
    pieces("hard_sigmoid", layers.hard_sigmoid, (3, 4), domain=(-5, 5)),
    pieces("hard_sigmoid steep", lambda: layers.hard_sigmoid(Fraction(2, 3)), (3, 4)),
    Row("hard_swish", layers.hard_swish, (3, 4), domain=(-5, 5)),
    pieces("hard_shrink", layers.hard_shrink, (3, 4)),
    pieces("soft_shrink", layers.soft_shrink, (3, 4)),
    pieces("soft_shrink wide", lambda: layers.soft_shrink(Fraction(4, 3)), (3, 4)),
    pieces("threshold", lambda: layers.threshold(Fraction(1, 5)), (3, 4)),
    pieces("threshold replacing", lambda: layers.threshold(-0.25, 3), (3, 4)),
    pieces("prelu", layers.prelu, (3, 4)),
    pieces("prelu features", layers.prelu, (5,)),
    pieces("prelu shared", lambda: layers.prelu(-0.5, shared=True), (2, 3)),
    smooth("silu", layers.silu, (3, 4)),
    smooth("softplus", layers.softplus, (3, 4)),
    smooth("softmax", layers.softmax, (4,)),
    smooth("softmax channels", lambda: layers.softmax(axis=1), (3, 2, 2)),
    smooth("log_softmax", layers.log_softmax, (4,)),
    smooth("log_softmax channels", lambda: layers.log_softmax(axis=-3), (3, 2, 2)),
    smooth("attention", lambda: layers.attention(2), (3, 4)),
    smooth("attention causal turned", lambda: layers.attention(1, causal=True, rotary=100.0), (4, 2)),
    smooth("attention to a memory", lambda: layers.attention(2, bias=False), ((2, 4), (3, 3))),
    smooth(
        "attention grouped by blocks",
        lambda: layers.attention(4, key_value_heads=2, block=2),
        ((3, 4), (4, 3), Discrete((3, 4))),
        within={"x[2]": bool},
    ),
    smooth("attention causal by blocks", lambda: layers.attention(2, block=1, causal=True), ((3, 4), (2, 3))),
    smooth("attention padded", lambda: layers.attention(2), ((2, 4), (3, 3), Discrete((3,))), within={"x[2]": bool}),
    smooth("attention whole mask", lambda: layers.attention(1), ((2, 2), (3, 2), Discrete((2, 3)))),
    smooth("attention dropout", lambda: layers.attention(2, dropout=0.4), (3, 4), draws=True),
    smooth("attention dropout by blocks", lambda: layers.attention(2, dropout=0.4, block=2), (3, 4), draws=True),
    Row("transformer_encoder_layer", lambda: layers.transformer_encoder_layer(4, 2, hidden=3), (3, 4)),
    smooth(
        "transformer_encoder_layer post masked",
        lambda: layers.transformer_encoder_layer(
            *(2, 1), hidden=3, norm="post", activation=layers.tanh(), masked=True, dropout=0.3
        ),
        ((3, 2), Discrete((3,))),
        within={"x[1]": bool},
        draws=True,
    ),
    Row("transformer_decoder_layer", lambda: layers.transformer_decoder_layer(4, 2, hidden=3), ((2, 4), (3, 2))),
    smooth(
        "transformer_decoder_layer post masked",
        lambda: layers.transformer_decoder_layer(
            *(2, 1), hidden=2, norm="post", activation=layers.tanh(), masked=True, rotary=10.0
        ),
        ((2, 2), (3, 2), Discrete((2, 3))),
        within={"x[2]": bool},
    ),
    linear("serial empty", layers.serial, (3,)),
    pieces("serial", lambda: layers.serial(layers.dense(4), layers.relu(), layers.dense(2)), (3,)),
    linear("serial remembers first", lambda: layers.serial(remembering(), layers.dense(2)), (3,), remembers=True),
    pieces(
        "serial dropouts",
        lambda: layers.serial(
            *(layers.dropout(Fraction(1, 5)), layers.dense(4), layers.leaky_relu(Fraction(1, 100))),
            *(layers.dropout(Fraction(1, 2)), layers.dense(2)),
        ),
        (3,),
        draws=True,
    ),
    smooth(
        "serial nested", lambda: layers.serial(layers.serial(layers.dense(3), layers.tanh()), layers.dense(2)), (2,)
    ),
    pieces("parallel sum", lambda: layers.parallel(layers.dense(3), layers.relu(), layers.dense(3)), (3,)),
    linear(
        "parallel concatenate",
        lambda: layers.parallel(layers.conv2d(2, 1), layers.conv2d(1, 3, padding=1), combine="concatenate"),
        (2, 3, 3),
    ),
    pieces(
        "parallel dropouts",
        lambda: layers.parallel(layers.dropout(Fraction(1, 2)), layers.dropout(Fraction(1, 2))),
        (6,),
        draws=True,
    ),
    pieces("residual", lambda: layers.residual(layers.serial(layers.dense(3), layers.relu())), (3,)),
    linear("residual shortcut", lambda: layers.residual(layers.dense(2), layers.dense(2, bias=False)), (3,)),
    smooth(
        "residual remembers",
        lambda: layers.residual(
            layers.serial(layers.frozen(layers.batch_norm()), layers.dense(3), remembering()), layers.dense(3)
        ),
        (4,),
        remembers=True,
    ),
    pieces("serial named", lambda: layers.serial(layers.dense(3), layers.relu(), names=("first", "then")), (3,)),
    linear("parallel named", lambda: layers.parallel(layers.dense(2), layers.dense(2), names=["left", "right"]), (3,)),
    smooth("named", lambda: layers.named("encoder", layers.serial(layers.dense(3), layers.tanh())), (2,)),
    linear("frozen", lambda: layers.frozen(layers.dense(2)), (3,)),
    smooth("frozen statistics", lambda: layers.frozen(layers.batch_norm()), (3,)),
    pieces("frozen dropout", lambda: layers.frozen(layers.dropout(0.5)), (3,)),
    pieces(
        "serial transfer", lambda: layers.serial(layers.frozen(layers.dense(3)), layers.relu(), layers.dense(2)), (3,)
    ),
    linear("parallel tuple", lambda: layers.parallel(layers.dense(2), layers.dense(3), combine="tuple"), (3,)),
    pieces("beside", lambda: layers.beside(layers.dense(2), layers.relu()), ((3,), (2, 2))),
    pieces(
        "beside whole numbers",
        lambda: layers.beside(layers.relu(), layers.identity()),
        ((3,), Discrete((2,))),
        within={"x[1]": (0, 9)},
    ),
    linear("add", layers.add, ((2, 3), (2, 3), (2, 3))),
    smooth("multiply", layers.multiply, ((2, 3), (2, 3), (2, 3))),
    linear("concatenate", layers.concatenate, ((2, 3), (1, 3), (2, 3))),
    linear("concatenate last", lambda: layers.concatenate(axis=-1), ((2, 3), (2, 1))),
    linear("stack", layers.stack, ((2, 3), (2, 3))),
    linear("stack last", lambda: layers.stack(axis=-1), ((2, 3), (2, 3))),
    linear("select", lambda: layers.select(1), ((2,), (3,), Discrete(()))),
    linear("select whole numbers", lambda: layers.serial(layers.select(1), layers.select(0)), ((2,), ((3,), (1,)))),
    linear("take", lambda: layers.take([2, 0]), (3, 2)),
    linear("take last, twice", lambda: layers.take((1, 0, 1), axis=-1), (2, 2)),
    smooth("gaussian_sample", layers.gaussian_sample, ((2, 3), (2, 3)), draws=True),
    pieces(
        "graph skip",
        lambda: layers.graph(
            lambda net, x: net.head(net.add(net.act(net.body(x)), x)),
            body=layers.dense(3),
            act=layers.relu(),
            add=layers.add(),
            head=layers.dense(2),
        ),
        (3,),
    ),
    smooth("graph shared", siamese, ((3,), (3,)), batch_dependent=True, draws=True),
    linear(
        "graph of parts",
        lambda: layers.graph(lambda net, a, b: (net.up(a[1]), a[0], net.up(b)), up=layers.dense(2)),
        (((2,), (3,)), (3,)),
    ),
    linear(
        "graph with unread parts",
        lambda: layers.graph(lambda net, x: net.up(x[0]), up=layers.dense(2)),
        ((2,), (3,), Discrete((2,))),
    ),
    linear("per_step", lambda: layers.per_step(layers.dense(2)), (3, 4)),
    pieces(
        "per_step of several",
        lambda: layers.per_step(layers.serial(layers.dense(2), layers.relu(), layers.dropout(Fraction(1, 2)))),
        (2, 3),
        draws=True,
    ),
    smooth("per_step of statistics", lambda: layers.per_step(layers.batch_norm()), (2, 3), batch_dependent=True),
    linear("per_step of tuples", lambda: layers.per_step(layers.select(0)), ((3, 2), Discrete((3,)))),
    pieces("scan", lambda: layers.scan(running_sum()), ((2,), (3, 2))),
    pieces("scan lengths", lambda: layers.scan(running_sum()), ((2,), (3, 2), LENGTHS), **AFTER),
    smooth("scan of an lstm_cell", lambda: layers.scan(layers.lstm_cell(2)), (((2,), (2,)), (3, 2), LENGTHS), **AFTER),
    pieces(
        "scan dropout", lambda: layers.scan(running_sum(layers.dropout(Fraction(1, 2)))), ((2,), (3, 2)), draws=True
    ),
    smooth(
        "scan remembers",
        lambda: layers.scan(running_sum(layers.batch_norm())),
        ((2,), (3, 2), LENGTHS),
        batch_dependent=True,
        **AFTER,
    ),
    smooth("scan segments", lambda: layers.scan(layers.gru_cell(2), segments=2), ((2,), (3, 2), LENGTHS), **AFTER),
    smooth(
        "scan segments remembers",
        lambda: layers.scan(running_sum(layers.serial(layers.batch_norm(), layers.dropout(0.5))), segments=2),
        ((2,), (3, 2)),
        batch_dependent=True,
        draws=True,
    ),
    smooth("rnn_cell", lambda: layers.rnn_cell(2), ((2,), (3,))),
    smooth("rnn", lambda: layers.rnn(2), (3, 3)),
    smooth("rnn lengths", lambda: layers.rnn(2), ((4, 2), LENGTHS), **PADDED),
    smooth("rnn state", lambda: layers.rnn(2), ((2,), (3, 1), LENGTHS), **AFTER),
    smooth("lstm_cell", lambda: layers.lstm_cell(2), (((2,), (2,)), (3,))),
    smooth("lstm", lambda: layers.lstm(2), (3, 3)),
    smooth("lstm lengths", lambda: layers.lstm(2), ((4, 2), LENGTHS), **PADDED),
    smooth("lstm state", lambda: layers.lstm(2), (((2,), (2,)), (3, 1), LENGTHS), **AFTER),
    smooth("gru_cell", lambda: layers.gru_cell(2), ((2,), (3,))),
    smooth("gru", lambda: layers.gru(2), (3, 3)),
    smooth("gru lengths", lambda: layers.gru(2), ((4, 2), LENGTHS), **PADDED),
    smooth("gru state", lambda: layers.gru(2), ((2,), (3, 1), LENGTHS), **AFTER),
    smooth("bidirectional", lambda: layers.bidirectional(layers.lstm(2)), (3, 2)),
    smooth("bidirectional lengths", lambda: layers.bidirectional(layers.gru(2)), ((4, 2), LENGTHS), **PADDED),
    pieces(
        "bidirectional dropout",
        lambda: layers.bidirectional(layers.per_step(layers.dropout(Fraction(1, 2)))),
        (3, 2),
        draws=True,
    ),
    smooth("carried", lambda: layers.carried(layers.rnn(2), 3, (2,)), (3, 2), remembers=True, only=3),
    smooth(
        "carried lengths",
        lambda: layers.carried(layers.lstm(2), 2, (np.full(2, 0.5), np.zeros(2))),
        ((4, 2), LENGTHS),
        remembers=True,
        only=2,
        **PADDED,
    ),
    pieces("recomputed", lambda: layers.recomputed(layers.serial(layers.dense(3), layers.relu())), (2,)),
    smooth(
        "recomputed training",
        lambda: layers.recomputed(layers.serial(layers.dropout(0.5), layers.batch_norm(), layers.tanh())),
        (3,),
        batch_dependent=True,
        draws=True,
    ),
    linear("reverse", layers.reverse, (4, 2)),
    linear("reverse lengths", layers.reverse, ((4, 2), LENGTHS), **PADDED),
    linear("last", layers.last, (4, 2)),
    linear("last lengths", layers.last, ((4, 2), LENGTHS), **PADDED),
    linear("mean_over", layers.mean_over, (4, 2)),
    linear("mean_over last axis", lambda: layers.mean_over(-1), (2, 3)),
    linear("mean_over lengths", layers.mean_over, ((4, 2), LENGTHS), **PADDED),
    linear("mean_over mask", layers.mean_over, ((4, 2), Discrete((4,))), within={"x[1]": bool}),
    linear("embedding", lambda: layers.embedding(5, 2), Discrete((3,)), within={"x": (0, 4)}),
    linear("embedding padding", lambda: layers.embedding(3, 2, padding=1), Discrete((2, 3)), within={"x": (0, 2)}),
    Row("serial lenet", lenet, (1, 10, 10)),
    Row("serial residual net", residual_net, (1, 4, 4), batch_dependent=True, draws=True),
]


@attrs.frozen
class LossRow:
    """A loss to be checked: the function, examples of what it takes, and its options."""

    name: str
    loss: Callable[..., Any]
    prediction: Callable[[rng.Key, int], Array]  # key, examples in the batch
    target: Callable[[rng.Key, int], Array]
    options: dict[str, Any] = attrs.field(factory=dict)  # as set in the loss
    of: str = attrs.field()  # the loss itself

    @of.default
    def _of(self) -> str:
        return self.covers

    @property
    def covers(self) -> str:
        """The public loss the row stands for."""
        return self.name.split()[0]


def numbers(*shape: int) -> Callable[[rng.Key, int], Array]:
    """Normal numbers (N, *shape)."""
    return lambda key, n: rng.normal(key, (n, *shape), np.float64)


def classes(k: int) -> Callable[[rng.Key, int], Array]:
    """Class numbers (N,)."""
    return lambda key, n: rng.permutation(key, n) % k


def probabilities(*shape: int) -> Callable[[rng.Key, int], Array]:
    """Positive numbers (N, *shape) that sum to 1 along the last axis."""

    def draw(key: rng.Key, n: int) -> Array:
        u = rng.uniform(key, (n, *shape), 0.1, 1.0, np.float64)
        return u / u.sum(axis=-1, keepdims=True)

    return draw


def log_probabilities(k: int) -> Callable[[rng.Key, int], Array]:
    """Their logarithms."""
    return lambda key, n: np.log(probabilities(k)(key, n))


def answers(*shape: int, ignored: bool = False) -> Callable[[rng.Key, int], Array]:
    """0 and 1 (N, *shape), where wished with some -1 too; none of them in the first example."""

    def draw(key: rng.Key, n: int) -> Array:
        found = (rng.uniform(key, (n, *shape), 0, 3 if ignored else 2) // 1).astype(np.int64)
        found[0] = found[0] % 2
        return np.where(found == 2, -1, found)

    return draw


def places(k: int, *shape: int, ignored: int | None = None) -> Callable[[rng.Key, int], Array]:
    """Class numbers (N, *shape), some of them `ignored`; all of them in the last example."""

    def draw(key: rng.Key, n: int) -> Array:
        found = (rng.uniform(key, (n, *shape), 0, k) // 1).astype(np.int64)
        if ignored is not None:
            found = np.where(rng.uniform(rng.fold_in(key, "ignored"), found.shape) < 0.3, ignored, found)
            found[0], found[-1] = k - 1, ignored
        return found

    return draw


def rows_of(k: int, *shape: int) -> Callable[[rng.Key, int], Array]:
    """Probabilities (N, K, *shape) along axis 1."""
    return lambda key, n: np.moveaxis(probabilities(*shape, k)(key, n), -1, 1)


def counts(*shape: int) -> Callable[[rng.Key, int], Array]:
    """Whole numbers (N, *shape) from 0 to 4."""
    return lambda key, n: (rng.uniform(key, (n, *shape), 0, 5) // 1).astype(np.int64)


def spoken(k: int, most: int, blank: int = 0) -> Callable[[rng.Key, int], Array]:
    """Labels (N, most) of k classes other than the blank, with blanks behind each one's end."""

    def draw(key: rng.Key, n: int) -> Array:
        labels = (rng.uniform(key, (n, most), 0, k - 1) // 1).astype(np.int64)
        labels += labels >= blank
        lengths = rng.permutation(rng.fold_in(key, "lengths"), n) % (most + 1)
        return np.where(np.arange(most) < lengths[:, None], labels, blank)

    return draw


def row(name: str, prediction: Any, target: Any, **options: Any) -> LossRow:
    """A row of the loss that `name` begins with, with options."""
    loss = getattr(losses, name.split()[0])
    return LossRow(name, partial(loss, **options) if options else loss, prediction, target, options)


def log_rows(k: int, *shape: int) -> Callable[[rng.Key, int], Array]:
    return lambda key, n: np.log(rows_of(k, *shape)(key, n))


SHARES = (0.5, 2.0, 1.0, 4.0)
EVERYTHING: dict[str, Any] = {"class_weights": SHARES, "ignore": -7, "smoothing": 0.2}

OF_LOSSES = {"beside", "per_step"}  # losses of losses, whose laws are those inside: see `test_of_losses`
OF_LOSSES |= {"negative_elbo"}  # made of a loss and a divergence: see `test_negative_elbo`

LOSSES = [
    row("softmax_cross_entropy classes", numbers(4), classes(4)),
    row("softmax_cross_entropy probabilities", numbers(4), probabilities(4)),
    row("softmax_cross_entropy one class", numbers(1), classes(1)),
    row("softmax_cross_entropy places", numbers(4, 2, 3), places(4, 2, 3)),
    row("softmax_cross_entropy probabilities of places", numbers(3, 2), rows_of(3, 2)),
    row("softmax_cross_entropy shares", numbers(4), classes(4), class_weights=SHARES),
    row("softmax_cross_entropy shares of rows", numbers(4), probabilities(4), class_weights=SHARES),
    row("softmax_cross_entropy ignored", numbers(4), places(4, ignored=2), ignore=2),
    row("softmax_cross_entropy smoothed", numbers(4), classes(4), smoothing=0.1),
    row("softmax_cross_entropy smoothed rows", numbers(4), probabilities(4), smoothing=0.3),
    row("softmax_cross_entropy everything", numbers(4, 3), places(4, 3, ignored=-7), **EVERYTHING),
    row("negative_log_likelihood classes", log_probabilities(3), classes(3)),
    row("negative_log_likelihood rows", log_probabilities(3), probabilities(3)),
    row("negative_log_likelihood everything", log_rows(4, 2), places(4, 2, ignored=-7), **EVERYTHING),
    row("kullback_leibler rows", numbers(4), probabilities(4)),
    row("kullback_leibler places", numbers(3, 2, 2), rows_of(3, 2, 2)),
    row("kullback_leibler classes", numbers(4), classes(4)),
    row("focal classes", numbers(4), classes(4)),
    row("focal none", numbers(4), classes(4), gamma=0),
    row("focal half", numbers(4), classes(4), gamma=0.5),
    row("focal places", numbers(4, 2), places(4, 2, ignored=9), gamma=1.5, ignore=9, class_weights=SHARES),
    row("multi_class_hinge classes", numbers(4), classes(4)),
    row("multi_class_hinge narrow", numbers(4), classes(4), margin=0.2, class_weights=SHARES),
    row("multi_class_hinge places", numbers(3, 2), places(3, 2, ignored=255), ignore=255),
    row("binary_cross_entropy answers", numbers(), classes(2)),
    row("binary_cross_entropy probabilities", numbers(2, 3), probabilities(2, 3)),
    row("binary_cross_entropy ignored", numbers(3), answers(3, ignored=True), ignore=-1),
    row("binary_cross_entropy weighed", numbers(3, 2), answers(3, 2), positive_weight=(0.5, 1.0, 3.0)),
    row("binary_cross_entropy weighed alike", numbers(), answers(), positive_weight=5.0, smoothing=0.2),
    row("binary_focal answers", numbers(3), answers(3)),
    row("binary_focal ignored", numbers(), answers(ignored=True), ignore=-1, gamma=0.5),
    row("binary_focal weighed", numbers(3), answers(3), positive_weight=(0.5, 1.0, 3.0), gamma=1.5),
    row("hinge answers", numbers(3), answers(3)),
    row("hinge ignored", numbers(), answers(ignored=True), ignore=-1, margin=0.5),
    row("squared_error", numbers(3), numbers(3)),
    row("squared_error images", numbers(2, 3, 2), numbers(2, 3, 2)),
    row("mean_squared_error", numbers(3), numbers(3)),
    row("mean_squared_error numbers", numbers(), numbers()),
    row("absolute_error", numbers(3), numbers(3)),
    row("norm_loss", numbers(3), numbers(3)),
    row("norm_loss images", numbers(2, 2), numbers(2, 2)),
    row("huber", numbers(3), numbers(3)),
    row("huber narrow", numbers(3), numbers(3), delta=0.1),
    row("cosine_distance", numbers(3), numbers(3)),
    row("cosine_distance images", numbers(2, 2), numbers(2, 2)),
    row("poisson", numbers(3), counts(3)),
    row("poisson rates", numbers(), lambda key, n: rng.uniform(key, (n,), 0, 3, np.float64)),
    row("ctc", numbers(4, 3), spoken(3, 2)),
    row("ctc other blank", numbers(3, 3), spoken(3, 2, blank=1), blank=1),
    row("ctc impossible", numbers(2, 2), spoken(2, 3), impossible="zero"),
    LossRow(
        "with_options of classes",
        losses.with_options(losses.softmax_cross_entropy, **EVERYTHING),
        numbers(4),
        places(4, ignored=-7),
        EVERYTHING,
        "softmax_cross_entropy",
    ),
]
