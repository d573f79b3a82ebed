"""Every optimizer, every part and every schedule: name -> factory; the laws run over all of them."""

from functools import cache

import numpy as np

from fnnet import optim, rng, tree
from fnnet.optim import schedules
from fnnet.recipe import factory

SCHEDULES = {
    "schedule": lambda: schedules.schedule(0.1),
    "constant": lambda: schedules.constant(0.1),
    "step": lambda: schedules.step(0.1, every=7),
    "multi_step": lambda: schedules.multi_step(0.1, [5, 11]),
    "piecewise": lambda: schedules.piecewise([0.1, 0.05, 0.02], [4, 12]),
    "exponential": lambda: schedules.exponential(0.1, 0.5, steps=100),
    "inverse_time": lambda: schedules.inverse_time(0.1, 1.0, steps=10),
    "linear": lambda: schedules.linear(0.1, 0.01, 20),
    "cosine": lambda: schedules.cosine(0.1, 20, end=0.01),
    "warm_restarts": lambda: schedules.warm_restarts(0.1, 5, growth=2, end=0.01),
    "warm_up": lambda: schedules.warm_up(schedules.step(0.1, every=50), 5),
    "one_cycle": lambda: schedules.one_cycle(0.3, 200),
    "joined": lambda: schedules.joined([0.02, schedules.cosine(0.1, 20, end=0.02)], [4]),
}


def is_bias(path, leaf):
    return path.endswith("bias")


def kind(path):
    return "bias" if path.endswith("bias") else "rest"


def is_in_dense_1(path, leaf):
    return path.startswith("dense_1")


@factory
def by_hand():
    """A user's own pair, made of nothing but tree functions."""

    def init(params):
        return {"steps": 0}

    def update(grads, state, params):
        rate = -0.3 / (1 + state["steps"]) ** 0.5

        def at(g):
            return (
                g
                if isinstance(g, tree.Running)
                else None
                if g is None or isinstance(g, tree.Frozen)
                else np.asarray(rate * g)
            )

        return tree.read_only(tree.zip_leaves(at, grads)), {"steps": state["steps"] + 1}

    return optim.Optimizer(init, update)


# These reach the minimum of a parabola in 500 steps.
OPTIMIZERS = {
    "sgd": lambda: optim.sgd(0.1),
    "sgd momentum": lambda: optim.sgd(0.05, momentum=0.8),
    "sgd nesterov": lambda: optim.sgd(0.05, momentum=0.8, nesterov=True),
    "adam": lambda: optim.adam(0.1),
    "adam falling": lambda: optim.adam(schedules.cosine(0.2, 400)),
    "adamw": lambda: optim.adamw(0.1, weight_decay=1e-4),
    "adamw weights": lambda: optim.adamw(0.1, weight_decay=1e-4, where=optim.is_weight),
    "rmsprop": lambda: optim.rmsprop(schedules.linear(0.05, 0.0, 500)),
    "rmsprop momentum": lambda: optim.rmsprop(schedules.linear(0.05, 0.0, 500), decay=0.9, momentum=0.5),
    "adagrad": lambda: optim.adagrad(0.5),
    "adagrad start": lambda: optim.adagrad(0.5, start=0.1),
    "adamax": lambda: optim.adamax(0.1),
    "nadam": lambda: optim.nadam(0.1),
    "nadam rising": lambda: optim.nadam(0.1, momentum_decay=0.004),
    "radam": lambda: optim.radam(0.2),
    "radam few": lambda: optim.radam(schedules.linear(0.1, 0.01, 500), b2=0.5),
    "amsgrad": lambda: optim.amsgrad(0.1),
    "adabelief": lambda: optim.adabelief(0.1),
    "adadelta": lambda: optim.adadelta(schedules.linear(30.0, 0.0, 500)),
    "lion": lambda: optim.lion(schedules.linear(0.05, 0.0, 500)),
    "lion decayed": lambda: optim.lion(schedules.linear(0.05, 0.0, 500), weight_decay=1e-3, where=optim.is_weight),
    "lamb": lambda: optim.lamb(schedules.linear(0.1, 0.0, 500), weight_decay=1e-4),
    "muon": lambda: optim.muon(schedules.linear(0.1, 0.0, 500), optim.adam(0.1)),
    "muon plain": lambda: optim.muon(
        schedules.linear(0.1, 0.0, 500), optim.sgd(0.1), momentum=0.5, nesterov=False, weight_decay=1e-4
    ),
    "lookahead": lambda: optim.lookahead(optim.adam(0.1)),
    "lookahead of sgd": lambda: optim.lookahead(optim.sgd(0.1, momentum=0.5), 2, alpha=0.8),
    "l2": lambda: optim.l2(optim.sgd(0.1), 1e-4),
    "partition": lambda: optim.partition(kind, {"bias": optim.sgd(0.1), "rest": optim.adam(0.1)}),
    "chain": lambda: optim.chain(optim.clip(1.0), optim.clip_by_global_norm(2.0), optim.sgd(0.1, momentum=0.5)),
    "chain norm late": lambda: optim.chain(
        optim.momentum(0.5), optim.clip_by_global_norm(1.0), optim.scale_by_factor(-0.1)
    ),
    "chain of others": lambda: optim.chain(
        optim.clip_by_global_norm(5.0),
        optim.partition(kind, {"bias": optim.momentum(0.3), "rest": optim.scale_by_adam()}),
        optim.scale_by_learning_rate(schedules.cosine(0.2, 400)),
    ),
    "chain by hand": lambda: optim.chain(optim.clip(5.0), optim.momentum(0.3), by_hand(), optim.scale_by_factor(0.9)),
    "by hand": by_hand,
}

# These do not descend, or not everywhere.
PARTS = {
    "chain nothing": lambda: optim.chain(),
    "scale_by_factor": lambda: optim.scale_by_factor(-0.5),
    "scale_by_learning_rate": lambda: optim.scale_by_learning_rate(0.1),
    "momentum": lambda: optim.momentum(0.9),
    "momentum nesterov": lambda: optim.momentum(0.9, nesterov=True),
    "scale_by_adam": lambda: optim.scale_by_adam(),
    "scale_by_rms": lambda: optim.scale_by_rms(),
    "scale_by_adagrad": lambda: optim.scale_by_adagrad(),
    "scale_by_adam nesterov": lambda: optim.scale_by_adam(nesterov=True),
    "scale_by_adamax": lambda: optim.scale_by_adamax(),
    "scale_by_radam": lambda: optim.scale_by_radam(),
    "scale_by_amsgrad": lambda: optim.scale_by_amsgrad(),
    "scale_by_adabelief": lambda: optim.scale_by_adabelief(),
    "scale_by_adadelta": lambda: optim.scale_by_adadelta(),
    "scale_by_lion": lambda: optim.scale_by_lion(),
    "scale_by_trust_ratio": lambda: optim.scale_by_trust_ratio(),
    "orthogonalize": lambda: optim.orthogonalize(steps=3),
    "clip": lambda: optim.clip(0.5),
    "clip_by_global_norm": lambda: optim.clip_by_global_norm(0.5),
    "add_decayed_weights": lambda: optim.add_decayed_weights(0.1),
    "add_decayed_weights weights": lambda: optim.add_decayed_weights(0.1, where=optim.is_weight),
    "freeze": lambda: optim.freeze(optim.adam(0.1), is_bias),
    "freeze of partition": lambda: optim.freeze(
        optim.partition(kind, {"bias": optim.momentum(0.3), "rest": optim.scale_by_adam()}),
        is_in_dense_1,
    ),
}

EVERY = OPTIMIZERS | PARTS

# What is public beside them, to be tried by its own tests.
OTHERS = {
    "apply_updates": optim.apply_updates,
    "ema": lambda: optim.ema(0.9),
    "average": lambda: optim.average(),
    "everywhere": optim.everywhere,
    "is_weight": optim.is_weight,
    "under": optim.under,
    "outside": optim.outside,
}

Net = tree.record("Net", ("dense_0", "norm_0", "held_0", "dense_1", "scale_0"))
Dense = tree.record("Dense", ("weight", "bias"))
Norm = tree.record("Norm", ("gain", "bias", "mean"))


@cache
def numbers(word, shape, dtype):
    return rng.normal(rng.fold_in(rng.key(3), word), shape, np.float64).astype(dtype)


def params(dtype=np.float32):
    """Trained leaves of several ranks (also none), statistics, held leaves, a hole."""
    return tree.read_only(
        Net(
            Dense(numbers("a", (7, 5), dtype), numbers("b", (5,), dtype)),
            Norm(numbers("c", (5,), dtype), numbers("d", (5,), dtype), tree.Running(numbers("e", (5,), dtype))),
            tree.hold(Dense(numbers("f", (2, 3), dtype), tree.Running(numbers("g", (3,), dtype)))),
            Dense(numbers("h", (3, 2, 2, 2), dtype), numbers("i", (2,), dtype)),
            {"gain": numbers("j", (), dtype), "bias": None},
        )
    )


def grads(of, word="grads"):
    """Gradients as a vjp gives them: successors for statistics, held leaves as they are."""

    def at(path, leaf):
        if leaf is None or isinstance(leaf, tree.Frozen):
            return leaf
        fresh = numbers(f"{word} {path}", tree.array(leaf).shape, tree.array(leaf).dtype)
        return tree.Running(fresh) if isinstance(leaf, tree.Running) else fresh

    return tree.read_only(tree.map_with_path(at, of))
