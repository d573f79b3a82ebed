"""A loop writes over a state that nobody else holds: to the same bytes, and never over one that somebody has."""

import _thread
import threading
import weakref
from collections import deque
from typing import NamedTuple

import numpy as np
import pytest

from fnnet import checkpoint, layers, losses, optim, rng, training, tree
from fnnet.errors import Interrupted, NonFiniteError
from fnnet.optim.engine import Part, link, pack
from fnnet.training import held
from fnnet.training.fold import held_through
from tests.memory import at_most
from tests.optim.cases import OPTIMIZERS
from tests.training.cases import KEY, LOSS, NETS, SHAPE, contents, stream

RULE = optim.adam(0.01)


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch):
    monkeypatch.setattr(held, "LARGE", 0)
    monkeypatch.setattr(pack, "PACK", 0)  # each leaf goes alone
    monkeypatch.setattr(pack, "BLOCK", 2**14)


def begin(net=NETS["all"], optimizer=RULE):
    return training.init(net, optimizer, KEY, SHAPE)


def stepped(net=NETS["all"], optimizer=RULE, **options):
    return training.make_step(net, LOSS, optimizer, **options)


def pure(n, net=NETS["all"], optimizer=RULE, **options):
    """The states of a training by steps alone, as what their bytes are."""
    state, step, found = begin(net, optimizer), stepped(net, optimizer, **options), []
    for batch in stream(8, 0, n):
        state, _ = step(state, batch)
        found.append(contents(state))
    return found


def arrays(state):
    """The arrays that an optimizer moves."""
    return [leaf for leaf in tree.leaves((state.params, state.opt_state)) if isinstance(leaf, np.ndarray)]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("options", [{}, {"micro_batch": 3}, {"micro_batch": 3, "workers": 2}, {"sharpness": 0.1}])
def test_a_fold_makes_the_bytes_of_its_steps(name, options):
    net = NETS[name]
    state, _ = training.fold(stepped(net, **options), begin(net), stream(8, 0, 5))
    assert contents(state) == pure(5, net, **options)[-1]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_with_every_optimizer(name):
    rule = OPTIMIZERS[name]()
    net = NETS["plain"]
    state, _ = training.fold(stepped(net, rule), begin(net, rule), stream(8, 0, 5))
    assert contents(state) == pure(5, net, rule)[-1]


def test_memory_is_written_over_where_nobody_else_holds_it():
    seen = []
    for state, _ in training.scan(stepped(), begin(), stream(8, 0, 6)):
        seen.append({leaf.ctypes.data for leaf in arrays(state)})
        del state
    assert all(each == seen[1] for each in seen[1:])


KEPT = {
    "the state": lambda state: state,
    "its params": lambda state: state.params,
    "its memory": lambda state: state.opt_state,
    "a layer's params": lambda state: state.params[0],
    "its leaves": tree.leaves,
    "views": lambda state: [leaf[..., :1] for leaf in arrays(state)],
    "views of views": lambda state: [leaf.T[::-1][1:] for leaf in arrays(state)],
    "other dtypes": lambda state: [leaf.view(np.uint8) for leaf in arrays(state)],
    "buffers": lambda state: [memoryview(leaf) for leaf in arrays(state)],
    "what lies below": lambda state: [leaf if leaf.base is None else leaf.base for leaf in arrays(state)],
    "an average": lambda state: optim.average()(optim.Averaged(state.params), state.params),
    "an average of several": lambda state: optim.ema(0.5)(optim.Averaged(state.params, 3), state.params),
}


def as_bytes(kept):
    if isinstance(kept, list):
        return [bytes(np.asarray(tree.array(each)).tobytes()) for each in kept]
    return contents(kept)


@pytest.mark.parametrize("what", KEPT)
def test_what_somebody_keeps_of_a_state_stays(what):
    """Kept at every step, to the end: each is then what it was."""
    kept, before = [], []
    for state, _ in training.scan(stepped(), begin(), stream(8, 0, 5)):
        kept.append(KEPT[what](state))
        before.append(as_bytes(kept[-1]))
        del state
    assert [as_bytes(each) for each in kept] == before
    assert before[0] != before[-1]


@pytest.mark.parametrize("n", range(5))
def test_one_state_kept_of_many_stays(n):
    states = training.scan(stepped(), begin(), stream(8, 0, 5))
    for i, (state, _) in enumerate(states):
        if i == n:
            kept = state
        del state
    assert contents(kept) == pure(5)[n]


def test_the_state_that_a_fold_began_with_stays():
    start = begin()
    before = contents(start)
    state, _ = training.fold(stepped(), start, stream(8, 0, 5))
    assert contents(start) == before
    middle = contents(state)
    training.fold(stepped(), state, stream(8, 5, 9))
    assert contents(state) == middle == pure(5)[-1]


def test_a_weak_reference_sees_no_other_numbers():
    found, before = [], []
    for state, _ in training.scan(stepped(), begin(), stream(8, 0, 5)):
        leaves = arrays(state)
        found += [weakref.ref(each) for leaf in leaves for each in (leaf, leaf.base) if each is not None]
        before += [each.tobytes() for leaf in leaves for each in (leaf, leaf.base) if each is not None]
        del state, leaves
    left = [(see(), was) for see, was in zip(found, before, strict=True)]
    assert all(leaf is None or leaf.tobytes() == was for leaf, was in left)


def test_what_a_layer_or_a_metric_remembers_stays():
    """They are not pure, but what they see does not change under their hands."""
    seen = []

    def remembering(params, x):
        seen.append((params, contents(params)))
        y, vjp = inner.apply(params, x)
        return y, vjp

    inner = layers.dense(3)
    net = layers.serial(layers.flatten(), layers.layer(inner.init, remembering))
    rule = optim.sgd(0.1, momentum=0.9)
    step = training.make_step(
        net, losses.squared_error, rule, {"kept": lambda y, target: seen.append((y, contents(y))) or 0.0}
    )
    batches = [(x, np.ones((len(x), 3), np.float32)) for x, _ in stream(8, 0, 5)]
    start = training.init(net, rule, KEY, SHAPE)
    seen.clear()  # what init has tried the layer with
    training.fold(step, start, batches)
    assert len(seen) == 10
    assert all(contents(value) == was for value, was in seen)


def test_what_early_stopping_keeps_stays(tmp_path):
    """The best params of a stream through all that hands it on, beside a training that lets nothing go."""
    x, target = rng.normal(KEY, (24, *SHAPE)), rng.permutation(KEY, 24) % 3

    def run():
        epochs = training.fit(stepped(), begin(), (x, target), 6, size=8)
        logged = training.csv_log(training.checkpoints(epochs, tmp_path / "state", every=4), tmp_path / "log.csv")
        return training.early_stopping(logged, training.patience(9), by=lambda row: abs(row["epoch"] - 3.5))

    kept = list(run())
    best = contents(kept[-1][2].params)
    last = deque(run(), maxlen=1)[0]
    assert contents(last[2].params) == best == contents(kept[2][0].params)
    assert contents(last[0]) == contents(kept[-1][0])
    assert contents(checkpoint.load(tmp_path / "state", like=last[0])) == contents(last[0])


def test_arrays_stay_read_only():
    for state, _ in training.scan(stepped(), begin(), stream(8, 0, 3)):
        for leaf in arrays(state):
            assert not leaf.flags.writeable
            with pytest.raises(ValueError, match="WRITEABLE"):
                leaf.reshape(-1).flags.writeable = True
        del state, leaf


@pytest.mark.parametrize("big", [1e45, np.nan], ids=["infinite", "NaN"])
def test_a_step_that_fails_has_written_nothing(big):
    """What would not be finite is found before the first byte is written, and told as by the step alone."""

    def at(count, updates):
        return lambda block: np.multiply(block.given, -0.1 if count < 3 else big, out=block.update)

    net, own = NETS["plain"], optim.chain(optim.momentum(0.9), link(Part("leaping", at, Count)))
    with pytest.raises(NonFiniteError) as by_hand:
        pure(4, net, own)
    state = held.Held(begin(net, own))
    with pytest.raises(NonFiniteError) as in_loop:
        held_through(stepped(net, own), state, stream(8, 0, 9))
    assert str(in_loop.value) == str(by_hand.value)
    assert contents(state.state) == pure(3, net, own)[-1]
    assert len(state.history) == 3


class Count(NamedTuple):
    steps: int


def test_ctrl_c_between_steps_keeps_what_is_done():
    def batches():
        yield from stream(8, 0, 3)
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as stop:
        training.fold(stepped(), begin(), batches())
    assert contents(stop.value.state) == pure(3)[-1]
    assert len(stop.value.history) == 3


@pytest.mark.parametrize("at", [0, 3, 7])
def test_ctrl_c_in_the_midst_of_writing_finds_the_step_done(at):
    """Interrupted at any block while the third step writes: its state is whole, and its metrics are there."""
    calls = []

    def rule(block):
        if threading.current_thread() is not threading.main_thread():
            calls.append(None)
            if len(calls) == 2 * LEAVES + at + 1:
                _thread.interrupt_main()
        np.multiply(block.given, -0.1, out=block.update)

    net = NETS["all"]
    LEAVES = sum(isinstance(leaf, np.ndarray) for leaf in tree.leaves(begin(net).params))
    own = link(Part("down", lambda count, updates: rule))
    with pytest.raises(Interrupted) as stop:
        training.fold(stepped(net, own), begin(net, own), stream(8, 0, 9))
    assert stop.value.state.step == len(stop.value.history)
    n = stop.value.state.step
    assert 3 <= n < 9
    assert contents(stop.value.state) == pure(n, net, own)[-1]


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_ctrl_c_while_the_thread_starts_loses_nothing(turn, monkeypatch):
    begun, starts = threading.Thread.start, []

    def start(thread):
        begun(thread)
        starts.append(thread)
        if len(starts) == turn:
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(Interrupted) as stop:
        training.fold(stepped(), begin(), stream(8, 0, 9))
    n = stop.value.state.step
    assert n == len(stop.value.history) < 9
    assert contents(stop.value.state) == (pure(n)[-1] if n else contents(begin()))


def test_whoever_ends_it_while_it_is_written_over_gets_no_state():
    one = held.Held(begin())
    with pytest.raises(ZeroDivisionError):
        one.overwrite(lambda: 1 / 0, {})
    assert one.ended() == []


@pytest.mark.parametrize(
    ("optimizer", "most"), [(optim.sgd(0.01, momentum=0.9), 3.5), (optim.adam(0.001), 5.3)], ids=["momentum", "adam"]
)
@pytest.mark.parametrize("loop", ["fold", "scan", "fit"])
def test_a_training_takes_no_more_than_pytorch(loop, optimizer, most):
    """Params, memory of the optimizer, gradients, in units of 4 · 10⁶ bytes of params, from the first weight on."""
    side = 500
    net = layers.serial(*[layers.dense(side) for _ in range(4)])
    unit = 4 * 4 * side * (side + 1)
    x, target = np.eye(8 * 4, side, dtype=np.float32), np.arange(8 * 4)
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer)

    def batches():
        for i in range(0, 32, 8):
            yield x[i : i + 8], target[i : i + 8]

    def train():
        start = training.init(net, optimizer, KEY, (side,))
        if loop == "fit":
            return training.fit(step, start, (x, target), 2, size=8)
        return training.scan(step, start, batches())

    def go():
        if loop == "fold":
            training.fold(step, training.init(net, optimizer, KEY, (side,)), batches())
        else:
            deque(train(), maxlen=0)

    go()
    with at_most(int(most * unit)):
        go()
