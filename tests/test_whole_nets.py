"""Nets as the field builds them, small: laws hold for the whole of each, and training lowers its loss."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from fnnet import layers, losses, optim, rng, testing, training
from fnnet.arrays import zeros
from fnnet.testing.case import Claims, drawn, floats, spread
from fnnet.types import Discrete, Layer

CE = losses.softmax_cross_entropy


def siamese() -> Layer:
    """One tower for two pictures, and the distance of what it makes of them."""
    tower = layers.serial(layers.conv2d(2, 3), layers.tanh(), layers.flatten(), layers.dense(3))
    return layers.graph(
        lambda net, a, b: net.head(net.both(net.tower(a), net.tower(b))),
        tower=tower,
        both=layers.concatenate(),
        head=layers.dense(1),
    )


def two_towers() -> Layer:
    """A picture and a row of a table."""
    picture = layers.serial(layers.conv2d(2, 3), layers.relu(), layers.flatten(), layers.dense(4))
    table = layers.serial(layers.dense(4), layers.relu(), layers.dense(4))
    return layers.serial(
        layers.beside(picture, table, names=("picture", "table")), layers.concatenate(), layers.dense(3)
    )


def translator() -> Layer:
    """Encoder and decoder: ids of one language and of another, under a mask of the first's padding."""

    def wire(net: Any, source: Any, target: Any, mask: Any) -> Any:
        memory = net.encoder(net.places(net.read(source)), mask)
        return net.head(net.norm(net.decoder(net.begin(net.write(target)), memory, mask)))

    return layers.graph(
        wire,
        read=layers.embedding(5, 4),
        places=layers.sinusoidal_positions(),
        encoder=layers.transformer_encoder_layer(4, 2, hidden=4, masked=True, activation=layers.tanh()),
        write=layers.embedding(6, 4),
        begin=layers.learned_positions(),
        decoder=layers.transformer_decoder_layer(4, 2, hidden=4, masked=True, activation=layers.tanh()),
        norm=layers.layer_norm(),
        head=layers.per_step(layers.dense(6)),
    )


def dense_block(growth: int, times: int) -> Layer:
    """Every layer reads all that stand before it (DenseNet)."""

    def grown() -> Layer:
        made = layers.serial(layers.batch_norm(), layers.relu(), layers.conv2d(growth, 3, padding=1, bias=False))
        return layers.parallel(layers.identity(), made, combine="concatenate")

    return layers.serial(*(grown() for _ in range(times)), layers.global_avg_pool(), layers.dense(3))


def inception() -> Layer:
    """Windows of several sizes side by side."""
    block = layers.parallel(
        layers.conv2d(1, 1),
        layers.serial(layers.conv2d(1, 1), layers.relu(), layers.conv2d(2, 3, padding=1)),
        layers.serial(layers.conv2d(1, 1), layers.relu(), layers.conv2d(1, 5, padding=2)),
        layers.serial(layers.max_pool(3, 1, padding=1), layers.conv2d(1, 1)),
        combine="concatenate",
    )
    return layers.serial(block, layers.relu(), layers.global_avg_pool(), layers.dense(3))


def two_tasks() -> Layer:
    """One trunk, a class and two numbers."""
    heads = layers.parallel(layers.dense(3), layers.dense(2), combine="tuple", names=("kind", "place"))
    return layers.serial(layers.dense(6), layers.tanh(), heads)


def u_net() -> Layer:
    """Down and up again, with what was there beside it."""
    inside = layers.serial(
        *(layers.max_pool(2), layers.conv2d(3, 3, padding=1), layers.relu()),
        layers.upsample(2),
    )
    return layers.serial(
        *(layers.conv2d(2, 3, padding=1), layers.relu()),
        layers.parallel(layers.identity(), inside, combine="concatenate"),
        layers.conv2d(3, 1),
    )


@attrs.frozen
class Net:
    """A net, its examples, and a loss with the shape of its target: classes by their number, or numbers."""

    make: Callable[[], Layer]
    shape: Any
    loss: Any
    target: Callable[[int], Any]
    claims: dict[str, Any] = attrs.field(factory=dict)


def classes(k: int, *shape: int) -> Callable[[int], Any]:
    return lambda n: (np.arange(n * int(np.prod(shape))) * 7 % k).reshape(n, *shape)


NETS = {
    "siamese": Net(siamese, ((1, 4, 4), (1, 4, 4)), losses.binary_cross_entropy, lambda n: classes(2, 1)(n)),
    "two towers": Net(two_towers, ((1, 4, 4), (5,)), CE, classes(3)),
    "translator": Net(
        translator,
        (Discrete((3,)), Discrete((2,)), Discrete((3,))),
        losses.per_step(CE),
        classes(6, 2),
        {"within": {"x[0]": (0, 4), "x[1]": (0, 5), "x[2]": bool}},
    ),
    "dense block": Net(lambda: dense_block(2, 2), (2, 3, 3), CE, classes(3), {"batch_dependent": True}),
    "inception": Net(inception, (2, 4, 4), CE, classes(3)),
    "two tasks": Net(
        two_tasks,
        (4,),
        losses.beside(CE, losses.squared_error, weights=(1.0, 0.5)),
        lambda n: (classes(3)(n), np.linspace(-1, 1, 2 * n, dtype=np.float32).reshape(n, 2)),
        {"smooth": True},
    ),
    "u-net": Net(u_net, (1, 4, 4), CE, classes(3, 4, 4)),
}
LAWS = ("shape", "pure", "repeatable", "derivative", "split", "input_gradient")  # what can break where layers meet
PARAMS = [pytest.param(net, id=name) for name, net in NETS.items()]


@pytest.mark.parametrize("net", PARAMS)
def test_laws_of_the_whole_hold(net: Net):
    testing.assert_layer(net.make(), net.shape, batch=2, laws=LAWS, modes=["training"], **net.claims)


@pytest.mark.parametrize("net", PARAMS)
def test_training_lowers_the_loss(net: Net):
    made, optimizer = net.make(), optim.adam(0.02)
    x = drawn(rng.key(1), net.shape, 6, Claims(**net.claims), spread)
    batch = floats(lambda array: array.astype(np.float32), x), net.target(6)
    state = training.init(made, optimizer, rng.key(0), net.shape)
    step = training.make_step(made, net.loss, optimizer)
    found = []
    for _ in range(40):
        state, measured = step(state, batch)
        found.append(measured["loss"])
    assert found[1] < found[0]
    assert found[-1] < 0.7 * found[0]


def test_shapes_of_what_they_make():
    made = {name: net.make().shape(net.shape) for name, net in NETS.items()}
    assert made["translator"] == (2, 6)
    assert made["u-net"] == (3, 4, 4)
    assert made["two tasks"] == ((3,), (2,))
    for net in NETS.values():
        params = net.make().init(rng.key(0), net.shape)
        y, _ = net.make().apply(params, zeros(net.shape, 2, np.float32))
        assert y is not None
