"""Optimizers, schedules and steps of training know how they were made too."""

import copy
import pickle
from functools import partial
from itertools import islice

import cloudpickle
import numpy as np
import pytest

from fnnet import errors, layers, losses, metrics, optim, recipe, rng, training
from fnnet.errors import ConfigError
from fnnet.optim import schedules
from tests.optim import cases
from tests.optim.cases import EVERY, SCHEDULES
from tests.training.cases import KEY, NETS, SHAPE, contents, stream

SCOPE = {**vars(cases), "losses": losses, "layers": layers, "training": training, "metrics": metrics}
KNOWN = [cases.by_hand, cases.kind, cases.is_bias, cases.is_in_dense_1]


def routes(value):
    yield eval(repr(value), SCOPE)
    yield pickle.loads(pickle.dumps(value))
    yield cloudpickle.loads(cloudpickle.dumps(value))
    yield recipe.from_json(recipe.to_json(value), KNOWN)
    yield copy.deepcopy(value)
    yield copy.copy(value)


@pytest.mark.parametrize("name", EVERY)
def test_every_optimizer_there_and_back(name):
    optimizer, params = EVERY[name](), cases.params()
    before = optimizer.update(cases.grads(params), optimizer.init(params), params)
    for other in routes(optimizer):
        assert other == optimizer
        assert hash(other) == hash(optimizer)
        assert repr(other) == repr(optimizer)
        assert contents(other.update(cases.grads(params), other.init(params), params)) == contents(before)


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"schedule"}))
def test_every_schedule_there_and_back(name):
    schedule = SCHEDULES[name]()
    assert repr(schedule).startswith(f"optim.schedules.{name}(")
    for other in routes(schedule):
        assert other == schedule
        assert [other(count) for count in range(30)] == [schedule(count) for count in range(30)]


def test_different_ones_are_different():
    made = [make() for make in (EVERY | SCHEDULES).values()]
    assert len({repr(one) for one in made}) == len(set(made)) == len({recipe.digest(one) for one in made})
    assert len(set(made)) >= len(made) - 1  # schedule(0.1) is constant(0.1)


def test_an_optimizer_is_still_a_pair():
    init, update = optim.sgd(0.1)
    optimizer = optim.Optimizer(init, update)
    assert optimizer.recipe is None
    assert optimizer == optim.Optimizer(init, update)
    assert hash(optimizer) == hash(optim.Optimizer(init, update))
    assert optimizer != optim.sgd(0.1)
    assert optim.sgd(0.1) != optimizer
    assert optim.sgd(0.1) != optim.sgd(0.2)
    assert optim.sgd(0.1)._replace(update=optim.sgd(0.2).update).recipe is None
    with pytest.raises(AttributeError, match="an Optimizer's recipe cannot be set"):
        optimizer.recipe = optim.sgd(0.1).recipe


def test_numbers_that_numpy_made():
    assert optim.sgd(np.float64(0.5), momentum=np.float32(0.5)) == optim.sgd(0.5, momentum=0.5)


def masked(mask):
    """A user's own optimizer over an array."""

    def update(grads, state, params):
        return grads * mask, state

    return optim.Optimizer(lambda params: (), update)


def test_an_optimizer_over_an_array_says_what_to_do():
    message = "optimizer: expected one that knows how it was made, got one made inside masked, without a recipe; make"
    for holds in masked(np.ones(3)), optim.chain(optim.clip(1.0), masked(np.ones(3))), [masked(np.ones(3))]:
        with pytest.raises(ConfigError, match=message):
            pickle.dumps(holds)
    with pytest.raises(ConfigError, match=r"optim\.chain\.optimizers: recipe: expected .* got a Optimizer without"):
        recipe.to_json(optim.chain(masked(np.ones(3))))
    decorated = recipe.factory(masked)
    own = decorated(np.ones(3))
    assert own == decorated(np.ones(3)) != decorated(np.zeros(3))
    with pytest.raises(ConfigError, match=r"^masked\.mask: recipe: expected .* got an array; give its numbers"):
        recipe.to_json(own)
    with pytest.raises(ConfigError, match=r"optim\.sgd\.learning_rate: recipe: expected a function with a name"):
        recipe.to_json(optim.sgd(lambda count: 0.1))


def test_functions_of_a_module_can_be_pickled_as_ever():
    optimizer = optim.Optimizer(cases.is_bias, cases.kind)
    assert pickle.loads(pickle.dumps(optimizer)) == optimizer


@pytest.mark.parametrize(
    "data",
    [
        {"optim.sgd": {"learning_rate": "0.1"}},
        {"optim.sgd": {"learning_rate": -1}},
        {"optim.sgd": {"learning_rate": {"relu": {}}}},
        {"optim.sgd": {"learning_rate": 1, "momentum": [1]}},
        {"optim.chain": {"optimizers": [{"optim.schedules.constant": {"value": 1}}]}},
        {"optim.chain": {"optimizers": {"optim.sgd": {"learning_rate": 1}}}},
        {"optim.partition": {"label_of_path": {"function": "optim.is_weight"}, "optimizers": [1]}},
        {"optim.partition": {"label_of_path": 3, "optimizers": {"dict": []}}},
        {"optim.freeze": {"optimizer": {"optim.sgd": {"learning_rate": 1}}, "where": 3}},
        {"optim.adamw": {"learning_rate": 1, "where": {"relu": None}}},
        {"optim.l2": {"optimizer": {"relu": {}}, "rate": 1}},
        {"optim.schedules.joined": {"schedules": 1, "boundaries": 1}},
        {"optim.schedules.piecewise": {"values": ["a", "b"], "boundaries": [1]}},
        {"optim.schedules.warm_up": {"learning_rate": [1], "steps": 2}},
        {"optim.schedules.step": {"value": 1, "every": 0.5}},
        {"optim.engine.link": {"stages": []}},
        {"optim.schedules.schedule": {"learning_rate": 1}},
        {"training.make_step": {"net": {"relu": {}}, "loss": 3, "optimizer": {"optim.sgd": {"learning_rate": 1}}}},
    ],
    ids=str,
)
def test_what_is_no_recipe_of_an_optimizer(data):
    with pytest.raises((errors.FormatError, ConfigError)):
        recipe.from_json(data)


# Steps


def step_of(net, **options):
    optimizer = optim.adam(schedules.cosine(0.01, 20))
    return optimizer, training.make_step(net, losses.softmax_cross_entropy, optimizer, **options)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(
    "options",
    [{}, {"metrics": {"accuracy": metrics.accuracy}, "micro_batch": 3}],
    ids=lambda options: f"{len(options)} options",
)
def test_a_step_there_and_back(name, options):
    optimizer, step = step_of(NETS[name], **options)
    state = training.init(NETS[name], optimizer, KEY, SHAPE)
    batches = list(islice(stream(5, 0, 3), 3))
    whole, history = training.fold(step, state, batches)
    for other in routes(step):
        assert other == step
        again, measured = training.fold(other, state, batches)
        assert contents(again) == contents(whole)
        assert measured == history


@pytest.mark.parametrize(
    "made",
    [
        training.value_and_grad(NETS["all"], losses.huber),
        training.micro_batches(NETS["all"], losses.huber, 3),
        training.micro_batches(NETS["all"], losses.huber, 3, key=rng.key(7)),
        training.patience(3),
        training.small_improvement(0.1),
        training.relative_rise(0.2),
        training.value_and_grad(NETS["all"], losses.with_options(losses.huber, delta=0.5)),
        metrics.top_k_accuracy(2),
    ],
    ids=lambda made: made.__name__,
)
def test_the_other_functions_of_training(made):
    scope = {**SCOPE, "rng": rng}
    assert eval(repr(made), scope) == made == pickle.loads(pickle.dumps(made)) == copy.deepcopy(made)
    assert recipe.from_json(recipe.to_json(made)) == made


def test_a_loss_with_an_option():
    """Losses are functions of their module; with an option they are a partial, which pickles by itself."""
    loss = partial(losses.huber, delta=0.5)
    optimizer = optim.sgd(0.1)
    step = training.make_step(NETS["plain"], loss, optimizer)
    state = training.init(NETS["plain"], optimizer, KEY, SHAPE)
    x, _ = next(stream(5, 0, 1))
    batch = x, np.zeros((len(x), 3), np.float32)
    again = pickle.loads(pickle.dumps(step))
    assert contents(again(state, batch)) == contents(step(state, batch))
    with pytest.raises(ConfigError, match=r"^training\.make_step\.loss: recipe: expected .* got a partial without"):
        recipe.to_json(step)


def test_a_step_of_an_own_layer_names_the_layer():
    def own():
        return layers.layer(lambda key, shape: (), lambda params, x: (x, lambda dy: ((), dy)))

    step = training.make_step(layers.serial(own(), layers.dense(1)), losses.squared_error, optim.sgd(0.1))
    with pytest.raises(ConfigError, match="own: expected a layer that knows how it was made"):
        pickle.dumps(step)
