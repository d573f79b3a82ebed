import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import checkpoint, training
from fnnet.errors import ConfigError, NonFiniteError
from fnnet.training import EarlyStoppingState, TrainState, early_stopping, patience, relative_rise, small_improvement


def epochs(values):
    """A training whose loss is known beforehand; the params are the number of the epoch."""
    return ((TrainState(10 * i, i, None, None), {"loss": value}) for i, value in enumerate(values, start=1))


def ends(values, rule):
    """How many epochs are made, and which one was best."""
    seen = list(early_stopping(epochs(values), rule, by="loss"))
    return len(seen), seen[-1][2].params


@pytest.mark.parametrize(
    ("rule", "values", "looks", "best"),
    [
        (patience(1), [3, 2, 1, 2, 0], 4, 3),
        (patience(2), [3, 2, 2.5, 1, 2, 2, 0], 6, 4),
        (patience(2), [3, 2, 2, 2, 0], 4, 2),  # an equal value is no better
        (patience(9), [3, 2, 1, 2], 4, 3),  # the stream ends first
        (small_improvement(0.5), [5, 4, 3.25, 3, 1], 4, 4),
        (small_improvement(0.5), [5, 6, 1], 2, 1),
        (small_improvement(0), [5, 5, 5.5, 1], 3, 1),
        (relative_rise(0.1), [2, 1, 1.0625, 1.125, 0], 4, 2),
        (relative_rise(0), [1, 1, 2, 0], 3, 1),
        (relative_rise(0.5), [0, 0, 1], 3, 1),
        (lambda memory: patience(3)(memory) or relative_rise(1)(memory), [1, 1.5, 3, 0], 3, 1),
    ],
)
def test_rules_by_hand(rule, values, looks, best):
    assert ends(values, rule) == (looks, best)


@settings(derandomize=True, deadline=None)
@given(values=st.lists(st.floats(0, 10), min_size=1, max_size=12), n=st.integers(1, 4), t=st.floats(0, 2))
def test_rules_against_their_definitions_on_the_whole_history(values, n, t):
    def first(stops):
        return next((i for i in range(1, len(values) + 1) if stops(values[:i])), len(values))

    def waited(seen):
        return len(seen) - 1 - seen.index(min(seen))

    assert ends(values, patience(n)) == _best(values, first(lambda seen: waited(seen) >= n))
    end = first(lambda seen: len(seen) > 1 and seen[-2] - seen[-1] < t)
    assert ends(values, small_improvement(t)) == _best(values, end)
    assert ends(values, relative_rise(t)) == _best(values, first(lambda seen: seen[-1] > (1 + t) * min(seen)))


def _best(values, end):
    return end, 1 + values.index(min(values[:end]))


@settings(derandomize=True, deadline=None, max_examples=30)
@given(values=st.lists(st.floats(0, 10), min_size=1, max_size=10), cut=st.integers(0, 10))
def test_a_saved_memory_goes_on_where_it_was(values, cut, tmp_path_factory):
    path = tmp_path_factory.mktemp("memory") / "memory.safetensors"
    for rule in (patience(2), small_improvement(0.1), relative_rise(0.2)):
        start = EarlyStoppingState(params=0)
        straight = [memory for *_, memory in early_stopping(epochs(values), rule, "loss", start)]
        before = [memory for *_, memory in early_stopping(list(epochs(values))[:cut], rule, "loss", start)]
        checkpoint.save(path, before[-1] if before else start)
        memory = checkpoint.load(path, like=start)
        after = [memory for *_, memory in early_stopping(list(epochs(values))[cut:], rule, "loss", memory)]
        assert before + after == straight


def test_the_best_is_at_hand_whatever_ends_the_training():
    def broken():
        yield from epochs([3, 1, 2])
        raise KeyboardInterrupt("Ctrl-C")

    seen = []
    with pytest.raises(KeyboardInterrupt, match="Ctrl-C"):
        seen.extend(early_stopping(broken(), patience(5), by="loss"))
    memory = seen[-1][2]
    assert (memory.params, memory.best_step, memory.best) == (2, 20, 1)


def test_nothing_is_trained_after_the_end():
    made = []
    stream = ((made.append(1) or item) for item in epochs([1, 2, 3, 4]))
    list(early_stopping(stream, patience(2), by="loss"))
    assert len(made) == 3


def test_by_a_function_of_the_metrics():
    stream = ((state, {"accuracy": -metrics["loss"]}) for state, metrics in epochs([-0.5, -0.75, -0.25, 0]))
    seen = list(early_stopping(stream, patience(2), by=lambda metrics: -metrics["accuracy"]))
    assert (len(seen), seen[-1][2].params) == (4, 2)


def test_bad_arguments():
    with pytest.raises(ConfigError, match="by: expected one of the metrics 'loss', got 'accuracy'"):
        list(early_stopping(epochs([1]), patience(1), by="accuracy"))
    with pytest.raises(NonFiniteError, match="step 20: the value early stopping evaluates is nan"):
        list(early_stopping(epochs([1, float("nan")]), patience(1), by="loss"))
    with pytest.raises(ConfigError, match="value for relative_rise: expected a number ≥ 0, got -1"):
        list(early_stopping(epochs([-1]), relative_rise(1), by="loss"))
    with pytest.raises(ConfigError, match="evaluations: expected a whole number ≥ 1, got 0"):
        patience(0)
    with pytest.raises(ConfigError, match="threshold: expected a finite number, got 'small'"):
        small_improvement("small")
    with pytest.raises(ConfigError, match=r"threshold: expected a number in \[0, inf\], got -1"):
        relative_rise(-1)


def test_on_a_real_training():
    from fnnet import optim
    from tests.training.cases import ARRAYS, KEY, LOSS, NETS, SHAPE, stream

    net, optimizer = NETS["plain"], optim.adam(0.05)
    step = training.make_step(net, LOSS, optimizer)
    state = training.init(net, optimizer, KEY, SHAPE)
    seen = list(early_stopping(training.scan(step, state, stream(23, 0, 60)), patience(3), by="loss"))
    best = min(seen, key=lambda item: item[1]["loss"])
    assert seen[-1][2].params is best[0].params
    assert training.evaluate(net, best[0].params, ARRAYS, loss=LOSS)["loss"] < 0.1


def highest(values, rule, by="accuracy", **options):
    stream = ((TrainState(10 * i, i, None, None), {by: value}) for i, value in enumerate(values, start=1))
    return list(early_stopping(stream, rule, by=by, mode="max", **options))


def test_the_greatest_is_kept_where_more_is_better():
    seen = highest([0.5, 0.7, 0.9, 0.95, 0.94, 0.93, 0.99], patience(2))
    assert len(seen) == 6
    assert seen[-1][2].params == 4
    assert seen[-1][2].best == 0.95
    assert seen[-1][2].best_step == 40
    assert [memory.value for _, _, memory in seen] == [0.5, 0.7, 0.9, 0.95, 0.94, 0.93]
    assert len(highest([-3.0, -2.0, -2.0, -2.0], patience(2), by="score")) == 4
    assert len(highest([0.5, 0.7, 0.71, 0.9], small_improvement(0.05))) == 3


@settings(derandomize=True, deadline=None)
@given(values=st.lists(st.floats(-10, 10), min_size=1, max_size=12), n=st.integers(1, 4))
def test_the_greatest_is_the_least_of_the_negative(values, n):
    seen = highest(values, patience(n))
    stream = ((TrainState(10 * i, i, None, None), {"loss": -value}) for i, value in enumerate(values, start=1))
    other = list(early_stopping(stream, patience(n), by="loss"))
    assert [memory.params for *_, memory in seen] == [memory.params for *_, memory in other]
    half = len(seen) // 2
    if half:
        memory = seen[half - 1][2]
        rest = (
            (TrainState(10 * i, i, None, None), {"accuracy": values[i - 1]}) for i in range(half + 1, len(values) + 1)
        )
        again = list(early_stopping(rest, patience(n), by="accuracy", memory=memory, mode="max"))
        assert [memory for *_, memory in again] == [memory for *_, memory in seen[half:]]


@pytest.mark.parametrize(
    ("by", "mode"),
    [("accuracy", "min"), ("validation_accuracy", "min"), ("f1", "min"), ("top-3 accuracy", "min"), ("loss", "max"),
     ("validation_loss", "max"), ("mean error", "max")],
)  # fmt: skip
def test_a_name_that_says_the_other_way_is_refused(by, mode):
    right = "max" if mode == "min" else "min"
    with pytest.raises(
        ConfigError, match=f"mode: expected '{right}', as the (greatest|least) {by} is the best, got '{mode}'"
    ):
        next(early_stopping([(TrainState(0, 0, None, None), {by: 1.0})], patience(1), by=by, mode=mode))
    with pytest.raises(ConfigError, match="mode: expected 'min' or 'max'"):
        next(early_stopping(epochs([1.0]), patience(1), by="loss", mode="most"))


def test_other_names_and_functions_go_either_way():
    assert len(highest([1.0, 2.0], patience(1), by="quality")) == 2
    stream = ((TrainState(i, i, None, None), {"accuracy": 0.1 * i}) for i in range(3))
    assert [m.best for *_, m in early_stopping(stream, patience(9), by=lambda m: -m["accuracy"])] == [0, -0.1, -0.2]
