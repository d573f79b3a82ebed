"""Pictures as sequences of patches: the vision transformer and the MLP-Mixer."""

from fnnet import initializers, layers
from fnnet.types import Layer


def patches(size: int, features: int) -> Layer:
    """Pictures (C, H, W) cut into patches, each mapped to features: (H · W / size², features).

    >>> patches(4, 6).shape((3, 8, 8))
    (4, 6)
    """
    cut = layers.conv2d(features, size, stride=size, init=initializers.lecun_normal())
    return layers.serial(cut, layers.reshape((features, -1)), layers.transpose())


def vit(
    classes: int = 1000,
    *,
    patch: int = 16,
    features: int = 192,
    heads: int = 3,
    depth: int = 12,
    dropout: float = 0.0,
) -> Layer:
    """The vision transformer, for pictures (C, H, W) whose sides are multiples of `patch`.

    The sizes by default are those of ViT-tiny (DeiT-Ti): 5,717,416 parameters for pictures (3, 224, 224) at 1,000
    classes.

    Args:
        classes: how many logits.
        patch: pixels on a side of a patch.
        features: of each patch.
        heads: of attention, which divide features.
        depth: transformer layers.
        dropout: behind the positions and in every layer, in training.

    Source: Dosovitskiy et al. 2021, "An image is worth 16x16 words", equations 1 to 4; tiny: Touvron et al. 2021,
    "Training data-efficient image transformers", table 1.

    >>> vit(10, patch=4, features=12, heads=3, depth=2).shape((1, 28, 28))
    (10,)
    """
    block = layers.transformer_encoder_layer(features, heads, activation=layers.gelu(), dropout=dropout)
    return layers.serial(
        patches(patch, features),
        layers.learned_tokens(),
        layers.learned_positions(),
        layers.dropout(dropout),
        *[block] * depth,
        layers.layer_norm(),
        layers.take([0]),
        layers.flatten(),
        layers.dense(classes),
    )


def mlp_mixer(
    classes: int = 1000,
    *,
    patch: int = 16,
    places: int = 196,
    features: int = 512,
    token_hidden: int = 256,
    hidden: int = 2048,
    depth: int = 8,
) -> Layer:
    """The MLP-Mixer: dense layers along the places and along the features, by turns; for pictures of one size.

    The sizes by default are those of Mixer-S/16: 18,528,264 parameters for pictures (3, 224, 224) at 1,000 classes.

    Args:
        classes: how many logits.
        patch: pixels on a side of a patch.
        places: how many patches there are, H · W / patch².
        features: of each patch.
        token_hidden: units between the two dense layers along the places.
        hidden: units between those along the features.
        depth: how often.

    Source: Tolstikhin et al. 2021, "MLP-Mixer: an all-MLP architecture for vision", figure 1 and table 1.

    >>> mlp_mixer(10, patch=7, places=16, features=6, token_hidden=4, hidden=8, depth=2).shape((1, 28, 28))
    (10,)
    """

    def two_layers(units: int, back: int) -> Layer:
        return layers.per_step(layers.serial(layers.dense(units), layers.gelu(), layers.dense(back)))

    def with_detour(*body: Layer) -> Layer:
        return layers.residual(layers.serial(layers.layer_norm(), *body))

    along_places = with_detour(layers.transpose(), two_layers(token_hidden, places), layers.transpose())
    along_features = with_detour(two_layers(hidden, features))
    return layers.serial(
        patches(patch, features),
        *(along_places, along_features) * depth,
        layers.layer_norm(),
        layers.mean_over(),
        layers.dense(classes),
    )
