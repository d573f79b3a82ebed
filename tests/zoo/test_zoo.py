"""Nets by name: as many parameters as published, and right derivatives of the same nets made narrow."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

import fnnet
from fnnet import losses, optim, recipe, rng, training, tree, zoo
from fnnet.types import Layer


@attrs.frozen
class Case:
    """A net as it is published, and a small one of its kind.

    Args:
        published: the net.
        shape: of its examples.
        count: of its parameters, as published.
        small: a narrow one.
        small_shape: of its examples.
    """

    published: Callable[[], Layer]
    shape: tuple[int, ...]
    count: int
    small: Callable[[], Layer]
    small_shape: tuple[int, ...]


PICTURE = (3, 224, 224)
CASES = {
    **{
        f"vgg-{depth}": Case(
            lambda depth=depth: zoo.vgg(depth),
            PICTURE,
            count,
            lambda depth=depth: zoo.vgg(depth, 3, width=1 / 32),
            (3, 32, 32),
        )
        for depth, count in ((11, 132_863_336), (13, 133_047_848), (16, 138_357_544), (19, 143_667_240))
    },
    **{
        f"resnet-{depth}": Case(
            lambda depth=depth: zoo.resnet(depth),
            PICTURE,
            count,
            lambda depth=depth: zoo.resnet(depth, 3, width=1 / 16),
            (3, 33, 33),
        )
        for depth, count in ((18, 11_689_512), (34, 21_797_672), (50, 25_557_032))
    },
    "densenet-121": Case(
        zoo.densenet121, PICTURE, 7_978_856, lambda: zoo.densenet121(3, width=1 / 16), (3, 64, 64)
    ),
    "squeezenet": Case(zoo.squeezenet, PICTURE, 1_248_424, lambda: zoo.squeezenet(3, width=1 / 16), (3, 63, 63)),
    "mobilenet-v1": Case(
        zoo.mobilenet_v1, PICTURE, 4_231_976, lambda: zoo.mobilenet_v1(3, width=1 / 16), (3, 64, 64)
    ),
    "mobilenet-v2": Case(
        zoo.mobilenet_v2, PICTURE, 3_504_872, lambda: zoo.mobilenet_v2(3, width=1 / 16), (3, 64, 64)
    ),
}  # fmt: skip


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
    x, labels = draws.uniform(0, 1, (4, *case.small_shape)), draws.integers(0, 3, 4)
    sampled = net.train(rng.key(2))
    f = fnnet.value_and_grad(sampled, losses.softmax_cross_entropy)
    _, grads, _ = f(params, x, labels)
    way = tree.map(lambda leaf: draws.normal(size=leaf.shape), params)
    step = 1e-8

    def at(t: float) -> float:
        return f(optim.apply_updates(params, tree.map(lambda v: t * v, way)), x, labels)[0]

    measured = (at(step) - at(-step)) / (2 * step)
    told = sum(np.vdot(g, v) for g, v in zip(trained(grads), trained(way), strict=True))
    assert measured == pytest.approx(told, rel=1e-4, abs=1e-8)
    assert (
        training.make_step(net, losses.softmax_cross_entropy, optim.sgd(0.01))(state, (x.astype(np.float32), labels))[
            0
        ].step
        == 1
    )


def trained(params: Any) -> list[np.ndarray]:
    """Its trained leaves."""
    return [leaf for leaf in tree.leaves(params) if isinstance(leaf, np.ndarray)]
