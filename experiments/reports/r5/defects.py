"""What R5's code does beside what it says: a layer of its own, so that it can be measured."""

import numpy as np

from fnnet import layers
from fnnet.layers.layer import OwnPullback
from fnnet.types import Array, Layer, Params


def assigning_convolution(layer: Layer) -> Layer:
    """A convolution of stride 1 without padding whose input gradient keeps the last window alone (R5 l.352).

        dx[u, v] = Σ_o dy[o, p, q] · w[o, u - p, v - q],    p = min(u, OH - 1),  q = min(v, OW - 1)

    since `col2im` assigns where it must add: of all windows that read x[u, v] the last one written stays. What is no
    convolution is handed back as it is.
    """
    if layer.name != "conv2d":
        return layer

    def apply(params: Params, x: Array) -> tuple[Array, OwnPullback]:
        y, back = layer.apply(params, x)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            grads, _ = back(dy, False)
            return grads, last_window(dy, params.weight) if input_gradient else None

        return y, vjp

    return layers.layer(layer.init, apply, shape=layer.shape, name=layer.name)


def last_window(dy: Array, weight: Array) -> Array:
    """The formula above, for dy (N, O, OH, OW) and weight (O, C, kH, kW).

    Within the first OH rows it is always the window's own first row that is read, below them the last window's others.

    >>> last_window(np.array([[[[1.0, 2.0]]]]), np.array([[[[10.0, 20.0, 30.0]]]])).tolist()
    [[[[10.0, 20.0, 40.0, 60.0]]]]
    """
    n, outputs, height, width = dy.shape
    _, channels, tall, wide = weight.shape
    rows, columns = (np.arange(size + kernel - 1) for size, kernel in ((height, tall), (width, wide)))
    dx = np.empty((n, channels, len(rows), len(columns)), dy.dtype)
    for i in range(tall):
        for j in range(wide):
            down = slice(0, height) if i == 0 else slice(height - 1 + i, height + i)
            right = slice(0, width) if j == 0 else slice(width - 1 + j, width + j)
            seen = dy[:, :, : height if i == 0 else None, : width if j == 0 else None]
            seen = seen[:, :, 0 if i == 0 else height - 1 :, 0 if j == 0 else width - 1 :]
            flat = np.ascontiguousarray(seen.transpose(1, 0, 2, 3)).reshape(outputs, -1)
            product = weight[:, :, i, j].T @ flat
            dx[:, :, down, right] = product.reshape(channels, n, *seen.shape[2:]).transpose(1, 0, 2, 3)
    return dx
