"""Small nets and data that teams are tried on."""

import numpy as np

from fnnet import layers, losses, rng

KEY = rng.key(11)
LABELS = rng.permutation(rng.key(2), 23) % 3  # 23 is prime: every last batch is short
WEIGHTS = (rng.permutation(rng.key(3), 23) % 4).astype(np.float32)  # of which some are 0


def pictures(*shape):
    return rng.normal(rng.key(1), (23, *shape))


CASES = {
    "lenet": (
        layers.serial(
            layers.conv2d(2, 3),
            layers.relu(),
            layers.max_pool(2),
            layers.conv2d(3, 3),
            layers.relu(),
            layers.max_pool(2),
            layers.flatten(),
            layers.dense(6),
            layers.relu(),
            layers.dense(3),
        ),
        (pictures(1, 12, 12), LABELS),
    ),
    "batch_norm_dropout": (
        layers.serial(
            layers.conv2d(2, 3),
            layers.batch_norm(decay=0.5),
            layers.relu(),
            layers.dropout(0.3),
            layers.flatten(),
            layers.parallel(layers.dense(4), layers.frozen(layers.dense(4)), combine="concatenate"),
            layers.dense(3),
        ),
        (pictures(1, 5, 5), LABELS, WEIGHTS),
    ),
    "lstm": (layers.serial(layers.lstm(4), layers.last(), layers.dense(3)), (pictures(5, 2), LABELS)),
}
LOSS = losses.softmax_cross_entropy
