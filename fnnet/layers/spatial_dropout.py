"""`spatial_dropout`: in training, whole channels are left out at random."""

from fractions import Fraction

from fnnet.arrays import in_words
from fnnet.errors import ShapeError, expected
from fnnet.layers._dropping import dropping
from fnnet.recipe import factory
from fnnet.types import Layer, Shape


@factory
def spatial_dropout(rate: float | Fraction, *, rescale: bool = True) -> Layer:
    """Leave out a fraction of the channels of each example in training; in evaluation, change nothing.

        training:    y = m · x / (1 - rate),  dx = m · dy / (1 - rate),  m ~ Bernoulli(1 - rate) per example and channel
        evaluation:  y = x,                   dx = dy

    Neighbouring pixels tell nearly the same, so that leaving out single ones takes little away. Keeps m.

    Args:
        rate: the fraction dropped, in [0, 1). A `Fraction` stays exact on exact arrays.
        rescale: whether survivors are scaled by 1 / (1 - rate).

    Shapes: x (N, C, …) with one axis or more behind the channels, y like x.

    Raises:
        ConfigError: rate is outside [0, 1).
        ShapeError: nothing stands behind the channels; that is `dropout`.

    Source: Tompson et al. 2015, "Efficient object localization using convolutional networks", sec. 3.2; `Dropout1d`,
    `Dropout2d` and `Dropout3d` of PyTorch, `SpatialDropout2D` of Keras.

    >>> import numpy as np
    >>> from fnnet import rng
    >>> spatial_dropout(0.5).train(rng.key(0)).apply((), np.ones((1, 3, 2)))[0].tolist()
    [[[2.0, 2.0], [2.0, 2.0], [0.0, 0.0]]]
    """

    def shape(in_shape: Shape) -> Shape:
        if len(in_shape) < 2:
            fix = "dropout(rate) leaves out single features"
            raise ShapeError(expected("input", "(N, C, …), positions behind the channels", in_words(in_shape), fix))
        return in_shape

    def channels(x_shape: Shape) -> Shape:
        return (*x_shape[:2], *(1,) * (len(x_shape) - 2))

    return dropping("spatial_dropout", rate, rescale, channels, shape)
