"""Nets by name: as many parameters as published, and right derivatives of the same nets made narrow."""

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import numpy as np
import pytest

import fnnet
from fnnet import losses, optim, recipe, rng, training, tree, zoo
from fnnet.arrays import each
from fnnet.types import Discrete, Layer


def pictures_and_classes(draws: np.random.Generator, shape: Any) -> tuple[Any, Any]:
    """Four pictures, of three classes."""
    return draws.uniform(0, 1, (4, *shape)), draws.integers(0, 3, 4)


@attrs.frozen
class Case:
    """A net as it is published, and a small one of its kind.

    Args:
        published: the net.
        shape: of its examples.
        count: of its parameters, as published.
        small: a narrow one.
        small_shape: of its examples.
        batch: (generator, small_shape) -> a batch in float64.
        loss: of the small one's value.
    """

    published: Callable[[], Layer]
    shape: Any
    count: int
    small: Callable[[], Layer]
    small_shape: Any
    batch: Callable[[np.random.Generator, Any], tuple[Any, Any]] = pictures_and_classes
    loss: Any = losses.softmax_cross_entropy


def next_ids(draws: np.random.Generator, shape: Any) -> tuple[Any, Any]:
    """Ids below 7, and those that come next."""
    ids = draws.integers(0, 7, (4, shape.shape[0] + 1))
    return ids[:, :-1], ids[:, 1:]


def texts(draws: np.random.Generator, shape: Any) -> tuple[Any, Any]:
    """Ids, segments, a mask; and what features of tokens and texts are to be."""
    n, t = 4, shape[0].shape[0]
    mask = np.arange(t) < draws.integers(1, t + 1, n)[:, None]
    x = draws.integers(0, 7, (n, t)), draws.integers(0, 2, (n, t)), mask
    return x, (draws.normal(size=(n, t, 6)), draws.normal(size=(n, 6)))


def themselves(draws: np.random.Generator, shape: Any) -> tuple[Any, Any]:
    """Vectors that are to be said again."""
    x = draws.uniform(0, 1, (4, *shape))
    return x, x


def answers(draws: np.random.Generator, shape: Any) -> tuple[Any, Any]:
    """Pictures, and a class for every pixel."""
    return draws.uniform(0, 1, (2, *shape)), draws.integers(0, 3, (2, *shape[1:]))


STEPWISE = losses.per_step(losses.softmax_cross_entropy)
ALL = losses.beside(losses.squared_error, losses.squared_error)
PICTURE = (3, 224, 224)
IDS, FEW = Discrete((1024,)), Discrete((5,))
CASES = {
    "lenet5": Case(zoo.lenet5, (1, 28, 28), 44_426, lambda: zoo.lenet5(3), (1, 16, 16)),
    "lenet5 of 1998": Case(zoo.lenet5_1998, (1, 32, 32), 60_850, lambda: zoo.lenet5_1998(3), (1, 32, 32)),
    "alexnet": Case(zoo.alexnet, (3, 227, 227), 60_965_224, lambda: zoo.alexnet(3, width=1 / 32), (3, 99, 99)),
    **{
        f"vgg-{depth}": Case(
            partial(zoo.vgg, depth), PICTURE, count, partial(zoo.vgg, depth, 3, width=1 / 32), (3, 32, 32)
        )
        for depth, count in ((11, 132_863_336), (13, 133_047_848), (16, 138_357_544), (19, 143_667_240))
    },
    **{
        f"resnet-{depth}": Case(
            partial(zoo.resnet, depth), PICTURE, count, partial(zoo.resnet, depth, 3, width=1 / 16), (3, 33, 33)
        )
        for depth, count in ((18, 11_689_512), (34, 21_797_672), (50, 25_557_032))
    },
    "densenet-121": Case(zoo.densenet121, PICTURE, 7_978_856, partial(zoo.densenet121, 3, width=1 / 16), (3, 64, 64)),
    "googlenet": Case(zoo.googlenet, PICTURE, 6_998_552, partial(zoo.googlenet, 3, width=1 / 16), (3, 64, 64)),
    "squeezenet": Case(zoo.squeezenet, PICTURE, 1_248_424, partial(zoo.squeezenet, 3, width=1 / 16), (3, 63, 63)),
    "mobilenet-v1": Case(zoo.mobilenet_v1, PICTURE, 4_231_976, partial(zoo.mobilenet_v1, 3, width=1 / 16), (3, 64, 64)),
    "mobilenet-v2": Case(zoo.mobilenet_v2, PICTURE, 3_504_872, partial(zoo.mobilenet_v2, 3, width=1 / 16), (3, 64, 64)),
    "unet": Case(
        partial(zoo.unet, 2), (3, 64, 64), 31_037_698, partial(zoo.unet, 3, depth=2, channels=2), (1, 8, 8), answers
    ),
    "vit-tiny": Case(
        zoo.vit, PICTURE, 5_717_416, partial(zoo.vit, 3, patch=4, features=6, heads=2, depth=2), (1, 8, 8)
    ),
    "mlp-mixer": Case(
        zoo.mlp_mixer,
        PICTURE,
        18_528_264,
        partial(zoo.mlp_mixer, 3, patch=4, places=4, features=6, token_hidden=3, hidden=5, depth=2),
        (1, 8, 8),
    ),
    "gpt": Case(
        zoo.gpt, IDS, 124_439_808, partial(zoo.gpt, 7, 5, features=6, heads=2, depth=2), FEW, next_ids, STEPWISE
    ),
    "bert": Case(
        zoo.bert,
        (Discrete((512,)),) * 3,
        109_482_240,
        partial(zoo.bert, 7, 5, features=6, heads=2, depth=2),
        (FEW,) * 3,
        texts,
        ALL,
    ),
    "character lstm": Case(
        partial(zoo.character_lstm, 100, features=64, depth=1),
        FEW,
        100 * 64 + 2 * 64 * 256 + 256 + 64 * 100 + 100,
        partial(zoo.character_lstm, 7, features=3),
        FEW,
        next_ids,
        STEPWISE,
    ),
    "character gru": Case(
        partial(zoo.character_gru, 100, features=64, depth=1),
        FEW,
        100 * 64 + 2 * 64 * 192 + 192 + 64 + 64 * 100 + 100,  # one bias, and that of the product that r scales
        partial(zoo.character_gru, 7, features=3),
        FEW,
        next_ids,
        STEPWISE,
    ),
    "autoencoder": Case(
        zoo.autoencoder,
        (784,),
        2_837_314,
        partial(zoo.autoencoder, 6, hidden=(4,), code=2),
        (6,),
        themselves,
        losses.binary_cross_entropy,
    ),
    "variational autoencoder": Case(
        zoo.variational_autoencoder,
        (784,),
        784 * 500 + 500 + 2 * (500 * 20 + 20) + 20 * 500 + 500 + 500 * 784 + 784,
        partial(zoo.variational_autoencoder, 6, hidden=4, code=2),
        (6,),
        themselves,
        losses.negative_elbo,
    ),
}


def without_draws(net: Layer) -> Layer:
    """The same net, whose initial weights are zeros: memory that nobody touches."""

    def zeros(data: Any) -> Any:
        if isinstance(data, dict):
            return {name: {"initializers.zeros": {}} if name == "init" else zeros(item) for name, item in data.items()}
        return [zeros(item) for item in data] if isinstance(data, list) else data

    made = recipe.from_json(zeros(recipe.to_json(net)))
    assert isinstance(made, Layer)
    return made


@pytest.mark.parametrize("name", CASES)
def test_it_has_as_many_parameters_as_published(name):
    case = CASES[name]
    params = without_draws(case.published()).init(rng.key(0), case.shape)
    assert sum(leaf.size for leaf in tree.leaves(params) if isinstance(leaf, np.ndarray)) == case.count


@pytest.mark.parametrize("name", CASES)
def test_one_step_of_training_is_along_the_true_gradient(name):
    """Along a random direction the loss of the sampled net falls as its gradient says, to 1e-4 of it in float64."""
    case = CASES[name]
    net = case.small()
    state = training.init(net, optim.sgd(0.01), rng.key(0), case.small_shape)
    draws = np.random.default_rng(1)
    params = tree.cast(state.params, np.float64)
    shifts = tree.map(lambda leaf: draws.normal(scale=0.03, size=leaf.shape), params)
    params = optim.apply_updates(params, shifts)  # away from biases of 0, where a dead unit stands on its kink
    x, target = case.batch(draws, case.small_shape)
    sampled = net.train(rng.key(2))
    f = fnnet.value_and_grad(sampled, case.loss)
    _, grads, _ = f(params, x, target)
    way = tree.map(lambda leaf: draws.normal(size=leaf.shape), params)
    step = 1e-8

    def at(t: float) -> float:
        return f(optim.apply_updates(params, tree.map(lambda v: t * v, way)), x, target)[0]

    measured = (at(step) - at(-step)) / (2 * step)
    told = sum(np.vdot(g, v) for g, v in zip(trained(grads), trained(way), strict=True))
    assert measured == pytest.approx(told, rel=1e-4, abs=1e-8)
    batch = each(single, x), each(single, target)
    assert training.make_step(net, case.loss, optim.sgd(0.01))(state, batch)[0].step == 1


def single(array: np.ndarray) -> np.ndarray:
    """Floats in float32."""
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def trained(params: Any) -> list[np.ndarray]:
    """Its trained leaves."""
    return [leaf for leaf in tree.leaves(params) if isinstance(leaf, np.ndarray)]
