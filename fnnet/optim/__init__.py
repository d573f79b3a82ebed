"""Optimizers: chains of named parts, each a pair of pure functions.

    state = optimizer.init(params)
    updates, state = optimizer.update(grads, state, params)
    params = apply_updates(params, updates)

| | |
|---|---|
| whole optimizers | `sgd`, `adam`, `adamw`, `rmsprop`, `adagrad` |
| relatives of Adam | `adamax`, `nadam`, `radam`, `amsgrad`, `adabelief`, `adadelta` |
| by signs, leaves, matrices | `lion`, `lamb`, `muon` |
| around another one | `lookahead` |
| means of params | `ema`, `average`: rules on an `Averaged`, see there |
| their parts | `momentum`, `scale_by_adam`, `scale_by_rms`, `scale_by_adagrad`, `scale_by_learning_rate` |
| | `scale_by_adamax`, `scale_by_radam`, `scale_by_amsgrad`, `scale_by_adabelief`, `scale_by_adadelta` |
| | `scale_by_lion`, `scale_by_trust_ratio`, `orthogonalize` |
| more parts | `clip`, `clip_by_global_norm`, `add_decayed_weights`, `scale_by_factor`; your own: see `optim.engine` |
| put together | `chain`, `partition`, `freeze`, `l2` |
| to choose leaves | `is_weight`, `everywhere`, `under`, `outside`, or any `where(path, leaf) -> bool` |

A leaf that is marked, held or without a gradient has a hole in updates and keeps its very object. `schedules` are
functions of an optimizer's own count of updates, welcome wherever a learning rate is.

Clipping in front, decay on weights only, a rate that falls:

>>> from fnnet import optim
>>> optimizer = optim.chain(
...     optim.clip_by_global_norm(1.0),
...     optim.adamw(optim.schedules.cosine(1e-3, steps=10_000), weight_decay=0.01, where=optim.is_weight),
... )
>>> optimizer.update
chain(clip_by_global_norm, scale_by_adam, add_decayed_weights, scale_by_learning_rate)

Another rate for each group of leaves, here a tenth of it for what was trained before:

>>> optimizer = optim.partition(
...     lambda path: "old" if path.startswith("dense_0.") else "new",
...     {"old": optim.sgd(0.01, momentum=0.9), "new": optim.sgd(0.1, momentum=0.9)},
... )
"""

from fnnet.lazy import lazily

__all__ = [
    "Averaged",
    "Optimizer",
    "adabelief",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "add_decayed_weights",
    "amsgrad",
    "apply_updates",
    "average",
    "chain",
    "clip",
    "clip_by_global_norm",
    "ema",
    "everywhere",
    "freeze",
    "is_weight",
    "l2",
    "lamb",
    "lion",
    "lookahead",
    "momentum",
    "muon",
    "nadam",
    "orthogonalize",
    "outside",
    "partition",
    "radam",
    "rmsprop",
    "scale_by_adabelief",
    "scale_by_adadelta",
    "scale_by_adagrad",
    "scale_by_adam",
    "scale_by_adamax",
    "scale_by_amsgrad",
    "scale_by_factor",
    "scale_by_learning_rate",
    "scale_by_lion",
    "scale_by_radam",
    "scale_by_rms",
    "scale_by_trust_ratio",
    "schedules",
    "sgd",
    "under",
]

lazily(
    __name__,
    {
        ".adabelief": ("scale_by_adabelief",),
        ".adadelta": ("scale_by_adadelta",),
        ".adagrad": ("scale_by_adagrad",),
        ".adam": ("adamw", "scale_by_adam"),
        ".adamax": ("scale_by_adamax",),
        ".amsgrad": ("scale_by_amsgrad",),
        ".averages": ("Averaged", "average", "ema"),
        ".clip": ("clip_by_global_norm",),
        ".decay": ("add_decayed_weights", "l2"),
        ".lamb": ("scale_by_trust_ratio",),
        ".learning_rate": ("scale_by_factor", "scale_by_learning_rate"),
        ".lion": ("scale_by_lion",),
        ".muon": ("orthogonalize",),
        ".partition": ("freeze",),
        ".radam": ("scale_by_radam",),
        ".rmsprop": ("scale_by_rms",),
        ".where": ("everywhere", "is_weight", "outside", "under"),
        "fnnet.types": ("Optimizer",),
    },
    moved={"scale": "fnnet.optim.scale_by_factor", "trace": "fnnet.optim.momentum"},
)
