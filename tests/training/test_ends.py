"""A loss must not follow the layer that it contains: told when the step is made, and of fnnet's own layers only."""

import attrs
import numpy as np
import pytest

from fnnet import layers, losses, optim, recipe, training
from fnnet.errors import ConfigError
from fnnet.training.ends import check_end
from tests.training.cases import KEY

D, SOFTMAX, LOG, SIGMOID = layers.dense, layers.softmax(), layers.log_softmax(), layers.sigmoid()
serial, CE, BCE = layers.serial, losses.softmax_cross_entropy, losses.binary_cross_entropy
OPTIONS = losses.with_options(CE, smoothing=0.1)

WRONG = {
    "softmax": (
        serial(D(3), SOFTMAX),
        CE,
        "serial > softmax_0: expected scores in front of softmax_cross_entropy",
    ),
    "alone": (
        SOFTMAX,
        CE,
        r"softmax: expected scores .*, got layers\.softmax\(\); leave it out; for prob",
    ),
    "log softmax": (serial(D(3), LOG), CE, "serial > log_softmax_0: .*, or use negative_log_likelihood"),
    "sigmoid": (
        serial(D(3), SIGMOID),
        BCE,
        "serial > sigmoid_0: .* binary_cross_entropy, which contains a sigm",
    ),
    "focal": (serial(D(3), SOFTMAX), losses.focal, "serial > softmax_0: .* in front of focal"),
    "binary focal": (serial(D(3), SIGMOID), losses.binary_focal, "serial > sigmoid_0: .* in front of binary_focal"),
    "divergence": (
        serial(D(3), SOFTMAX),
        losses.kullback_leibler,
        "serial > softmax_0: .* in front of kullback_le",
    ),
    "options": (serial(D(3), SOFTMAX), OPTIONS, "serial > softmax_0: .* in front of softmax_cross_entropy"),
    "axis": (serial(layers.conv2d(3, 1), layers.softmax(axis=1)), CE, "serial > softmax_0"),
    "nested": (serial(D(4), serial(D(3), serial(SOFTMAX))), CE, "serial > serial_0 > serial_0 > softmax_0: "),
    "named": (serial(D(4), layers.named("head", serial(D(3), SOFTMAX))), CE, "serial > head_0 > softmax_0: "),
    "a named layer": (serial(D(4), layers.named("head", SOFTMAX)), CE, "serial > head_0: "),
    "frozen": (serial(D(4), layers.frozen(SOFTMAX)), CE, "serial > softmax_0: "),
    "frozen series": (serial(D(4), layers.frozen(serial(D(3), SOFTMAX))), CE, "serial > serial_0 > softmax_0: "),
    "passed": (
        serial(D(3), SOFTMAX, layers.identity(), layers.flatten(), layers.dropout(0.1)),
        CE,
        "serial > softmax_0",
    ),
    "one of two": (
        layers.parallel(D(3), serial(D(2), SIGMOID), combine="concatenate"),
        BCE,
        "parallel > serial_0 > sigmoid_0: ",
    ),
    "one score": (
        serial(D(4), D(1)),
        CE,
        r"serial > dense_1: expected a score for each class in front of softm",
    ),
    "one score, advice": (
        D(1),
        CE,
        r"dense: .*, got layers\.dense\(1\), one score; for yes or no use binary_cro",
    ),
    "one picture": (serial(layers.conv2d(1, 3)), CE, "serial > conv2d_0: expected a score for each class"),
    "one log": (D(1), losses.negative_log_likelihood, "dense: expected a score for each class in front of negative"),
    "one margin": (
        D(1),
        losses.multi_class_hinge,
        "dense: expected a score for each class in front of multi_class",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_told_when_the_step_is_made(name):
    net, loss, message = WRONG[name]
    for make in (
        lambda: training.make_step(net, loss, optim.sgd(0.1)),
        lambda: training.make_step(net, loss, optim.sgd(0.1), micro_batch=2),
        lambda: training.value_and_grad(net, loss),
        lambda: training.micro_batches(net, loss, 2),
        lambda: training.evaluate(net, (), (np.ones((2, 3)), np.ones(2, int)), loss=loss),
    ):
        with pytest.raises(ConfigError, match=message):
            make()


@recipe.factory
def softmax():
    """A user's own of that name."""
    return layers.layer(lambda key, shape: (), lambda params, x: (x, lambda dy: ((), dy)))


def own(y, t, reduction="mean"):
    return losses.softmax_cross_entropy(y, t, reduction)


RIGHT = [
    (serial(D(3), LOG), losses.negative_log_likelihood),
    (serial(D(3), SOFTMAX), losses.squared_error),
    (serial(D(3), SOFTMAX), own),
    (serial(D(3), softmax()), CE),
    (serial(SOFTMAX, D(3)), CE),
    (serial(D(3), SIGMOID, layers.relu()), BCE),
    (serial(D(3), SIGMOID), CE),
    (D(1), BCE),
    (D(1), losses.hinge),
    (serial(layers.conv2d(1, 3), layers.flatten()), CE),
    (serial(D(1), D(3)), CE),
    (layers.residual(SOFTMAX), CE),
    (layers.parallel(SOFTMAX, SOFTMAX), CE),
    (serial(), CE),
    (attrs.evolve(SOFTMAX), CE),  # without a recipe nobody knows what it is
]


@pytest.mark.parametrize(("net", "loss"), RIGHT)
def test_nothing_else_is_refused(net, loss):
    check_end(net, loss)
    training.make_step(net, loss, optim.sgd(0.1))


def test_what_it_saves_from():
    """Cross-entropy of one score is 0 whatever comes, so nothing would be learned."""
    net, params = D(1), D(1).init(KEY, (3,))
    x, labels = np.ones((4, 3), np.float32), np.zeros(4, int)
    assert losses.softmax_cross_entropy(net.apply(params, x)[0], labels)[0] == 0
