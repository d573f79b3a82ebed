"""Works beyond plain nets: single layers, forward and backward alone, and steps of a U-Net and a MobileNet.

Sizes are those of ordinary use, where a layer takes one to some tens of milliseconds on one core. Arrays go in as a
user has them, in C order.
"""

from experiments.bench.works import Spec, Work, convs


def _layer(says: str, shape: tuple[int, ...], batch: int, *spec: object) -> Work:
    return Work(says, shape, [tuple(spec)], batch, "", 0.0)


def _conv(dims: int, channels: int, kernel: int, stride: int = 1, dilation: int = 1, groups: int = 1) -> Spec:
    return "convolution", dims, channels, kernel, stride, kernel // 2 * dilation, dilation, groups


def _level(channels: int, *inside: Spec) -> list[Spec]:
    """A level of the U-Net, around the lower ones."""
    here = [
        spec
        for conv in convs(channels, channels)
        for spec in ((conv, ("batch_norm",)) if conv[0] == "conv" else (conv,))
    ]
    if not inside:
        return here
    below = (("max_pool", 2), *inside, ("transposed", 2, channels, 2, 2, 0))
    return [*here, ("skip", below), *here]


def _separable(here: int, channels: int, stride: int) -> list[Spec]:
    """A block of MobileNet."""
    return [
        *(_conv(2, here, 3, stride, groups=here), ("batch_norm",), ("relu",)),
        *(("conv", channels, 1, 0), ("batch_norm",), ("relu",)),
    ]


_IMAGES = (64, 28, 28)

LAYERS = {
    "lstm": _layer("LSTM, 50 steps of 128 features, 128 inside", (50, 128), 32, "lstm", 128),
    "lstm-narrow": _layer("LSTM, 100 steps of 64 features, 64 inside", (100, 64), 8, "lstm", 64),
    "gru": _layer("GRU, 50 steps of 128 features, 128 inside", (50, 128), 32, "gru", 128),
    "attention-4": _layer("self-attention, 64 steps of 128 features, 4 heads", (64, 128), 16, "attention", 4),
    "attention-8": _layer("self-attention, 64 steps of 128 features, 8 heads", (64, 128), 16, "attention", 8),
    "encoder": _layer(
        "transformer encoder layer, 64 steps of 128, 4 heads, 512 inside", (64, 128), 16, "encoder", 128, 4, 512
    ),
    "embedding": _layer("10,000 ids of 128 features, 100 steps", (100,), 32, "embedding", 10_000, 128),
    "layer-norm": _layer("layer norm, 128 steps of 256 features", (128, 256), 32, "layer_norm"),
    "layer-norm-small": _layer("layer norm, 64 steps of 128 features", (64, 128), 16, "layer_norm"),
    "group-norm": _layer("8 groups of 64 channels, 28×28", _IMAGES, 32, "group_norm", 8),
    "gelu": _layer("exact GELU, 64 steps of 512 features", (64, 512), 16, "gelu"),
    "conv1d": _layer("64 → 64 channels, 5 taps, 256 steps", (64, 256), 32, *_conv(1, 64, 5)),
    "conv3d": _layer("16 → 32 channels, 3×3×3, 16×16×16", (16, 16, 16, 16), 8, *_conv(3, 32, 3)),
    "depthwise": _layer("64 channels, 3×3, 28×28", _IMAGES, 32, *_conv(2, 64, 3, groups=64)),
    "depthwise-2": _layer("64 channels, 3×3 with stride 2, 28×28", _IMAGES, 32, *_conv(2, 64, 3, 2, groups=64)),
    "grouped": _layer("64 → 64 channels in 4 groups, 3×3, 28×28", _IMAGES, 32, *_conv(2, 64, 3, groups=4)),
    "dilated": _layer("64 → 64 channels, 3×3 with dilation 2, 28×28", _IMAGES, 32, *_conv(2, 64, 3, dilation=2)),
    "transposed": _layer("64 → 32 channels, 4×4 with stride 2, 14×14", (64, 14, 14), 32, "transposed", 2, 32, 4, 2, 1),
}

STEPS = {
    "unet": Work(
        "U-Net of 3 levels from 16 channels, batch norm",
        (1, 32, 32),
        [*_level(16, *_level(32, *_level(64))), ("conv", 2, 1, 0)],
        16,
        "adam",
        1e-3,
    ),
    "mobilenet": Work(
        "MobileNet of 4 blocks from 16 channels",
        (3, 32, 32),
        [
            *(_conv(2, 16, 3, 2), ("batch_norm",), ("relu",)),
            *(*_separable(16, 32, 1), *_separable(32, 64, 2), *_separable(64, 64, 1), *_separable(64, 128, 2)),
            *(("global_avg_pool",), ("dense", 10)),
        ],
        32,
        "momentum",
        0.01,
    ),
}
