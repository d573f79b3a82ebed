"""A layer made of a user's own pair, with nothing else said."""

from functools import partial

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ShapeError, StructureError

KEY = rng.key(0)
NAMELESS = layers.layer(lambda key, shape: (), lambda params, x: (x, lambda dy: ((), dy)))


def pointwise(f, derivative):
    def apply(params, x):
        return f(x), lambda dy: ((), dy * derivative(x))

    return layers.layer(lambda key, shape: (), apply)


def test_the_name_is_that_of_the_function_around():
    assert pointwise(np.exp, np.exp).name == "pointwise"
    assert NAMELESS.name == "layer"
    assert layers.layer(lambda key, shape: (), lambda params, x: (x, None), name="mine").name == "mine"


def test_the_trial_for_the_shape_gives_no_warning():
    """Zeros are no data: what they do to a logarithm is nobody's concern."""
    log = pointwise(np.log, lambda x: 1 / x)
    assert log.shape((2, 3)) == (2, 3)
    net = layers.serial(log, layers.flatten())
    y, _ = net.apply(net.init(KEY, (2, 3)), np.ones((1, 2, 3)))
    np.testing.assert_array_equal(y, np.zeros((1, 6)))


def test_one_number_for_each_example_is_a_shape_too():
    total = layers.layer(
        lambda key, shape: (), lambda params, x: (x.sum(axis=1), lambda dy: ((), np.outer(dy, np.ones(x.shape[1]))))
    )
    assert total.shape((3,)) == ()
    y, vjp = total.apply((), np.ones((2, 3)))
    np.testing.assert_array_equal(vjp(y)[1], np.full((2, 3), 3.0))


@pytest.mark.parametrize("f", [np.sum, lambda x: x[0], lambda x: x.tolist()])
def test_no_batch_axis_no_layer(f):
    lost = layers.layer(lambda key, shape: (), lambda params, x: (f(np.concatenate([x, x])), None), name="lost")
    with pytest.raises(ShapeError, match=r"^lost: "):
        lost.shape((3, 2))


def test_a_vjp_that_can_leave_out_dx_is_asked_to():
    asked = []

    def apply(params, x):
        def vjp(dy, input_gradient=True):
            asked.append(input_gradient)
            return (), dy if input_gradient else None

        return x, vjp

    net = layers.serial(layers.layer(lambda key, shape: (), apply, name="own"), layers.dense(2))
    _, vjp = net.apply(net.init(KEY, (3,)), np.ones((1, 3), np.float32))
    vjp(np.ones((1, 2), np.float32))
    lone = layers.layer(lambda key, shape: (), apply, name="own")
    assert lone.apply((), np.ones((1, 3)))[1](np.ones((1, 3)), input_gradient=False)[1] is None
    assert asked == [True, False]


def _hidden():
    return layers.layer(lambda key, shape: (), lambda params, x: (x, lambda dy: ((), dy)))


def test_a_private_factory_gives_its_name_without_the_underscore():
    assert _hidden().name == "hidden"


def test_an_init_may_stand_in_a_class():
    class Doubled:
        @staticmethod
        def init(key, shape):
            return ()

        @staticmethod
        def apply(params, x):
            return 2 * x, lambda dy: ((), 2 * dy)

    assert layers.layer(Doubled.init, Doubled.apply).name == "Doubled"


def test_without_params_the_trial_for_the_shape_is_made_in_float32():
    def apply(params, x):
        assert x.dtype == np.float32
        return x, lambda dy: ((), dy)

    assert layers.layer(lambda key, shape: (), apply).shape((3,)) == (3,)


def test_a_trial_that_gives_no_pair_says_so():
    lone = layers.layer(lambda key, shape: (), lambda params, x: x, name="lone")
    with pytest.raises(StructureError, match=r"^lone: apply: expected \(y, vjp\), got one ndarray"):
        lone.shape((3,))


def test_an_init_without_a_place_in_the_code_gives_no_name():
    init = partial(lambda start, key, shape: (), 0.0)
    assert layers.layer(init, lambda params, x: (x, lambda dy: ((), dy))).name == "layer"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_trial_for_the_shape_is_made_with_a_key_and_in_the_dtype_of_the_params(dtype):
    def init(key, shape):
        return rng.normal(key, (*shape, 2), dtype)

    def apply(weight, x):
        assert x.dtype == weight.dtype
        return x @ weight, lambda dy: (x.T @ dy, dy @ weight.T)

    assert layers.layer(init, apply).shape((3,)) == (2,)


def test_a_vjp_asked_for_dx_must_give_it():
    forgetful = layers.layer(lambda key, shape: (), lambda params, x: (x, lambda dy: ((), None)), name="forgetful")
    _, vjp = forgetful.apply((), np.ones((2, 3)))
    assert vjp(np.ones((2, 3)), input_gradient=False)[1] is None
    with pytest.raises(
        ShapeError, match=r"dx: expected x's shape \(2, 3\), got NoneType; the order is \(dparams, dx\)"
    ):
        vjp(np.ones((2, 3)))
