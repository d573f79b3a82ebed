"""fnnet against PyTorch itself, on cases that Hypothesis draws; and the golden file against PyTorch as installed."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'fnnet[parity]'")

from tests.golden import cases, ours, theirs
from tests.golden.cases import ACTIVATIONS, BATCH_NORM, CASES, FLATTEN, LOSS_ROWS, layer, loss, serial
from tests.golden.test_golden import GOLDEN, agree

drawn = settings(derandomize=True, deadline=None, max_examples=60)
nets = settings(drawn, max_examples=20)

few = st.integers(1, 4)
sizes = st.integers(1, 8)
pairs = st.tuples(few, few)


def compare(case):
    agree(ours.run(case), theirs.run(case), 1e-10)


@pytest.mark.parametrize("case", CASES)
def test_the_golden_file_is_what_pytorch_gives(case):
    agree(theirs.run(CASES[case]), GOLDEN[case], 1e-10)


@st.composite
def windows(draw, pool):
    """(shape of x, options of a window that fits into it); PyTorch pads pools by half the kernel at most."""
    kernel, stride = draw(pairs), draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = tuple(draw(st.integers(0, k // 2 if pool else 3)) for k in kernel)
    image = tuple(max(draw(sizes), k - 2 * p) for k, p in zip(kernel, padding, strict=True))
    return (draw(few), draw(few), *image), {"kernel": kernel, "stride": stride, "padding": padding}


@drawn
@given(windows(pool=False), few, st.booleans())
def test_conv2d(window, channels, bias):
    shape, options = window
    compare(layer("conv2d", shape, channels=channels, bias=bias, **options))


@drawn
@given(few, few, st.tuples(sizes, sizes), few, pairs)
def test_conv2d_same(n, c, image, channels, kernel):
    compare(layer("conv2d", (n, c, *image), channels=channels, kernel=kernel, padding="same"))


@drawn
@given(windows(pool=True), st.sampled_from(["uniform", "integers"]))
def test_max_pool(window, draw):
    shape, options = window
    compare(layer("max_pool", shape, draw, **options))


@drawn
@given(windows(pool=True), st.booleans())
def test_avg_pool(window, count_padding):
    shape, options = window
    compare(layer("avg_pool", shape, count_padding=count_padding, **options))


@drawn
@given(few, sizes, sizes, st.booleans())
def test_dense(n, d, k, bias):
    compare(layer("dense", (n, d), n=k, bias=bias))


shapes = st.lists(few, min_size=2, max_size=4).map(tuple)


@drawn
@given(st.sampled_from(ACTIVATIONS), shapes, st.sampled_from(["uniform", "integers"]))
def test_activations(row, shape, draw):
    of, options = row
    compare(layer(of, shape, draw, **options))


@drawn
@given(st.sampled_from(["softmax", "log_softmax"]), shapes, st.data())
def test_softmax(of, shape, data):
    axis = data.draw(st.integers(1, len(shape) - 1).flatmap(lambda a: st.sampled_from([a, a - len(shape)])))
    compare(layer(of, shape, axis=axis))


@drawn
@given(
    st.one_of(st.tuples(sizes, few), st.tuples(few, few, few, few)).filter(lambda s: math.prod(s) > 2 * s[1]),
    few,
    st.sampled_from([1e-5, 1e-3, 0.5]),
    st.sampled_from([0.0, 0.5, 0.9, 1.0]),
)
def test_batch_norm(shape, n, eps, decay):
    compare(cases.steps("batch_norm", shape, n, eps=eps, decay=decay))


@drawn
@given(
    st.sampled_from([row for row in LOSS_ROWS if "class_weights" not in row[-1]]),
    sizes,
    st.integers(2, 6),
    st.sampled_from(["mean", "sum"]),
)
def test_losses(row, n, k, reduction):
    of, shape, prediction, target, options = row
    target = f"classes:{k}" if target.startswith("classes") else target
    if isinstance(options.get("positive_weight"), tuple):
        options = {"positive_weight": (0.5, 1.0, 2.0, 3.0, 4.0, 5.0)[:k]}
    compare(loss(of, (n, *[k] * (len(shape) - 1)), prediction, target, reduction=reduction, **options))


@drawn
@given(sizes, few, st.floats(0.1, 3), st.sampled_from(["mean", "sum"]))
def test_huber(n, k, delta, reduction):
    compare(loss("huber", (n, k), "uniform", "uniform", delta=delta, reduction=reduction))


def options(**strategies):
    return st.fixed_dictionaries({}, optional=strategies)


shares = st.floats(0, 0.99)
epsilons = st.floats(1e-10, 1)
rates = st.floats(1e-3, 1)
counts = st.integers(1, 12)

OPTIMIZERS = {
    "sgd": options(momentum=shares, nesterov=st.just(False)),
    "adam": options(b1=shares, b2=shares, eps=epsilons),
    "adamw": options(weight_decay=rates, eps=epsilons),
    "rmsprop": options(decay=shares, eps=epsilons, momentum=shares),
    "adagrad": options(eps=epsilons, start=st.floats(0, 1)),
}

SCHEDULES = {
    "step": {"value": rates, "every": counts, "factor": rates},
    "multi_step": {
        "value": rates,
        "boundaries": st.sets(counts, min_size=1).map(lambda boundaries: tuple(sorted(boundaries))),
        "factor": rates,
    },
    "exponential": {"value": rates, "factor": rates},
    "linear": {"start": rates, "end": rates, "steps": counts},
    "cosine": {"value": rates, "steps": st.integers(20, 40), "end": st.floats(0, 1)},
    "warm_up": {"learning_rate": rates, "steps": counts},
    "one_cycle": {"peak": rates, "steps": st.integers(20, 40), "rise": st.floats(0.2, 0.8)},
}

schedule_specs = st.sampled_from(sorted(SCHEDULES)).flatmap(
    lambda of: st.tuples(st.just(of), st.fixed_dictionaries(SCHEDULES[of]))
)


@drawn
@given(
    st.sampled_from(sorted(OPTIMIZERS)).flatmap(lambda of: st.tuples(st.just(of), OPTIMIZERS[of])),
    rates | schedule_specs,
    options(l2=rates, only_weights=st.just(True), clip=rates, norm=rates),
)
def test_optimizers(made, rate, extras):
    of, chosen = made
    extras = {name: extra for name, extra in extras.items() if (of, name) != ("adamw", "l2")}
    compare(cases.optimizer(of, rate, 10, extras, **chosen))


@drawn
@given(st.floats(0.01, 0.99))
def test_nesterov(momentum):
    compare(cases.optimizer("sgd", momentum=momentum, nesterov=True))


@drawn
@given(schedule_specs)
def test_schedules(made):
    of, chosen = made
    compare(cases.schedule(of, 20, **chosen))


activations = st.sampled_from(ACTIVATIONS)
plain = st.tuples(
    st.just("conv2d"), st.fixed_dictionaries({"channels": few, "kernel": pairs, "padding": st.just("same")})
)
unbiased = few.map(lambda n: ("conv2d", {"channels": n, "kernel": 3, "padding": 1, "bias": False}))
pools = st.sampled_from([("max_pool", {"kernel": 2}), ("avg_pool", {"kernel": 3, "stride": 1, "padding": 1})])
blocks = st.one_of(
    st.tuples(plain, activations).map(list),
    st.tuples(unbiased, st.just(BATCH_NORM), activations).map(list),  # batch norm takes the bias out again
    pools.map(lambda pool: [pool]),
    st.tuples(plain, activations).map(
        lambda body: [("residual", {"body": serial(*body), "shortcut": ("conv2d", {**body[0][1], "kernel": 1})})]
    ),
)


@nets
@given(st.lists(blocks, min_size=1, max_size=3), activations, st.integers(2, 5), st.integers(3, 4))
def test_nets_in_training(chosen, activation, classes, n):
    body = [child for block in chosen for child in block]
    net = serial(*body, FLATTEN, ("dense", {"n": 6}), activation, ("dense", {"n": classes}))
    compare(cases.training(net, (2, 8, 9), classes, n, steps=2))
