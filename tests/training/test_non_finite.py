"""Where NaN and infinity come from."""

import attrs
import numpy as np
import pytest

from fnnet import layers, losses, optim, training, tree
from fnnet.errors import FnnetError, NonFiniteError
from fnnet.training.non_finite import first_non_finite
from fnnet.training.rows import OwnRows
from fnnet.walk import replace
from tests.training.cases import ARRAYS, KEY, LOSS, NETS, SHAPE, stream

OPTIMIZER = optim.sgd(0.1)


def poisoned(net, path, where):
    """The same net, but one layer makes a NaN in the forward pass, in dx or in its gradients."""

    def poison(here, layer):
        if here != path:
            return layer

        def forward(params, x):
            y, pullback = layer._apply(params, x)

            def vjp(dy, input_gradient=True):
                grads, dx = pullback(dy, input_gradient)
                if where == "gradients":
                    grads = tree.map_with_path(lambda _, leaf: leaf * np.float32("nan"), grads)
                return grads, dx * np.float32("inf") if where == "dx" and dx is not None else dx

            return y + np.float32("nan") if where == "output" else y, vjp

        sample = layer._train
        again = None if sample is None else lambda key: poison(here, sample(key))
        return attrs.evolve(layer, apply=forward, train=again)

    return replace(poison, net)


def stopped(net, optimizer=OPTIMIZER, batch=ARRAYS, loss=LOSS, state=None, **options):
    """What the step says."""
    state = training.init(net, optimizer, KEY, SHAPE)._replace(step=4) if state is None else state
    with pytest.raises(NonFiniteError, match=f"^step {state.step}: NaN or infinity: ") as caught:
        training.make_step(net, loss, optimizer, **options)(state, batch)
    return str(caught.value).removeprefix(f"step {state.step}: NaN or infinity: ")


@pytest.mark.parametrize("micro_batch", [None, 10])
@pytest.mark.parametrize(
    ("path", "where", "place"),
    [
        ("conv2d_0", "output", "forward pass of serial > conv2d_0: its output holds"),
        ("batch_norm_0", "output", "forward pass of serial > batch_norm_0: its output holds"),
        ("residual_0.body.relu_0", "output", "forward pass of serial > residual_0 > body > relu_0: its output holds"),
        ("dropout_0", "output", "forward pass of serial > dropout_0: its output holds"),
        ("parallel_0.dense_1", "output", "forward pass of serial > parallel_0 > dense_1: its output holds"),
        ("dense_0", "dx", "backward pass of serial > dense_0: dx holds"),
        ("dense_0", "gradients", "backward pass of serial > dense_0: its gradients holds"),
        ("dropout_0", "dx", "backward pass of serial > dropout_0: dx holds"),
        ("conv2d_0", "gradients", "backward pass of serial > conv2d_0: its gradients holds"),
    ],
)
def test_first_layer_and_direction(path, where, place, micro_batch):
    message = stopped(poisoned(NETS["all"], path, where), micro_batch=micro_batch)
    assert message.startswith(f"first in the {place} ")
    assert "is finite, in [" in message


def test_range_and_dead_units_of_the_input():
    net = layers.serial(layers.relu(), layers.dense(1))
    x = np.array([[1, -1, 0], [2, -2, 0]], np.float32)
    params = net.init(KEY, (3,))
    params = params._replace(dense_0=params.dense_0._replace(weight=np.full((3, 1), 3e38, np.float32)))
    state = training.TrainState(7, params, OPTIMIZER.init(params), KEY)
    message = stopped(net, batch=(x, x[:, :1]), loss=losses.squared_error, state=state)
    assert message == (
        "first in the forward pass of serial > dense_0: its output holds 1 infinite of 2 numbers; its x is finite, "
        "in [0, 2], 2 of its 3 units zero in every example; lower the learning rate or clip the gradient"
    )


def test_one_layer_alone():
    net = layers.dense(2)
    params = net.init(KEY, (1,))._replace(weight=np.full((1, 2), 3e38, np.float32))
    state = training.TrainState(0, params, OPTIMIZER.init(params), KEY)
    x = np.full((2, 1), 10, np.float32)
    assert "forward pass of dense: its output" in stopped(net, batch=(x, np.arange(2)), state=state)


def test_the_batch_itself():
    x = ARRAYS[0].copy()
    x[3, 0, 2, 2] = np.nan
    assert stopped(NETS["plain"], batch=(x, ARRAYS[1])) == "x of the batch holds 1 NaN of 828 numbers; clean the data"


def test_params_from_elsewhere():
    state = training.init(NETS["plain"], OPTIMIZER, KEY, SHAPE)
    bias = np.array([0, np.inf, 0], np.float32)
    params = state.params._replace(dense_1=state.params.dense_1._replace(bias=bias))
    message = stopped(NETS["plain"], state=state._replace(params=params))
    assert message == "the params already hold 1 infinite of 3 numbers at dense_1.bias"


def test_the_loss():
    def loss(predictions, target, reduction="mean"):
        return float("inf"), lambda dvalue: predictions

    assert stopped(NETS["plain"], loss=loss).startswith("the loss of predictions in [")

    def slope(predictions, target, reduction="mean"):
        return 0.0, lambda dvalue: predictions * np.float32("nan")

    message = stopped(NETS["plain"], loss=slope)
    assert message.startswith("the gradient of the loss by predictions in [")
    assert message.endswith("] holds 69 NaN of 69 numbers")


def test_the_optimizer_and_the_sum():
    net = layers.dense(3, bias=False)
    params = net.init(KEY, (2,))
    x = np.ones((3, 2), np.float32)

    def constant(update):
        return optim.Optimizer(
            lambda params: (), lambda grads, state, params: (tree.map(lambda g: np.full_like(g, update), grads), state)
        )

    state = training.TrainState(0, params, (), KEY)
    message = stopped(net, constant(np.inf), (x, np.arange(3)), state=state)
    assert message == ("the optimizer's update holds 6 infinite of 6 numbers at weight, though the gradient is finite")
    state = state._replace(params=params._replace(weight=np.zeros((2, 3), np.float32) + np.float32(3e38)))
    message = stopped(net, constant(3e38), (x * np.float32(0), np.arange(3)), state=state)
    assert message == "adding the update overflows: 6 infinite of 6 numbers at weight"


def test_a_real_divergence_stops_with_a_good_state():
    net, optimizer = NETS["dropout"], optim.sgd(1e20)
    step = training.make_step(net, LOSS, optimizer)
    seen = []
    with pytest.raises(
        NonFiniteError, match=r"step \d+: NaN or infinity: first in the (for|back)ward pass of serial > "
    ):
        seen.extend(training.scan(step, training.init(net, optimizer, KEY, SHAPE), stream(8, 0, 50)))
    assert all(np.isfinite(leaf).all() for leaf in tree.leaves(seen[-1][0].params))


def test_a_step_that_is_finite():
    state = training.init(NETS["all"], OPTIMIZER, KEY, SHAPE)
    with pytest.raises(FnnetError, match="step 0: made again, everything is finite; a function of the net is not pure"):
        first_non_finite(NETS["all"], LOSS, OPTIMIZER, state, OwnRows(*ARRAYS, None))


# Sizes
