"""Training: a step is a pure function, a training is the fold of it over batches."""

from fnnet.lazy import lazily

__all__ = [
    "EarlyStoppingState",
    "LayerTrace",
    "LbfgsState",
    "PlateauState",
    "Sizes",
    "TrainState",
    "calibrate",
    "checkpoints",
    "csv_log",
    "early_stopping",
    "evaluate",
    "fit",
    "fold",
    "init",
    "lbfgs",
    "make_step",
    "micro_batches",
    "patience",
    "per_example_gradients",
    "per_example_norms",
    "predict",
    "progress",
    "reduce_on_plateau",
    "relative_rise",
    "scan",
    "sharpness_aware",
    "small_improvement",
    "trace",
    "value_and_grad",
]

lazily(
    __name__,
    {
        ".early_stopping": ("EarlyStoppingState", "patience", "relative_rise", "small_improvement"),
        ".fold": ("scan",),
        ".lbfgs": ("LbfgsState",),
        ".per_example": ("per_example_gradients", "per_example_norms"),
        ".plateau": ("PlateauState", "reduce_on_plateau"),
        ".sizes": ("Sizes",),
        ".state": ("TrainState", "init"),
        ".step": ("make_step",),
        ".trace": ("LayerTrace",),
    },
    moved={"Watch": "fnnet.training.EarlyStoppingState"},
)
