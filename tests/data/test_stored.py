"""Data that does not lie in memory: files that are mapped, and readers with a shape, a dtype and rows."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from fnnet import data, layers, losses, metrics, optim, rng, training
from fnnet.errors import ConfigError, DataError, DtypeError
from tests.data.stored import Stored
from tests.parallel import teams

KEY = rng.key(0)
N = 23
PICTURES = rng.generator(KEY).integers(0, 256, (N, 1, 4, 4)).astype(np.uint8)
LABELS = rng.permutation(KEY, N) % 3
WEIGHTS = np.arange(N, dtype=np.float32)
NET = layers.serial(layers.flatten(), layers.dense(3))
PARAMS = NET.init(KEY, (1, 4, 4))
LOSS = losses.softmax_cross_entropy


def to_floats(x):
    return x.astype(np.float32) / 255


def kept(kind, folder):
    """The same three arrays, stored."""
    arrays = PICTURES, LABELS, WEIGHTS
    if kind == "own":
        return tuple(map(Stored, arrays))
    for i, array in enumerate(arrays):
        np.save(folder / f"{i}.npy", array)
    return tuple(np.load(folder / f"{i}.npy", mmap_mode="r") for i in range(3))


KINDS = pytest.mark.parametrize("kind", ["own", "mapped"])


@KINDS
@pytest.mark.parametrize("remainder", ["keep", "drop", "fill"])
def test_batches_are_those_of_arrays_in_memory(kind, remainder, tmp_path):
    stored = kept(kind, tmp_path)
    found = list(data.batches(KEY, stored, 5, remainder, transform=to_floats))
    wanted = list(data.batches(KEY, (to_floats(PICTURES), LABELS, WEIGHTS), 5, remainder))
    assert len(found) == len(wanted) > 3
    for own, one in zip(found, wanted, strict=True):
        for array, twin in zip(own, one, strict=True):
            assert type(array) is np.ndarray
            assert array.dtype == twin.dtype
            np.testing.assert_array_equal(array, twin)


@KINDS
def test_evaluations_and_predictions_are_those_of_arrays_in_memory(kind, tmp_path):
    stored = kept(kind, tmp_path)
    asked = {"accuracy": metrics.accuracy, "area": metrics.roc_auc()}

    def hot(labels):
        return np.eye(3, dtype=np.int64)[labels]

    target = hot(LABELS)
    of_rows = Stored(target) if kind == "own" else target
    found = training.evaluate(NET, PARAMS, (stored[0], of_rows, stored[2]), {"area": asked["area"]}, None, 4,
                              transform=to_floats)  # fmt: skip
    memory = to_floats(PICTURES)
    assert found == training.evaluate(NET, PARAMS, (memory, target, WEIGHTS), {"area": asked["area"]}, None, 4)
    found = training.evaluate(NET, PARAMS, stored, {"accuracy": metrics.accuracy}, LOSS, 4, transform=to_floats)
    assert found == training.evaluate(NET, PARAMS, (memory, LABELS, WEIGHTS), {"accuracy": metrics.accuracy}, LOSS, 4)
    predictions = training.predict(NET, PARAMS, stored[0], 4, transform=to_floats)
    assert predictions.tobytes() == training.predict(NET, PARAMS, memory, 4).tobytes()


def test_one_batch_is_read_at_a_time_and_only_by_whom_it_belongs_to():
    x = Stored(PICTURES)
    for _ in data.batches(KEY, (x,), 9):
        pass
    training.predict(NET, PARAMS, x, 8, transform=to_floats)
    assert x.asked == [9, 9, 5, 8, 8, 7]

    def work(team):
        own = Stored(PICTURES)
        for _ in data.batches(KEY, (own,), 9, micro_batch=2, team=team):
            pass
        training.predict(NET, PARAMS, own, 8, transform=to_floats, team=team)
        return own.asked

    assert teams.run(2, work) == [[4, 4, 2, 8], [5, 5, 3, 8, 7]]


def test_tuples_of_what_is_stored_and_what_is_not():
    x = (Stored(PICTURES), PICTURES[:, 0])
    for a, b in data.batches(KEY, x, 5):
        np.testing.assert_array_equal(a[:, 0], b)
    net = layers.serial(layers.parallel(layers.select(0), layers.select(0), combine="sum"), layers.flatten())
    found = training.predict(
        net, net.init(KEY, ((1, 4, 4), (4, 4))), x, 8, transform=lambda x: tuple(map(to_floats, x))
    )
    np.testing.assert_allclose(found, 2 * to_floats(PICTURES).reshape(N, 16))


def test_fit_reads_stored_arrays():
    step = training.make_step(NET, LOSS, optim.sgd(0.1))
    state = training.init(NET, optim.sgd(0.1), KEY, (1, 4, 4))
    ends = []
    for arrays in (to_floats(PICTURES), LABELS), (Stored(to_floats(PICTURES)), Stored(LABELS)):
        *_, (end, _) = training.fit(step, state, arrays, 2, size=5)
        ends.append(end.params.dense_0.weight.tobytes())
    assert ends[0] == ends[1]


class Wrong(Stored):
    def __getitem__(self, index):
        return super().__getitem__(index)[1:]


class Labelled(Stored):
    """As pandas: its indices are labels, not numbers of rows."""

    iloc = None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: list(data.batches(KEY, (Wrong(PICTURES),), 4)),
            DataError,
            "4 rows of a Wrong: expected (4, 1, 4, 4), as its own shape says, got (3, 1, 4, 4)",
        ),
        (
            lambda: data.batches(KEY, (Stored(PICTURES), LABELS[1:]), 4),
            DataError,
            "arrays[1]: expected 23 examples, as in arrays[0], got 22",
        ),
        (
            lambda: data.batches(KEY, (Labelled(PICTURES),), 4),
            DtypeError,
            "arrays[0]: expected a NumPy array, got Labelled",
        ),
        (lambda: data.batches(KEY, (np.float32(3),), 4), DtypeError, "arrays[0]: expected a NumPy array, got float32"),
        (
            lambda: data.batches(KEY, (PICTURES,), 4, transform=3),
            ConfigError,
            "transform: expected a function x -> x, got 3",
        ),
        (
            lambda: training.predict(NET, PARAMS, PICTURES, transform=3),
            ConfigError,
            "transform: expected a function x -> x, got 3",
        ),
        (
            lambda: training.evaluate(NET, PARAMS, (PICTURES, LABELS), transform=3),
            ConfigError,
            "transform: expected a function x -> x, got 3",
        ),
    ],
)
def test_what_cannot_be_read(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(message)


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="tells own memory from mapped pages by Linux's /proc"
)
def test_own_memory_is_bounded_by_a_batch(tmp_path):
    """Of 32 MiB on disk (a file of holes), 128 as floats, a few are held; pages that map the file are not counted."""
    program = f"""
        import numpy as np
        from fnnet import data, layers, losses, optim, rng, training

        def own():
            fields = dict(line.split(":") for line in open("/proc/self/status"))
            return int(fields["RssAnon"].split()[0]) // 1024

        x = np.memmap({str(tmp_path / "x")!r}, np.uint8, "w+", shape=(2**13, 64, 64))
        target = np.arange(len(x)) % 2
        net = layers.serial(layers.flatten(), layers.dense(2))
        to_floats = lambda x: x.astype(np.float32) / 255
        step = training.make_step(net, losses.softmax_cross_entropy, optim.sgd(0.1))
        state = training.init(net, optim.sgd(0.1), rng.key(0), (64, 64))
        before, peak = own(), 0
        for batch in data.batches(rng.key(0), (x, target), 128, transform=to_floats):
            state, _ = step(state, batch)
            peak = max(peak, own())
        training.evaluate(net, state.params, (x, target), {{}}, losses.softmax_cross_entropy, 128, transform=to_floats)
        training.predict(net, state.params, x, 128, transform=to_floats)
        print(max(peak, own()) - before)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 24
