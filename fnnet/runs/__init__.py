"""Train by name, keep a run folder, predict, report, replay: the shell around the functional core, extra `runs`.

A trained net in three lines:

    from fnnet import runs
    net, params = runs.load("runs/lenet5-seed0")
    logits, _ = net.apply(params, x)          # x (N, 1, 28, 28), float32, ink 1 on 0
"""

from fnnet.lazy import lazily

__all__ = ["RunError", "Trained", "load", "load_trained"]

lazily(
    __name__,
    {
        ".folder": ("RunError",),
        ".trained": ("Trained", "load", "load_trained"),
    },
)
