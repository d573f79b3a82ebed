"""Subclasses of arrays compute otherwise than arrays do: wherever arrays come in they are refused, with the cast."""

import numpy as np
import pytest

import fnnet
from fnnet import checkpoint, data, exchange, layers, losses, metrics, optim, rng, training, tree
from fnnet.errors import CheckpointError, FnnetError


class Own(np.ndarray):
    """What somebody derived, as pandas, astropy and others do."""


SUBCLASSES = {
    "matrix": (lambda array: np.atleast_2d(array).view(np.matrix), r"cast with np\.asarray"),
    "MaskedArray": (np.ma.masked_array, r"fill it|its mask would be lost"),
    "recarray": (lambda array: array.view(np.recarray), r"cast with np\.asarray"),
    "Own": (lambda array: array.view(Own), r"cast with np\.asarray"),
}

KEY = rng.key(0)
NET = layers.serial(layers.dense(4), layers.batch_norm(), layers.relu(), layers.dense(2))
PARAMS = NET.init(KEY, (3,))
GRADS = tree.map(np.ones_like, PARAMS)
ADAM = optim.adam(0.1)
STATE = training.init(NET, ADAM, KEY, (3,))
LOSS = losses.softmax_cross_entropy
STEP = training.make_step(NET, LOSS, ADAM)
X, LABELS, WEIGHT = np.ones((5, 3), np.float32), np.zeros(5, int), np.ones(5)
PICTURE = np.zeros((3, 3), np.uint8)


def weights(sub):
    """Params with a weight of this kind, in a leaf that is a matrix anyway."""
    return PARAMS._replace(dense_1=PARAMS.dense_1._replace(weight=sub(PARAMS.dense_1.weight)))


def gradients(sub):
    return GRADS._replace(dense_1=GRADS.dense_1._replace(weight=sub(GRADS.dense_1.weight)))


def remembered(sub):
    """Params with statistics of this kind."""
    mean = tree.Running(sub(PARAMS.batch_norm_0.mean.array))
    return PARAMS._replace(batch_norm_0=PARAMS.batch_norm_0._replace(mean=mean))


def moments(sub):
    """A state of Adam whose first moments are of this kind."""
    adam, *rest = ADAM.init(PARAMS)
    return (adam._replace(**{adam._fields[1]: gradients(sub)}), *rest)


def own_layer(sub):
    make = layers.layer(lambda key, shape: (), lambda params, x: (sub(x), lambda dy: ((), dy)), name="own")
    net = layers.serial(make)
    return net.apply(net.init(KEY, (3,)), X)


def kept(tmp_path):
    checkpoint.save(tmp_path / "like", PARAMS)
    return tmp_path / "like"


DOORS = {
    "apply, x": lambda sub, _: NET.apply(PARAMS, sub(X)),
    "apply, params": lambda sub, _: NET.apply(weights(sub), X),
    "apply, statistics": lambda sub, _: NET.apply(remembered(sub), X),
    "vjp, dy": lambda sub, _: NET.apply(PARAMS, X)[1](sub(np.ones((5, 2), np.float32))),
    "what an initializer makes": lambda sub, _: layers.dense(
        2, init=lambda key, shape: sub(np.zeros(shape, np.float32))
    ).init(KEY, (3,)),
    "what an own layer makes": lambda sub, _: own_layer(sub),
    "loss, predictions": lambda sub, _: LOSS(sub(np.ones((5, 2))), LABELS),
    "loss, labels": lambda sub, _: LOSS(np.ones((5, 2)), sub(np.full((5, 2), 0.5))),
    "loss, weight": lambda sub, _: LOSS(np.ones((5, 2)), LABELS, weight=sub(WEIGHT)),
    "what an own loss's vjp makes": lambda sub, _: training.value_and_grad(
        NET, lambda predictions, target: (1.0, lambda _: sub(np.ones_like(predictions)))
    )(PARAMS, X, LABELS),
    "metric, predictions": lambda sub, _: metrics.accuracy(sub(np.ones((5, 2))), LABELS),
    "metric, target": lambda sub, _: metrics.mean_absolute_error(np.ones((5, 2)), sub(np.ones((5, 2)))),
    "what an own metric makes": lambda sub, _: training.evaluate(
        NET, PARAMS, (X, LABELS), {"own": lambda predictions, target: sub(np.ones((1, 2)))}
    ),
    "batches": lambda sub, _: data.batches(KEY, (sub(X), LABELS), 2),
    "batches, weight": lambda sub, _: data.batches(KEY, (X, LABELS, sub(np.ones((5, 1)))), 2),
    "in_order": lambda sub, _: data.in_order((sub(X),), 2),
    "a batch": lambda sub, _: STEP(STATE, (sub(X), LABELS)),
    "a batch's weights": lambda sub, _: STEP(STATE, (X, LABELS, sub(WEIGHT))),
    "evaluate": lambda sub, _: training.evaluate(NET, PARAMS, (sub(X), LABELS)),
    "predict": lambda sub, _: training.predict(NET, PARAMS, sub(X)),
    "calibrate": lambda sub, _: training.calibrate(NET, PARAMS, [(sub(X), None)]),
    "optimizer, init": lambda sub, _: ADAM.init(weights(sub)),
    "optimizer, gradients": lambda sub, _: ADAM.update(gradients(sub), ADAM.init(PARAMS), PARAMS),
    "optimizer, params": lambda sub, _: ADAM.update(GRADS, ADAM.init(PARAMS), weights(sub)),
    "optimizer, state": lambda sub, _: ADAM.update(GRADS, moments(sub), PARAMS),
    "optimizer, successors": lambda sub, _: ADAM.update(remembered(sub), ADAM.init(PARAMS), PARAMS),
    "apply_updates": lambda sub, _: optim.apply_updates(PARAMS, gradients(sub)),
    "ema": lambda sub, _: optim.ema(0.9)(optim.Averaged(PARAMS), weights(sub)),
    "read_only": lambda sub, _: tree.read_only(weights(sub)),
    "cast": lambda sub, _: tree.cast(weights(sub), np.float64),
    "checkpoint.save": lambda sub, path: checkpoint.save(path / "tree", weights(sub)),
    "checkpoint.save, statistics": lambda sub, path: checkpoint.save(path / "tree", remembered(sub)),
    "checkpoint.load, like": lambda sub, path: checkpoint.load(kept(path), like=weights(sub)),
    "fnnet.save": lambda sub, path: fnnet.save(path / "net", NET, weights(sub), (3,)),
    "from_torch": lambda sub, _: exchange.from_torch(
        layers.dense(2), layers.dense(2).init(KEY, (3,)), {"l.weight": sub(np.ones((2, 3))), "l.bias": np.ones(2)}
    ),
    "scale": lambda sub, _: data.scale(sub(PICTURE)),
    "one_hot": lambda sub, _: data.one_hot(sub(LABELS), 3),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("door", DOORS)
def test_no_subclass_comes_in(door, tmp_path):
    for name, (sub, fix) in SUBCLASSES.items():
        try:
            DOORS[door](lambda array, sub=sub: sub(np.array(array)), tmp_path)
        except FnnetError as error:
            message = str(error)
        else:
            pytest.fail(f"{door} takes a {name}")
        assert f"got a {name}" in message, message
        if "init" not in door and "vjp" not in door:
            assert any(part in message for part in fix.replace("\\", "").split("|")), message


def test_a_map_of_a_file_is_as_good_as_an_array(tmp_path):
    X.tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", np.float32, "r", shape=X.shape)
    assert NET.apply(PARAMS, mapped)[0].tobytes() == NET.apply(PARAMS, X)[0].tobytes()
    assert data.scale(np.memmap(tmp_path / "x", np.uint8, "r", shape=(1, 4, 4))).shape == (1, 1, 4, 4)
    ((batch, _),) = data.batches(KEY, (mapped, LABELS), 5)
    assert batch.shape == X.shape
    params = PARAMS._replace(
        dense_0=PARAMS.dense_0._replace(weight=np.memmap(tmp_path / "x", np.float32, "r", 0, (3, 4)))
    )
    assert NET.apply(params, X)[0].shape == (5, 2)
    checkpoint.save(tmp_path / "tree", params)
    again = checkpoint.load(tmp_path / "tree", like=params)
    np.testing.assert_array_equal(again.dense_0.weight, params.dense_0.weight)
    assert ADAM.update(GRADS, ADAM.init(params), params)[0].dense_0.weight.shape == (3, 4)


def test_the_refusal_in_a_checkpoint_leaves_the_file(tmp_path):
    checkpoint.save(tmp_path / "tree", {"a": np.ones(2)})
    with pytest.raises(CheckpointError, match="a: expected a plain array, got a Own; cast with"):
        checkpoint.save(tmp_path / "tree", {"a": np.ones(2).view(Own)})
    assert checkpoint.load(tmp_path / "tree")["a"].tolist() == [1.0, 1.0]
