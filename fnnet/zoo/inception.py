"""Inception: convolutions of several sizes side by side."""

from fnnet import layers
from fnnet.types import Layer
from fnnet.zoo._parts import scaled

# 1×1, 3×3 reduced, 3×3, 5×5 reduced, 5×5, behind the pool
STAGES = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)


def inception_block(one: int, reduce3: int, three: int, reduce5: int, five: int, pool: int) -> Layer:
    """1×1, 3×3 and 5×5 convolutions and a pool side by side, their channels joined.

    Args:
        one: channels of the 1×1 convolution.
        reduce3, three: of the 1×1 convolution in front of the 3×3 one, and of that.
        reduce5, five: the same for 5×5.
        pool: of the 1×1 convolution behind the pool.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", figure 2b.

    >>> inception_block(2, 2, 3, 1, 2, 1).shape((4, 6, 6))
    (8, 6, 6)
    """

    def convolutions(*sizes: tuple[int, int]) -> list[Layer]:
        return [
            layer
            for channels, kernel in sizes
            for layer in (layers.conv2d(channels, kernel, padding=kernel // 2), layers.relu())
        ]

    return layers.parallel(
        layers.serial(*convolutions((one, 1))),
        layers.serial(*convolutions((reduce3, 1), (three, 3))),
        layers.serial(*convolutions((reduce5, 1), (five, 5))),
        layers.serial(layers.max_pool(3, 1, padding=1), *convolutions((pool, 1))),
        combine="concatenate",
    )


def googlenet(classes: int = 1000, *, width: float = 1.0) -> Layer:
    """GoogLeNet without its two auxiliary classifiers, for images (3, H, W) from 32 pixels a side.

    At 1,000 classes it has 6,998,552 parameters.

    Args:
        classes: how many logits.
        width: times so many channels.

    Source: Szegedy et al. 2015, table 1; pools round sizes up, as there.

    >>> googlenet(10, width=0.125).shape((3, 64, 64))
    (10,)
    """
    norm = layers.local_response_norm(5, alpha=1e-4, beta=0.75, k=1.0)
    pool = layers.max_pool(3, 2, ceil=True)
    first, second, third = ([inception_block(*(scaled(n, width) for n in row)) for row in rows] for rows in STAGES)
    return layers.serial(
        layers.conv2d(scaled(64, width), 7, stride=2, padding=3),
        layers.relu(),
        pool,
        norm,
        layers.conv2d(scaled(64, width), 1),
        layers.relu(),
        layers.conv2d(scaled(192, width), 3, padding=1),
        layers.relu(),
        norm,
        pool,
        *first,
        pool,
        *second,
        pool,
        *third,
        layers.global_avg_pool(),
        layers.dropout(0.4),
        layers.dense(classes),
    )
