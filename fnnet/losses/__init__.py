"""Losses: `(prediction, target, reduction="mean") -> (value, vjp)` with `vjp(1.0) -> dprediction`.

| loss | of one example | prediction | target |
|---|---|---|---|
| `softmax_cross_entropy` | -Σ t log softmax(x) | scores (N, K, …) | classes (N, …) or probabilities (N, K, …) |
| `negative_log_likelihood` | -Σ t x | log-probabilities (N, K, …) | classes (N, …) or probabilities (N, K, …) |
| `kullback_leibler` | Σ t (log t - log softmax(x)) | scores (N, K, …) | probabilities (N, K, …) or classes |
| `focal` | (1 - p)ᵞ (-log p), p = softmax(x) at t | scores (N, K, …) | classes (N, …) |
| `multi_class_hinge` | Σ max(0, m - x at t + x elsewhere) | scores (N, K, …) | classes (N, …) |
| `binary_cross_entropy` | -Σ t log p + (1 - t) log (1 - p), p = σ(x) | scores (N, …) | 0, 1 or probabilities (N, …) |
| `binary_focal` | Σ qᵞ (-log (1 - q)), q the doubt in t | scores (N, …) | 0 or 1 (N, …) |
| `hinge` | Σ max(0, m - s x), s = ±1 | scores (N, …) | 0 or 1 (N, …) |
| `ctc` | -log Σ over all ways to lay labels along steps | scores (N, T, K) | labels (N, U), see there |
| `squared_error` | ½ Σ (x - t)² | (N, …) | (N, …) |
| `mean_squared_error` | mean of (x - t)² | (N, …) | (N, …) |
| `absolute_error` | Σ abs(x - t) | (N, …) | (N, …) |
| `norm_loss` | √Σ (x - t)² | (N, …) | (N, …) |
| `huber` | Σ ½ (x - t)², but linear beyond δ | (N, …) | (N, …) |
| `cosine_distance` | 1 - x·t / (‖x‖ ‖t‖) | (N, …) | (N, …) |
| `poisson` | Σ eˣ - t x | log-rates (N, …) | counts (N, …) |
| `negative_elbo` | cross-entropy + β ½ Σ m² + eᵛ - 1 - v | (logits (N, …), m, v (N, K)) | probabilities (N, …) |

Sums run over the outputs of an example; `reduction` takes the mean or the sum over the batch, and over all places
(N, …) where each has a class of its own. The value is a Python number, summed in float64; dprediction has the shape and
dtype of prediction. Predictions are float32 or float64, and targets of the same dtype (classes are integers). Complex
predictions are for proofs by complex steps.

Every loss takes `weight=`, one number ≥ 0 for each example: a mean is Σ w l / Σ w, so nothing changes where a batch is
split. Options are by name, and `with_options` sets them for a training: class weights, ignored labels, smoothing, …

Losses are made of losses by `beside`, for nets whose value is a tuple, and `per_step`, for sequences.

An own loss is any function of this kind. To be trained in micro-batches or evaluated it takes `reduction=`, for batches
with weights `weight=`; its mean is taken to divide by their sum (or by N), unless its pullback says another `total`.
"""

from fnnet.lazy import lazily

__all__ = [
    "absolute_error",
    "beside",
    "binary_cross_entropy",
    "binary_focal",
    "cosine_distance",
    "ctc",
    "focal",
    "hinge",
    "huber",
    "kullback_leibler",
    "mean_squared_error",
    "multi_class_hinge",
    "negative_elbo",
    "negative_log_likelihood",
    "norm_loss",
    "per_step",
    "poisson",
    "softmax_cross_entropy",
    "squared_error",
    "with_options",
]

lazily(
    __name__,
    {
        "._reduce": ("Loss", "LossPullback", "LossValue"),
        ".binary": ("binary_cross_entropy", "binary_focal"),
        ".distance": ("absolute_error", "cosine_distance", "huber", "mean_squared_error", "norm_loss", "squared_error"),
        ".margin": ("hinge", "multi_class_hinge"),
        ".of_losses": ("beside", "per_step"),
        ".options": ("with_options",),
        ".softmax": ("focal", "kullback_leibler", "negative_log_likelihood", "softmax_cross_entropy"),
        ".variational": ("negative_elbo",),
    },
)
