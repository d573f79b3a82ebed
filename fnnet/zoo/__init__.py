"""Nets by name, each a function of a few lines that gives a net of fnnet's layers."""

from fnnet.lazy import lazily

__all__ = [
    "alexnet",
    "autoencoder",
    "basic_block",
    "bert",
    "bottleneck_block",
    "character_gru",
    "character_lstm",
    "dense_block",
    "densenet121",
    "fire",
    "googlenet",
    "gpt",
    "inception_block",
    "inverted_residual",
    "lenet5",
    "lenet5_1998",
    "mlp_mixer",
    "mobilenet_v1",
    "mobilenet_v2",
    "patches",
    "resnet",
    "squeezenet",
    "unet",
    "variational_autoencoder",
    "vgg",
    "vit",
]

lazily(
    __name__,
    {
        ".autoencoder": ("variational_autoencoder",),
        ".densenet": ("dense_block", "densenet121"),
        ".inception": ("googlenet", "inception_block"),
        ".lenet": ("lenet5", "lenet5_1998"),
        ".mobilenet": ("inverted_residual", "mobilenet_v1", "mobilenet_v2"),
        ".recurrent": ("character_gru", "character_lstm"),
        ".resnet": ("basic_block", "bottleneck_block"),
        ".squeezenet": ("fire",),
        ".vit": ("mlp_mixer", "patches"),
    },
)
