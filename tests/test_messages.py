"""What the usual slips are answered with: where, what was expected, what came, and what to do; and never an array."""

import inspect
import re

import numpy as np
import pytest

import fnnet
from fnnet import (
    checkpoint,
    data,
    exchange,
    initializers,
    layers,
    losses,
    metrics,
    optim,
    rng,
    summary,
    testing,
    training,
    tree,
)
from fnnet.errors import ArgumentError, ConfigError, FnnetError
from tests.recipe.words import FUNCTIONS

NET = layers.serial(layers.dense(4), layers.relu(), layers.dense(2))
SGD = optim.sgd(0.1)
KEY = rng.key(0)
LOSS = losses.softmax_cross_entropy
STATE = training.init(NET, SGD, KEY, (3,))
PARAMS = STATE.params
STEP = training.make_step(NET, LOSS, SGD)
X, LABELS = np.ones((5, 3), np.float32), np.zeros(5, int)
BATCH = X, LABELS
BIG = np.arange(10_000.0).reshape(100, 100)
SCHEDULE = optim.schedules.cosine(0.1, 10)
PICTURES = layers.serial(layers.conv2d(2, 3), layers.relu(), layers.flatten(), layers.dense(3))


def my_loss(predictions, target):
    return 1.0


def my_array_loss(predictions, target):
    return np.ones(len(predictions)), lambda dy: predictions


def my_wrong_vjp(predictions, target):
    return 1.0, lambda dy: np.ones(3, np.float32)


def train_with(loss):
    return training.make_step(NET, loss, SGD)(STATE, BATCH)


SLIPS = {
    # arguments in another order
    "init(shape, key)": (lambda: NET.init((3,), KEY), r"serial: init: expected \(key, shape\), .*the order is"),
    "init(key, x)": (
        lambda: NET.init(KEY, X),
        r"shape: expected a tuple .*, got an array \(5, 3\) float32; pass x.shap",
    ),
    "init(x, key)": (lambda: NET.init(X, KEY), r"the order is \(key, shape\)"),
    "apply(x, params)": (lambda: NET.apply(X, PARAMS), r"serial: x: .* got Serial; .*the order is \(params, x\)$"),
    "training.init(…, shape, key)": (lambda: training.init(NET, SGD, (3,), KEY), r"the order is \(…, key, shape\)"),
    "make_step(params, …)": (lambda: training.make_step(PARAMS, LOSS, SGD), "net: expected a Layer, got a Serial of 3"),
    "make_step(net, opt, loss)": (
        lambda: training.make_step(NET, SGD, LOSS),
        r"loss: expected .*, got optim.sgd\(0.1\); the order is \(net, loss, optimizer\)",
    ),
    "step(params, batch)": (
        lambda: STEP(PARAMS, BATCH),
        "state: expected a TrainState, got a Serial of 3; make the fi",
    ),
    "step(batch, state)": (lambda: STEP(BATCH, STATE), r"state: .*, got a tuple of 2; the order is \(state, batch\)"),
    "step(state, state)": (lambda: STEP(STATE, STATE), r"step: expected \(state, batch\), got a TrainState behind"),
    "step(state, x)": (lambda: STEP(STATE, X), r"batch: expected a pair .*, got a ndarray; data.batches\(key, "),
    "fold(state, step, …)": (lambda: training.fold(STATE, STEP, [BATCH]), r"the order is \(step, state, batches\)"),
    "scan(state, step, …)": (lambda: next(training.scan(STATE, STEP, [BATCH])), r"the order is \(step, state, batches"),
    "fold(step, state, arrays)": (lambda: training.fold(STEP, STATE, BATCH), r"got a ndarray; data.batches\(key"),
    "predict(net, x, params)": (lambda: training.predict(NET, X, PARAMS), r"the order is \(net, params, x\)"),
    "evaluate(net, arrays, params)": (
        lambda: training.evaluate(NET, BATCH, PARAMS),
        r"the order is \(net, params, x\)",
    ),
    "batches(arrays, key, …)": (lambda: data.batches(BATCH, KEY, 2), r"the order is \(key, arrays, size\)"),
    "batches(key, x, …)": (lambda: data.batches(KEY, X, 2), r"got ndarray; pass \(x,\) where there is one"),
    "named(net, name)": (lambda: layers.named(NET, "x"), r"net: expected a Layer, got 'x'; the order is \(name, net\)"),
    "summary(net, params)": (lambda: summary.summary(NET, PARAMS), "shape: expected a tuple of whole numbers"),
    "fnnet.save(net, path, …)": (
        lambda: fnnet.save(NET, "x", PARAMS, (3,)),
        r"the order is \(path, net, params, shape",
    ),
    "checkpoint.save(tree, path)": (
        lambda: checkpoint.save(PARAMS, "x"),
        "path: expected the path of a file, got a Serial of 3; it comes first",
    ),
    "checkpoint.load(array)": (lambda: checkpoint.load(BIG), "path: expected the path of a file, got an array"),
    "tree.map(tree, f)": (lambda: tree.map(PARAMS, np.ones_like), r"map: expected a function .*the order is \(f, tree"),
    "tree.cast(dtype, tree)": (
        lambda: tree.cast(np.float32, PARAMS),
        r"dtype: .* got a Serial of 3; the order is \(tre",
    ),
    # something that holds what is wanted, or makes it
    "apply(state, x)": (lambda: NET.apply(STATE, X), "params: expected .* got a TrainState; pass state.params"),
    "apply(net, x)": (lambda: NET.apply(NET, X), r"params: expected .* got a Layer; pass what net.init\(key, shape\)"),
    "evaluate(net, state, …)": (lambda: training.evaluate(NET, STATE, BATCH), "got a TrainState; pass state.params"),
    "calibrate(net, state, …)": (lambda: training.calibrate(NET, STATE, [BATCH]), "got a TrainState; pass state.par"),
    "fnnet.save(…, state, …)": (lambda: fnnet.save("x", NET, STATE, (3,)), "got a TrainState; pass state.params"),
    "optimizer.init(state)": (lambda: SGD.init(STATE), "params: .* got a TrainState; pass state.params"),
    "optimizer.init(net)": (lambda: SGD.init(NET), r"params: .* got a Layer; pass what net.init\(key, shape\) made"),
    "frozen(params)": (lambda: layers.frozen(PARAMS), r"frozen: .* got a Serial of 3; .* tree.hold\(params\)"),
    "summary(params)": (lambda: summary.summary(PARAMS, (3,)), "net: expected a Layer, got a Serial of 3"),
    "check_layer(relu)": (lambda: testing.check_layer(layers.relu, (3,)), r"call the factory, as in relu\(\)"),
    "serial(params)": (lambda: layers.serial(PARAMS), "serial: argument 0: expected a Layer, got a Serial of 3"),
    "trace(params, …)": (lambda: training.trace(PARAMS, LOSS, SGD, STATE, BATCH), "net: expected a Layer"),
    "tree.hold(net)": (
        lambda: tree.hold(NET),
        r"params: expected a tree of arrays, got a Layer; .*layers.frozen\(net\)",
    ),
    "net(x)": (
        lambda: NET(X),
        r"serial: expected net.apply\(params, x\), got a call with 1 argument; a net holds no pa",
    ),
    "net as a loss": (lambda: training.make_step(NET, NET, SGD), "loss: expected a function"),
    "net as a metric": (lambda: training.make_step(NET, LOSS, SGD, {"m": NET}), "metrics: expected a dict such as"),
    "net as a step": (lambda: training.fold(NET, STATE, [BATCH]), "step: expected a function"),
    "schedule as an optimizer": (
        lambda: training.make_step(NET, LOSS, SCHEDULE),
        r"optimizer: .*; a schedule is a learning rate, as in sgd\(schedule\)",
    ),
    "chain(schedule)": (lambda: optim.chain(SCHEDULE), "chain: argument 0: .*; a schedule is a learning rate"),
    "loss as a metric": (lambda: training.make_step(NET, LOSS, SGD, {"m": LOSS})(STATE, BATCH), r"metric 'm': .*pair"),
    # other habits
    "dense(in, out)": (lambda: layers.dense(784, 10), r"arguments of dense: .* the size of the input is found by init"),
    "labels in words": (lambda: STEP(STATE, (X, np.array(["a"] * 5))), r"labels: .* got text \(<U1\); number them: "),
    "target (N,)": (
        lambda: losses.squared_error(np.ones((5, 1)), np.ones(5)),
        r"target: expected the shape \(5, 1\) .*; pass target\[:, None\]",
    ),
    "fold_in(key, (word, word))": (lambda: rng.fold_in(KEY, ("a", 1)), r"word: .*; fold in one word after the other"),
    "another image size": (
        lambda: PICTURES.apply(PICTURES.init(KEY, (1, 8, 8)), np.ones((2, 1, 9, 9), np.float32)),
        r"serial > dense_0: x: .*; the net was given examples \(1, 9, 9\), its params were made for .* another shape",
    ),
    "a last batch of one": (
        lambda: layers.batch_norm().train(KEY).apply(layers.batch_norm().init(KEY, (3,)), X[:1]),
        r"batch_norm: x: expected more than one value per channel .*remainder=\"drop\"",
    ),
    "net[array]": (lambda: NET[BIG], r"serial\[…\]: expected 'dense_0' or .*, got an array"),
    "reshape(array)": (lambda: layers.reshape(BIG), r"shape: expected a tuple of whole numbers .*, got an array"),
    # own losses
    "a loss without vjp": (
        lambda: train_with(my_loss),
        r"what loss my_loss returns: expected a pair \(value, vjp\), go",
    ),
    "a loss of arrays": (
        lambda: train_with(my_array_loss),
        r"the value of loss my_array_loss: expected one number, got",
    ),
    "a loss with a wrong vjp": (
        lambda: train_with(my_wrong_vjp),
        "what the vjp of loss my_wrong_vjp returns: expected",
    ),
    "an evaluated loss without vjp": (
        lambda: training.evaluate(NET, PARAMS, BATCH, loss=losses.with_options(my_reduced_loss, reduction="sum")),
        "what loss my_reduced_loss returns",
    ),
}


def my_reduced_loss(predictions, target, *, reduction="mean"):
    return 1.0


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_told_with_what_to_do(slip):
    call, message = SLIPS[slip]
    with pytest.raises(FnnetError, match=message) as caught:
        call()
    check_plain(str(caught.value))


def check_plain(text):
    """No numbers out of an array, no pages."""
    assert "array([" not in text, text
    assert not re.search(r"\d\.?\d*e?[+-]?\d* +-?\d+\.\d*e?.* \.\.\. ", text), text
    assert "\n" not in text.strip(), text
    assert len(text) < 700, text


def test_a_net_is_still_no_typo_for_a_function():
    """`net(x)` is answered, and a TypeError as Python's would be."""
    with pytest.raises(TypeError):
        NET(PARAMS, X)
    with pytest.raises(ArgumentError):
        NET()


MODULES = tree, rng, data, training, checkpoint, exchange, testing, optim, metrics, initializers
PUBLIC = {
    **FUNCTIONS,
    **{
        f"{module.__name__}.{name}": found
        for module in MODULES
        for name in dir(module)
        if inspect.isfunction(found := getattr(module, name))
        and name[0] != "_"
        and found.__module__.startswith(module.__name__)
    },
}
STRANGERS = {"array": BIG, "params": PARAMS, "state": STATE}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_no_message_shows_an_array(name):
    """Whatever a public function is given in the place of its arguments: it complains without numbers."""
    function = PUBLIC[name]
    arguments = inspect.signature(function).parameters.values()
    places = [p for p in arguments if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = max(1, sum(p.default is p.empty for p in places))
    options = [p.name for p in arguments if p.kind is p.KEYWORD_ONLY and needed == 1 and not places]
    for stranger in STRANGERS.values():
        for given, named in [([stranger] * needed, {}), *(([], {option: stranger}) for option in options)]:
            try:
                made = function(*given, **named)
                if inspect.isgenerator(made):
                    next(made)
            except Exception as error:
                check_plain(str(error))


def test_early_stopping_shows_no_array():
    for call in (
        lambda: list(training.early_stopping([(STATE, {"loss": BIG})], training.patience(2), by="loss")),
        lambda: list(training.early_stopping([(STATE, {"loss": 1.0})], BIG, by="loss")),
        lambda: rng.fold_in(BIG, 1),
        lambda: rng.uniform(KEY, BIG),
        lambda: layers.parallel(PARAMS, PARAMS),
        lambda: losses.with_options(LOSS, class_weights=BIG),
        lambda: optim.freeze(SGD, BIG),
        lambda: optim.partition(BIG, {"a": SGD}),
        lambda: optim.partition(lambda path: "a", {"a": BIG}),
    ):
        with pytest.raises(ConfigError if call.__code__.co_names[0] != "rng" else FnnetError) as caught:
            call()
        check_plain(str(caught.value))
