"""Metrics: functions `(predictions, target, weight=None) -> value`; what a net is good for, in numbers people know.

| metric | predictions | target |
|---|---|---|
| `accuracy`, `top_k_accuracy`, `class_accuracy`, `confusion` | scores (N, K, …) | classes (N, …) |
| `precision`, `recall`, `f1`, `roc_auc`, `average_precision`, `calibration_error` | scores (N, K, …) | classes (N, …) |
| | scores of answers (N, …) | 0 or 1 (N, …) |
| `binary_accuracy`, `multi_label_accuracy` | scores of answers (N, …) | 0 or 1 (N, …) |
| `r2`, `mean_absolute_error`, `mean_absolute_percentage_error` | numbers (N, …) | numbers (N, …) |

Scores of classes are of any kind in which the largest wins: logits, log-probabilities, probabilities; of equal ones the
first wins. Classes are integers from 0 to K - 1, or rows of probabilities (N, K, …), meaning their largest entry; there
may be one at every place (N, …). Answers are whole numbers or booleans: an answer is yes if its score is above 0 (a
logit, `scores="logits"`) or above ½ (`scores="probabilities"`).

Every metric takes the weights of examples, (N,); `ignoring` leaves out what has a label that does not count. Over
batches `training.evaluate` averages means (floats) by weights, adds up counts (whole numbers), and hands all
predictions at once to a metric that cannot be put together, as `over_batches` marks it. All are scikit-learn's to the
last digits, where that has them.
"""

from fnnet.lazy import lazily

__all__ = [
    "accuracy",
    "average_precision",
    "binary_accuracy",
    "calibration_error",
    "class_accuracy",
    "confusion",
    "f1",
    "ignoring",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "multi_label_accuracy",
    "over_batches",
    "precision",
    "r2",
    "recall",
    "roc_auc",
    "top_k_accuracy",
]

lazily(
    __name__,
    {
        ".accuracy": ("class_accuracy", "confusion", "top_k_accuracy"),
        ".answers": ("binary_accuracy", "multi_label_accuracy"),
        ".calibration": ("calibration_error",),
        ".precision": ("f1", "recall"),
        ".ranking": ("average_precision", "roc_auc"),
        ".regression": ("mean_absolute_error", "mean_absolute_percentage_error", "r2"),
        "fnnet.over_batches": ("over_batches",),
    },
)
