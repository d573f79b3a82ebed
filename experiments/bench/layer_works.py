"""Works beyond plain nets: single layers, forward and backward alone, steps of larger nets, and one that is imported.

Sizes are those of ordinary use, where a layer takes one to some tens of milliseconds on one core. Arrays go in as a
user has them, in C order.
"""

from experiments.bench.works import Spec, Work, convs


def layer(says: str, shape: tuple[int, ...], batch: int, *spec: object) -> Work:
    """A layer by itself."""
    return Work(says, shape, [tuple(spec)], batch, "", 0.0)


def conv(dims: int, channels: int, kernel: int, stride: int = 1, dilation: int = 1, groups: int = 1) -> Spec:
    """A convolution that keeps the size, but for its stride."""
    return "convolution", dims, channels, kernel, stride, kernel // 2 * dilation, dilation, groups


def level(channels: int, *inside: Spec) -> list[Spec]:
    """A level of a U-Net, around the lower ones."""
    here = [
        spec
        for each in convs(channels, channels)
        for spec in ((each, ("batch_norm",)) if each[0] == "conv" else (each,))
    ]
    if not inside:
        return here
    below = (("max_pool", 2), *inside, ("transposed", 2, channels, 2, 2, 0))
    return [*here, ("skip", below), *here]


def _separable(here: int, channels: int, stride: int) -> list[Spec]:
    """A block of MobileNet."""
    return [
        *(conv(2, here, 3, stride, groups=here), ("batch_norm",), ("relu",)),
        *(("conv", channels, 1, 0), ("batch_norm",), ("relu",)),
    ]


def mobilenet(c: int) -> list[Spec]:
    """A MobileNet of 4 blocks from c channels."""
    return [
        *(conv(2, c, 3, 2), ("batch_norm",), ("relu",)),
        *(*_separable(c, 2 * c, 1), *_separable(2 * c, 4 * c, 2), *_separable(4 * c, 4 * c, 1)),
        *(*_separable(4 * c, 8 * c, 2), ("global_avg_pool",), ("dense", 10)),
    ]


def _bottleneck(inside: int, stride: int, first: bool) -> list[Spec]:
    """A block of ResNet-50."""
    body = (
        *(("conv", inside, 1, 0), ("batch_norm",), ("relu",)),
        *(conv(2, inside, 3, stride), ("batch_norm",), ("relu",)),
        *(("conv", 4 * inside, 1, 0), ("batch_norm",)),
    )
    way = (("convolution", 2, 4 * inside, 1, stride, 0, 1, 1), ("batch_norm",)) if first else (("identity",),)
    return [("residual", body, way), ("relu",)]


def _resnet50() -> list[Spec]:
    stages = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
    blocks = [_bottleneck(n, stride if i == 0 else 1, i == 0) for n, count, stride in stages for i in range(count)]
    stem = [conv(2, 64, 7, 2), ("batch_norm",), ("relu",), ("max_pool", 3, 2, 1)]
    return [*stem, *(spec for block in blocks for spec in block), ("global_avg_pool",), ("dense", 1000)]


_IMAGES = (64, 28, 28)

LAYERS = {
    "lstm": layer("LSTM, 50 steps of 128 features, 128 inside", (50, 128), 32, "lstm", 128),
    "lstm-narrow": layer("LSTM, 100 steps of 64 features, 64 inside", (100, 64), 8, "lstm", 64),
    "gru": layer("GRU, 50 steps of 128 features, 128 inside", (50, 128), 32, "gru", 128),
    "attention-4": layer("self-attention, 64 steps of 128 features, 4 heads", (64, 128), 16, "attention", 4),
    "attention-8": layer("self-attention, 64 steps of 128 features, 8 heads", (64, 128), 16, "attention", 8),
    "encoder": layer(
        "transformer encoder layer, 64 steps of 128, 4 heads, 512 inside", (64, 128), 16, "encoder", 128, 4, 512
    ),
    "embedding": layer("embedding, 10,000 ids of 128 features, 100 steps", (100,), 32, "embedding", 10_000, 128),
    "layer-norm": layer("layer norm, 128 steps of 256 features", (128, 256), 32, "layer_norm"),
    "layer-norm-small": layer("layer norm, 64 steps of 128 features", (64, 128), 16, "layer_norm"),
    "group-norm": layer("group norm, 8 groups of 64 channels, 28×28", _IMAGES, 32, "group_norm", 8),
    "gelu": layer("exact GELU, 64 steps of 512 features", (64, 512), 16, "gelu"),
    "conv1d": layer("conv1d, 64 → 64 channels, 5 taps, 256 steps", (64, 256), 32, *conv(1, 64, 5)),
    "conv3d": layer("conv3d, 16 → 32 channels, 3×3×3, 16×16×16", (16, 16, 16, 16), 8, *conv(3, 32, 3)),
    "depthwise": layer("depthwise, 64 channels, 3×3, 28×28", _IMAGES, 32, *conv(2, 64, 3, groups=64)),
    "depthwise-2": layer(
        "depthwise, 64 channels, 3×3 with stride 2, 28×28", _IMAGES, 32, *conv(2, 64, 3, 2, groups=64)
    ),
    "grouped": layer("grouped, 64 → 64 channels in 4 groups, 3×3, 28×28", _IMAGES, 32, *conv(2, 64, 3, groups=4)),
    "dilated": layer("dilated, 64 → 64 channels, 3×3 with dilation 2, 28×28", _IMAGES, 32, *conv(2, 64, 3, dilation=2)),
    "transposed": layer(
        "transposed, 64 → 32 channels, 4×4 with stride 2, 14×14", (64, 14, 14), 32, "transposed", 2, 32, 4, 2, 1
    ),
}

STEPS = {
    "unet": Work(
        "U-Net of 3 levels from 16 channels, batch norm",
        (1, 32, 32),
        [*level(16, *level(32, *level(64))), ("conv", 2, 1, 0)],
        16,
        "adam",
        1e-3,
    ),
    "mobilenet": Work(
        "MobileNet of 4 blocks from 16 channels",
        (3, 32, 32),
        mobilenet(16),
        32,
        "momentum",
        0.01,
    ),
    "transformer": Work(
        "transformer encoder layer and a dense one, 64 steps of 128",
        (64, 128),
        [("encoder", 128, 4, 512), ("flatten",), ("dense", 10)],
        16,
        "adam",
        1e-3,
    ),
}

IMPORTED = {"resnet50": Work("ResNet-50 out of an ONNX file", (3, 224, 224), _resnet50(), 8, "", 0.0, imported=True)}
