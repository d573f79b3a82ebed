"""`noisy_dense`: a dense layer whose weights are noisy in training, by amounts that are learned."""

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import flag, real, whole
from fnnet.initializers import Initializer, variance_scaling
from fnnet.layers._params import initialised, leaf
from fnnet.layers.dense import dense
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def noisy_dense(
    n: int,
    *,
    sigma: float = 0.5,
    bias: bool = True,
    init: Initializer = variance_scaling(1 / 3, distribution="uniform"),
) -> Layer:
    """An affine map whose weights and biases get factorised noise in training: exploration that is learned.

        training:    y = x (W + S ∘ E) + b + s ∘ e,  E_ij = f(εᵢ) f(ε′ⱼ),  eⱼ = f(ε′ⱼ),  f(ε) = sign(ε) √|ε|
                     dW = xᵀ dy,  dS = dW ∘ E,  db = Σₙ dyₙ,  ds = db ∘ e,  dx = dy (W + S ∘ E)ᵀ
        evaluation:  y = x W + b,  so dS and ds are 0

    ε and ε′ are standard normal, drawn once for a step: all its examples see the same weights. Keeps x and what it was
    multiplied by. Params: `weight` W and `weight_sigma` S (D, n) and, with `bias`, `bias` b and `bias_sigma` s (n,).

    Args:
        n: output features.
        sigma: σ₀; S and s start at σ₀ / √D.
        bias: whether there are b and s; b starts at zero.
        init: initializer of the weight (D, n); by default U(-1/√D, 1/√D), as in the paper.

    Shapes: x (N, D), y (N, n).

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: the input is not a vector of features, or not of the length the weight was made for.

    Source: Fortunato et al. 2018, "Noisy networks for exploration", eq. 9 to 11, with factorised noise.

    >>> net, x = noisy_dense(2), np.ones((1, 3), np.float32)
    >>> params = net.init(rng.key(0), (3,))
    >>> one, other = (net.train(rng.key(step)).apply(params, x)[0] for step in (0, 1))
    >>> bool((one != other).all()), params.weight_sigma[0]
    (True, array([0.28867513, 0.28867513], dtype=float32))
    """
    n, sigma, bias = whole("n", n, 1), real("sigma", sigma, 0), flag("bias", bias)
    fields = ("weight", "bias") if bias else ("weight",)
    kind = tree.record("NoisyDense", (*fields, *(f"{field}_sigma" for field in fields)))
    plain = dense(n, bias=bias)

    def init_params(key: rng.Key, in_shape: Shape) -> Params:
        first = plain.init(key, in_shape)._replace(weight=initialised(init, rng.fold_in(key, "weight"), (*in_shape, n)))
        start = sigma / in_shape[0] ** 0.5
        return kind(*first, *(np.full(part.shape, start, np.float32) for part in first))

    def evaluation(params: Params, x: Array) -> tuple[Array, Pullback]:
        y, pull = plain._apply(params, x)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            grads, dx = pull(dy, input_gradient)
            return kind(*grads, *map(np.zeros_like, grads)), dx

        return y, vjp

    def train(key: rng.Key) -> Layer:
        def training(params: Params, x: Array) -> tuple[Array, Pullback]:
            weight = leaf(params, "weight")
            kept = [leaf(params, field) for field in fields]
            sigmas = [leaf(params, f"{field}_sigma", own.shape) for field, own in zip(fields, kept, strict=True)]
            out = _noise(rng.fold_in(key, "out"), n, weight.dtype)
            noise = [_noise(rng.fold_in(key, "in"), len(weight), weight.dtype)[:, None] * out, out]
            noisy = [own + s * e for own, s, e in zip(kept, sigmas, noise, strict=False)]
            y, pull = plain._apply(kind(*noisy, *sigmas), x)

            def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
                grads, dx = pull(dy, input_gradient)
                return kind(*grads, *(grad * e for grad, e in zip(grads, noise, strict=False))), dx

            return y, vjp

        return unchecked(init_params, training, shape=plain._shape, name="noisy_dense")

    return unchecked(init_params, evaluation, shape=plain._shape, train=train, name="noisy_dense")


def _noise(key: rng.Key, n: int, dtype: np.dtype) -> Array:
    """f(ε) for n features."""
    noise = rng.normal(key, (n,), np.float32 if dtype == np.float32 else np.float64)
    return np.copysign(np.sqrt(np.abs(noise)), noise)
