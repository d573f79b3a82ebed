"""Autoencoders: a net that says what it has read, through few numbers."""

from collections.abc import Sequence
from typing import Any

from fnnet import layers
from fnnet.types import Layer


def autoencoder(outputs: int = 784, *, hidden: Sequence[int] = (1000, 500, 250), code: int = 30) -> Layer:
    """Dense layers down to a code and up again: vectors (outputs,) to logits of the same.

    The sizes by default are those of the deep autoencoder for MNIST: 2,837,314 parameters. Train it by
    `losses.binary_cross_entropy` against the picture itself.

    Args:
        outputs: numbers in an example.
        hidden: units of the layers in front of the code, in order; behind it they come the other way round.
        code: numbers in the middle, without an activation.

    Source: Hinton and Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks", figure 1; with
    sigmoid units, trained as a whole and not by pairs of layers.

    >>> autoencoder(16, hidden=(8,), code=2).shape((16,))
    (16,)
    """

    def dense_layers(sizes: Sequence[int]) -> list[Layer]:
        return [layer for n in sizes for layer in (layers.dense(n), layers.sigmoid())]

    return layers.serial(
        *dense_layers(hidden), layers.dense(code), *dense_layers(tuple(hidden)[::-1]), layers.dense(outputs)
    )


def variational_autoencoder(
    outputs: int = 784, *, hidden: int = 500, code: int = 20, activation: Layer = layers.tanh()
) -> Layer:
    """Vectors (outputs,) to (logits of the same, mean and log-variance of the code); its loss is `negative_elbo`.

    In training the code is drawn, by the step's key; in evaluation it is its mean. Its child `decoder` makes logits of
    any code: `net["decoder"].apply(params.decoder, code)`.

    Args:
        outputs: numbers in an example.
        hidden: units on the way to the code and back.
        code: numbers of the code.
        activation: of those units; the paper's is tanh. With `relu` pictures of drawn codes keep a black ground
            after a few epochs, as units that are never negative learn it, whatever the code.

    Source: Kingma and Welling 2014, "Auto-encoding variational Bayes", section 3 and appendix C, with 500 units for
    MNIST.

    >>> variational_autoencoder(16, hidden=8, code=2).shape((16,))
    ((16,), (2,), (2,))
    """

    def wire(net: Any, x: Any) -> tuple[Any, Any, Any]:
        h = net.encoder(x)
        mean, log_variance = net.mean(h), net.log_variance(h)
        return net.decoder(net.code(mean, log_variance)), mean, log_variance

    return layers.graph(
        wire,
        encoder=layers.serial(layers.dense(hidden), activation),
        mean=layers.dense(code),
        log_variance=layers.dense(code),
        code=layers.gaussian_sample(),
        decoder=layers.serial(layers.dense(hidden), activation, layers.dense(outputs)),
    )
