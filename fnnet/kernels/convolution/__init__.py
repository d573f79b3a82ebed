"""Two-dimensional cross-correlation and its two adjoints: several algorithms behind one function each.

    y[n, o, p, q] = b[o] + Σ_cij w[o, c, i, j] · x[n, c, p·s + i - a, q·t + j - b]

Images go in with any strides and come out batch-last (see `fnnet.kernels.order`).

*Bands.* Rows of the image are unrolled kW-fold (see `unrolling`). What q neighbouring rows of windows
read is then a matrix X (R·C·kW, OW·N), R = (q - 1)·s + kH, without a copy, and q rows of y are one product W X with
the band matrix W (O·q, R·C·kW). q = 1 wastes no multiplication; a larger q makes the product of few channels less
slender, which BLAS likes, for R / (q·kH) times the multiplications. With q = OH the image is one product.

- forward:          W X
- weight gradient:  (Σ X dyᵀ)ᵀ, folded along the band: with X on the left BLAS took half the time of Σ dy Xᵀ
- input gradient:   Wᵀ dy, overlapping rows and taps summed; or, at stride 1, the forward of dy with the flipped
                    kernel, which has no sums to scatter.

*Columns.* All windows of a few or of small images are copied, kH·kW-fold, into one matrix X (C·kH·kW, OH·OW·N); the
forward is one product, w X, and the weight gradient (X dyᵀ)ᵀ.

*Winograd.* For kernels three columns wide at stride 1: two thirds of the multiplications, see `winograd`. For 3 × 3
kernels at stride 1 a quarter of them, with more copies, see `tiles`.

*Cost* is counted in multiply-adds, and the cheapest algorithm is taken, see `cost`.

| room | holds |
|---|---|
| `choice` | the tables of algorithms, the cheapest of each |
| `cost` | what each takes |
| `products`, `bands`, `winograd`, `tiles` | the algorithms |
| `unrolling` | images as matrices |
| `reductions` | signals, volumes, gaps and groups as images |
| `depthwise` | every channel by itself |
| `transposed` | the input gradient as a value |
"""

from fnnet.kernels.convolution.choice import (
    INPUT_GRADIENTS,
    WEIGHT_GRADIENTS,
    best_input_gradient,
    best_weight_gradient,
    convolve_last,
)
from fnnet.kernels.convolution.cost import Work
from fnnet.kernels.order import batch_first, batch_last
from fnnet.kernels.windows import Grid
from fnnet.types import Array

__all__ = ["convolve", "convolve_input_gradient", "convolve_weight_gradient"]


def convolve(x: Array, weight: Array, bias: Array | None, grid: Grid, algorithm: str | None = None) -> Array:
    """y (N, O, OH, OW) of x (N, C, H, W), weight (O, C, kH, kW) and bias (O,)."""
    return batch_first(convolve_last(batch_last(x), weight, bias, grid, algorithm))


def convolve_weight_gradient(x: Array, dy: Array, grid: Grid, algorithm: str | None = None) -> Array:
    """dw[o, c, i, j] = Σ_npq dy[n, o, p, q] · x[n, c, p·s + i - a, q·t + j - b], (O, C, kH, kW) in C order."""
    z, dz = batch_last(x), batch_last(dy)
    name = algorithm or best_weight_gradient(Work(z.shape[3], len(z), len(dz), grid))
    dw: Array = WEIGHT_GRADIENTS[name].run(z, dz, grid)
    return dw


def convolve_input_gradient(dy: Array, weight: Array, grid: Grid, algorithm: str | None = None) -> Array:
    """dx[n, c, u, v] = Σ dy[n, o, p, q] · w[o, c, i, j] over all that read it, (N, C, H, W)."""
    dz = batch_last(dy)
    name = algorithm or best_input_gradient(Work(len(dy), weight.shape[1], len(weight), grid))
    return batch_first(INPUT_GRADIENTS[name].run(dz, weight, grid))
