"""`fit` is the fold over epochs, and what consumes its stream hands it on."""

import io
import os
import signal
from functools import partial

import numpy as np
import pytest

from fnnet import checkpoint, data, layers, losses, metrics, optim, rng, training, tree
from fnnet.errors import ConfigError, DataError, DtypeError, Interrupted, NonFiniteError, StructureError
from tests.training.cases import ARRAYS, KEY, LOSS, NETS, SHAPE, contents

NET = NETS["all"]
OPTIMIZER = optim.adam(0.01)
MEASURED = {"accuracy": metrics.accuracy, "correct": lambda y, target: int((y.argmax(axis=1) == target).sum())}
STEP = training.make_step(NET, LOSS, OPTIMIZER, MEASURED)
START = training.init(NET, OPTIMIZER, KEY, SHAPE)
fit = partial(training.fit, STEP, size=8)


def look(params):
    return training.evaluate(NET, params, ARRAYS, MEASURED, LOSS)


def by_hand(state, epochs):
    for epoch in epochs:
        shuffled = data.batches(rng.fold_in(rng.fold_in(KEY, "shuffle"), epoch), ARRAYS, 8)
        state, history = training.fold(STEP, state, shuffled)
        yield state, history


def test_it_is_the_loop_that_everybody_writes():
    for (state, row), (wanted, history), epoch in zip(
        fit(START, ARRAYS, 3), by_hand(START, range(3)), (1, 2, 3), strict=True
    ):
        assert contents(state) == contents(wanted)
        assert (row["epoch"], row["step"]) == (epoch, 3 * epoch)
        sizes = np.array([8, 8, 7])
        for name in ("loss", "accuracy"):
            assert row[name] == pytest.approx(np.dot([found[name] for found in history], sizes) / 23, rel=1e-12)
        assert row["correct"] == sum(found["correct"] for found in history)
        assert row["seconds"] > 0


def test_validation_is_looked_at_after_every_epoch():
    for state, row in fit(START, ARRAYS, 2, validation=look):
        assert {name: row[f"validation_{name}"] for name in ("loss", *MEASURED)} == look(state.params)
        assert list(row) == ["epoch", "step", "loss", *MEASURED, "validation_loss", "validation_accuracy",
                             "validation_correct", "seconds"]  # fmt: skip


def test_it_goes_on_where_a_state_stands():
    (*_, (whole, _)) = fit(START, ARRAYS, 3)
    for steps in range(9):
        middle = START
        batches = [batch for epoch in range(3) for batch in
                   data.batches(rng.fold_in(rng.fold_in(KEY, "shuffle"), epoch), ARRAYS, 8)]  # fmt: skip
        if steps:
            middle, _ = training.fold(STEP, START, batches[:steps])
        (*_, (again, row)) = fit(middle, ARRAYS, 3)
        assert contents(again) == contents(whole)
        assert row["epoch"] == 3
    assert list(fit(whole, ARRAYS, 3)) == []


def test_remainders_and_weights():
    (_, (state, row)) = fit(START, ARRAYS, 2, remainder="drop")
    assert row["step"] == state.step == 4
    weight = np.arange(23.0)
    step = training.make_step(NET, LOSS, OPTIMIZER)
    ((_, row),) = training.fit(step, START, (*ARRAYS, weight), 1, size=8)
    shuffled = data.batches(rng.fold_in(rng.fold_in(KEY, "shuffle"), 0), (*ARRAYS, weight), 8)
    _, history = training.fold(step, START, shuffled)
    weights = [w.sum() for _, _, w in shuffled]
    assert row["loss"] == pytest.approx(np.dot([found["loss"] for found in history], weights) / 253, rel=1e-12)


def test_augmentation_has_a_key_for_every_step():
    seen = []

    def augment(key, x):
        seen.append(key.path)
        return x + rng.normal(key, x.shape) * np.float32(0.01)

    first, (whole, _) = list(fit(START, ARRAYS, 2, augment=augment))
    assert seen == [("augment", step) for step in range(6)]
    (_, (again, _)) = [first, *fit(first[0], ARRAYS, 2, augment=augment)]
    assert contents(again) == contents(whole)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: training.fit(NET, START, ARRAYS, 1), ConfigError, r"step: expected a function .*; see make_step"),
        (lambda: fit(ARRAYS, START, 1), ConfigError, "state: expected a TrainState, got a tuple of 2; make the first"),
        (lambda: fit(START, ARRAYS[0], 1), DtypeError, r"arrays: expected a tuple of arrays such as \(x, y\), got nd"),
        (lambda: fit(START, ARRAYS, 1.5), ConfigError, "epochs: expected a whole number ≥ 0, got 1.5"),
        (lambda: fit(START, ARRAYS, 1, validation=ARRAYS), ConfigError, "validation: expected a function .*lambda"),
        (lambda: fit(START, ARRAYS, 1, augment=3), ConfigError, r"augment: expected a function \(key, x\) -> x, got 3"),
        (lambda: training.fit(STEP, START, ARRAYS, 1, size=99, remainder="drop"), DataError, "at least size = 99"),
    ],
)
def test_what_is_wrong_is_told_before_the_first_step(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Ctrl-C


def interrupting(at):
    """The step, at which Ctrl-C is pressed."""

    def step(state, batch):
        if state.step == at:
            os.kill(os.getpid(), signal.SIGINT)
        return STEP(state, batch)

    return step


@pytest.mark.parametrize("at", [0, 2, 4])
def test_ctrl_c_in_a_fold_keeps_what_is_done(at):
    shuffled = [batch for epoch in (0, 1) for batch in
                data.batches(rng.fold_in(rng.fold_in(KEY, "shuffle"), epoch), ARRAYS, 8)]  # fmt: skip
    with pytest.raises(KeyboardInterrupt) as caught:
        training.fold(interrupting(at), START, shuffled)
    assert isinstance(caught.value, Interrupted)
    assert caught.value.state.step == at == len(caught.value.history)
    wanted = training.fold(STEP, START, shuffled[:at])[0] if at else START
    assert contents(caught.value.state) == contents(wanted)


def test_another_signals_exception_passes_as_it_is():
    class Stopped(KeyboardInterrupt):
        pass

    def step(state, batch):
        raise Stopped

    with pytest.raises(Stopped):
        training.fold(step, START, [ARRAYS])

    def stop(params):
        raise Stopped

    with pytest.raises(Stopped):
        list(fit(START, ARRAYS, 1, validation=stop))


def test_ctrl_c_in_an_epoch_is_saved_and_gone_on_with(tmp_path):
    (*_, (whole, _)) = fit(START, ARRAYS, 3)
    stream = training.fit(interrupting(4), START, ARRAYS, 3, size=8)
    with pytest.raises(Interrupted) as caught:
        list(training.checkpoints(stream, tmp_path / "state", every=5, net=NET))
    kept = checkpoint.load(tmp_path / "state", like=START, net=NET)
    assert kept.step == caught.value.state.step == 4
    assert contents([state for state, _ in fit(kept, ARRAYS, 3)][-1]) == contents(whole)


def test_ctrl_c_while_validation_is_looked_at_keeps_the_epoch():
    def stop(params):
        os.kill(os.getpid(), signal.SIGINT)
        return look(params)

    with pytest.raises(Interrupted) as caught:
        list(fit(START, ARRAYS, 3, validation=stop))
    assert caught.value.state.step == 3


# What consumes the stream


def test_early_stopping_ends_it_and_keeps_the_best():
    stream = fit(START, ARRAYS, 50, validation=look)
    found = list(training.early_stopping(stream, training.patience(2), by="validation_loss"))
    losses_ = [row["validation_loss"] for _, row, _ in found]
    memory = found[-1][2]
    assert memory.best == min(losses_)
    assert len(found) == 50 or len(found) == losses_.index(memory.best) + 1 + 2
    assert look(memory.params)["loss"] == memory.best


def test_they_hand_on_what_they_get(tmp_path):
    plain = list(fit(START, ARRAYS, 3))
    stream = fit(START, ARRAYS, 3)
    stream = training.progress(stream, 3, to=io.StringIO())
    stream = training.csv_log(stream, tmp_path / "log.csv")
    stream = training.checkpoints(stream, tmp_path / "state")
    for (state, row), (wanted, told) in zip(stream, plain, strict=True):
        assert contents(state) == contents(wanted)
        assert {**row, "seconds": 0} == {**told, "seconds": 0}
        assert checkpoint.load(tmp_path / "state", like=START).step == state.step


def test_the_log_goes_on_with_the_training(tmp_path):
    path = tmp_path / "log.csv"
    stream = training.csv_log(fit(START, ARRAYS, 5), path)
    middle, _ = next(stream)
    next(stream)
    stream.close()  # two epochs are in the log, of which the second is trained again
    list(training.csv_log(fit(middle, ARRAYS, 4), path))
    columns, *lines = [line.split(",") for line in path.read_text().splitlines()]
    assert columns == ["epoch", "step", "loss", "accuracy", "correct", "seconds"]
    assert [line[:2] for line in lines] == [["1", "3"], ["2", "6"], ["3", "9"], ["4", "12"]]
    wanted = [[repr(row[name]) for name in columns[:-1]] for _, row in fit(START, ARRAYS, 4)]
    assert [line[:-1] for line in lines] == wanted


def test_a_log_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"log\.csv: expected the columns epoch, step, .*, got a, b; name another file"):
        list(training.csv_log(fit(START, ARRAYS, 1), path))
    assert path.read_text() == "a,b\n1,2\n"
    path.write_text("")
    with pytest.raises(DataError, match="got none"):
        list(training.csv_log(fit(START, ARRAYS, 1), path))
    rows = [(None, {"epoch": 1, "confusion": np.zeros((2, 2))})]
    with pytest.raises(ConfigError, match="csv_log: confusion: expected a number, got a ndarray; leave it out"):
        list(training.csv_log(rows, tmp_path / "other.csv"))
    rows = [(None, {"epoch": 1, "loss": 1.0}), (None, {"epoch": 2, "error": 1.0})]
    with pytest.raises(ConfigError, match="csv_log: names: expected epoch, loss, got epoch, error"):
        list(training.csv_log(rows, tmp_path / "other.csv"))


def test_every_so_many_and_whatever_comes_last_is_saved(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(checkpoint, "save", lambda path, state, net: saved.append(state.step))
    list(training.checkpoints(fit(START, ARRAYS, 5), tmp_path / "state", every=2))
    assert saved == [6, 12, 15]
    saved.clear()
    for state, _ in training.checkpoints(fit(START, ARRAYS, 5), tmp_path / "state", every=2):
        if state.step == 9:
            break
    del state
    assert saved == [6, 9]
    saved.clear()

    def diverging(state, batch):
        if state.step == 4:
            raise NonFiniteError("step 4: …")
        return STEP(state, batch)

    with pytest.raises(NonFiniteError):
        list(training.checkpoints(training.fit(diverging, START, ARRAYS, 5, size=8), tmp_path / "state", every=2))
    assert saved == [3]
    with pytest.raises(ConfigError, match="every: expected a whole number ≥ 1, got 0"):
        training.checkpoints([], "state", every=0)


class Terminal(io.StringIO):
    def isatty(self):
        return True


ROW = {"epoch": 3, "step": 1407, "loss": 0.0512345, "accuracy": 0.98, "confusion": np.zeros((2, 2)), "seconds": 7.0}


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_progress_never_breaks_a_figure(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    row = {**ROW, "validation_loss": 1.5e-5, "validation_accuracy": 0.975, "correct": 12345}
    told = Terminal()
    list(training.progress([(None, row)], 10, to=told))
    lines = told.getvalue().splitlines()
    assert all(len(line) <= columns for line in lines)
    parts = ["epoch  3/10", "loss 0.0512", "accuracy 0.9800", "validation loss 1.5e-05", "validation accuracy 0.9750",
             "correct 12,345", "7.0 s", "49.0 s left"]  # fmt: skip
    assert [part for line in lines for part in line.strip().split("  ") if part] == [
        piece for part in parts for piece in part.split("  ")
    ]
    assert len(lines) == {40: 5, 60: 3, 80: 2, 120: 2}[columns]


def test_progress_in_a_file_is_one_line_an_epoch(capsys):
    list(training.progress([(None, ROW), (None, {**ROW, "epoch": 4})]))
    assert capsys.readouterr().out == (
        "epoch 3  loss 0.0512  accuracy 0.9800  7.0 s\nepoch 4  loss 0.0512  accuracy 0.9800  7.0 s\n"
    )


# What a training begins with


BODY = layers.serial(layers.dense(4), layers.batch_norm(), layers.dense(2))


def test_init_takes_params_to_begin_with():
    first = training.init(BODY, OPTIMIZER, KEY, (3,))
    moved = tree.map_arrays(lambda leaf: leaf + 1, first.params)
    tuned = training.init(BODY, OPTIMIZER, rng.key(5), (3,), params=moved)
    assert contents(tuned.params) == contents(moved)
    assert not any(tree.array(leaf).flags.writeable for leaf in tree.leaves(tuned.params))
    assert contents(tuned.opt_state) == contents(OPTIMIZER.init(moved))
    assert (tuned.step, tuned.key) == (0, rng.key(5))


def test_init_takes_a_dtype():
    state = training.init(BODY, OPTIMIZER, KEY, (3,), dtype=np.float64)
    drawn = BODY.init(rng.fold_in(KEY, "init"), (3,))
    assert {tree.array(leaf).dtype for leaf in tree.leaves(state.params)} == {np.dtype(np.float64)}
    assert contents(state.params) == contents(tree.cast(drawn, np.float64))
    step = training.make_step(BODY, losses.squared_error, OPTIMIZER)
    state, _ = step(state, (np.ones((4, 3)), np.ones((4, 2))))
    again = training.init(BODY, OPTIMIZER, KEY, (3,), params=state.params)
    assert {tree.array(leaf).dtype for leaf in tree.leaves(again.params)} == {np.dtype(np.float64)}
    narrow = training.init(BODY, OPTIMIZER, KEY, (3,), params=state.params, dtype="float32")
    assert narrow.params.batch_norm_0.mean.array.dtype == narrow.opt_state[0][1].dense_0.weight.dtype == np.float32


def renamed(params):
    return layers.serial(layers.dense(4), layers.dense(2)).init(KEY, (3,))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (renamed, StructureError, r"trees differ at the top: the net has Serial\(dense_0, batch_norm_0, dense_1\)"),
        (tree.hold, StructureError, r"params.dense_0.weight: expected a leaf, got a frozen leaf; see tree.hold and"),
        (lambda p: p._replace(dense_1=p.dense_1._replace(bias=None)), StructureError, "expected a leaf, got a hole"),
        (
            lambda p: p._replace(dense_1=p.dense_1._replace(bias=np.zeros(3, np.float32))),
            StructureError,
            r"params.dense_1.bias: expected \(2,\), got \(3,\)",
        ),
        (lambda p: p._replace(dense_0=tree.cast(p.dense_0, np.float64)), DtypeError, "params: expected one floating"),
        (lambda p: training.init(BODY, OPTIMIZER, KEY, (3,)), ConfigError, "got a TrainState; pass state.params"),
    ],
)
def test_params_of_another_net(change, error, message):
    with pytest.raises(error, match=message):
        training.init(BODY, OPTIMIZER, KEY, (3,), params=change(BODY.init(KEY, (3,))))


@pytest.mark.parametrize("dtype", ["float16", int, "no such", complex])
def test_another_dtype(dtype):
    with pytest.raises(DtypeError, match="dtype: expected float32 or float64, got"):
        training.init(BODY, OPTIMIZER, KEY, (3,), dtype=dtype)
