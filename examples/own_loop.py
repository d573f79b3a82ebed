"""Your own loop: training is `functools.reduce` of a step, and a step is a gradient and an optimizer.

    pip install 'fnnet[runs]'
    python examples/own_loop.py

Here with a moving average of the weights beside the weights, which the library need not know of.
"""

import functools
from typing import Any, NamedTuple

from fnnet import data, layers, losses, metrics, optim, rng, training, tree

digits = data.small_digits()
train = data.scale(digits.train.images), digits.train.labels
test = data.scale(digits.test.images), digits.test.labels

net = layers.serial(layers.flatten(), layers.dense(64), layers.relu(), layers.dropout(0.2), layers.dense(10))
optimizer = optim.sgd(0.1, momentum=0.9)


class State(NamedTuple):
    """All that a step needs and gives: nothing else changes while training runs."""

    params: Any
    opt_state: Any
    average: Any
    steps: int


def step(state: State, batch: tuple[Any, Any]) -> State:
    """One step: the training net of this step, its gradient, the optimizer's updates, and the average of weights."""
    x, target = batch
    own = net.train(rng.fold_in(rng.key(1), state.steps))  # dropout of this step, named by its number
    _, grads, _ = training.value_and_grad(own, losses.softmax_cross_entropy)(state.params, x, target)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optim.apply_updates(state.params, updates)
    average = tree.zip_leaves(lambda a, p: 0.98 * a + 0.02 * p, state.average, params)
    return State(params, opt_state, average, state.steps + 1)


params = net.init(rng.key(0), (1, 8, 8))
first = State(params, optimizer.init(params), params, 0)
batches = [batch for epoch in range(10) for batch in data.batches(rng.fold_in(rng.key(2), epoch), train, 32)]
last = functools.reduce(step, batches, first)

for name, weights in (("the last weights", last.params), ("their moving average", last.average)):
    found = training.evaluate(net, weights, test, {"accuracy": metrics.accuracy}, losses.softmax_cross_entropy)
    print(f"{name}: {found['accuracy']:.2%} of the test pictures right, cross-entropy {found['loss']:.4f}")
again = functools.reduce(step, batches, first)
same = all((a == b).all() for a, b in zip(tree.leaves(again.params), tree.leaves(last.params), strict=True))
print(f"made again, the same to the last bit: {same}")
