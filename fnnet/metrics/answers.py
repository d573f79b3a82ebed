"""How often yes-or-no answers are right: each for itself, or all of an example together."""

from fnnet.metrics._read import as_answers, check_scores, chosen, mean_of
from fnnet.recipe import factory
from fnnet.types import Array, Metric


@factory
def binary_accuracy(*, scores: str = "logits") -> Metric:
    """The fraction of answers that are right, over all outputs and examples.

        1/(N D) Σₙ Σᵢ [(xₙᵢ > θ) = tₙᵢ],    θ = 0 for logits, ½ for probabilities

    Args:
        scores: "logits", in front of a sigmoid, or "probabilities".

    Raises (the metric):
        ShapeError: predictions and target differ in shape.
        DtypeError: predictions are not floating, or the target is text.
        DataError: a target is neither 0 nor 1, or predictions are no probabilities.
        NonFiniteError: a score is NaN.

    >>> import numpy as np
    >>> binary_accuracy()(np.array([[2.0, -1.0], [0.5, 3.0]]), np.array([[1, 0], [0, 1]]))
    0.75
    """
    scores = check_scores(scores)

    def metric(predictions: Array, target: Array, weight: Array | None = None) -> float:
        x, yes, weights = as_answers(predictions, target, weight)
        right = chosen(scores, x) == yes
        if weights is not None:
            return mean_of(right.mean(axis=1), weights)
        return mean_of(right.reshape(-1), None)

    return metric


@factory
def multi_label_accuracy(*, scores: str = "logits") -> Metric:
    """The fraction of examples of which every answer is right.

        1/N Σₙ Πᵢ [(xₙᵢ > θ) = tₙᵢ]

    Args:
        scores: "logits", in front of a sigmoid, or "probabilities".

    The errors are those of `binary_accuracy`.

    >>> import numpy as np
    >>> multi_label_accuracy()(np.array([[2.0, -1.0], [0.5, 3.0]]), np.array([[1, 0], [0, 1]]))
    0.5
    """
    scores = check_scores(scores)

    def metric(predictions: Array, target: Array, weight: Array | None = None) -> float:
        x, yes, weights = as_answers(predictions, target, weight)
        return mean_of((chosen(scores, x) == yes).all(axis=1), weights)

    return metric
