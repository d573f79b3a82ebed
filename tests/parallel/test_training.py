"""The law of teams: steps, evaluations and predictions have the bytes of one process, by any number of workers."""

from functools import partial

import numpy as np
import pytest

from fnnet import data, layers, metrics, optim, rng, training
from fnnet.errors import ConfigError, DataError, NonFiniteError, WorkerError
from fnnet.parallel import alone
from fnnet.parallel.portion import Portion
from tests.parallel import teams
from tests.parallel.cases import CASES, KEY, LABELS, LOSS, pictures
from tests.training.cases import contents

WORKERS = (1, 2, 3, 5, 8)
OPTIMIZER = optim.chain(optim.add_decayed_weights(0.01), optim.sgd(0.1, momentum=0.9))


def whole_batches(key, arrays, team):
    """As from one who does not know of teams: every worker has the whole batch."""
    return data.batches(key, arrays, 9)


def own_rows(key, arrays, team):
    return data.batches(key, arrays, 9, micro_batch=2, team=team)


def trained(case, batches, team, **options):
    net, arrays = CASES[case]
    step = training.make_step(
        net, LOSS, OPTIMIZER, {"accuracy": metrics.accuracy, "n": len_of}, micro_batch=2, team=team, **options
    )
    state = training.init(net, OPTIMIZER, KEY, arrays[0].shape[1:])
    history = []
    for epoch in range(2):
        state, rows = training.fold(step, state, batches(rng.fold_in(KEY, epoch), arrays, team))
        history += rows
    return state, history


def len_of(predictions, target, weight=None):
    return len(predictions)


@pytest.mark.parametrize("case", CASES)
def test_training_has_the_bytes_of_one_process(case):
    state, history = trained(case, whole_batches, None)
    assert [row["n"] for row in history] == [9, 9, 5] * 2
    for workers in WORKERS:
        for batches in (own_rows, whole_batches):
            for own_state, own_history in teams.run(workers, partial(trained, case, batches)):
                assert contents(own_state) == contents(state)
                assert own_history == history


def test_threads_and_sharpness_within_workers():
    state, history = trained("batch_norm_dropout", whole_batches, None, sharpness=0.1)
    for own in teams.run(2, partial(trained, "batch_norm_dropout", own_rows, sharpness=0.1, workers=2)):
        assert contents(own[0]) == contents(state)
        assert own[1] == history


def test_a_worker_reads_its_own_rows_only():
    numbers = np.arange(23)

    def work(team):
        return [
            (x.tolist(), batch.of)
            for batch in data.batches(KEY, (numbers,), 9, micro_batch=2, team=team)
            for x in batch
        ]

    whole = [x.tolist() for (x,) in data.batches(KEY, (numbers,), 9)]
    found = teams.run(3, work)
    assert [[n for rows, _ in shares for n in rows] for shares in zip(*found, strict=True)] == whole
    assert [[len(rows) for rows, _ in own] for own in found] == [[2, 2, 2], [4, 4, 2], [3, 3, 1]]
    assert [of for _, of in found[0]] == [9, 9, 5]


@pytest.mark.parametrize("case", CASES)
def test_evaluations_and_predictions_have_the_bytes_of_one_process(case):
    net, arrays = CASES[case]
    params = net.init(KEY, arrays[0].shape[1:])
    measured = {"accuracy": metrics.accuracy, "confusion": metrics.confusion}

    def work(team):
        values = training.evaluate(net, params, arrays, measured, LOSS, 4, team=team)
        return values, training.predict(net, params, arrays[0], 4, team=team)

    values, predictions = work(None)
    for workers in WORKERS:
        for own_values, own_predictions in teams.run(workers, work):
            assert contents(own_values) == contents(values)
            assert own_predictions.tobytes() == predictions.tobytes()


def test_metrics_over_all_examples():
    net, x = layers.dense(1), pictures(4)
    params = net.init(KEY, (4,))

    def work(team):
        return training.evaluate(net, params, (x, LABELS[:, None] % 2), {"area": metrics.roc_auc()}, size=6, team=team)

    for workers in WORKERS:
        assert teams.run(workers, work) == [work(None)] * workers


def test_nets_of_several_outputs():
    net = layers.parallel(layers.dense(2), layers.dense(3), combine="tuple")
    params = net.init(KEY, (4,))
    x = pictures(4)
    for found in teams.run(5, lambda team: training.predict(net, params, x, 8, team=team)):
        for own, one in zip(found, training.predict(net, params, x, 8), strict=True):
            assert own.tobytes() == one.tobytes()


# Faults


def stepping(team, arrays=None, micro_batch=2, batches=own_rows, key=KEY):
    net, own = CASES["lenet"]
    arrays = arrays or own
    step = training.make_step(net, LOSS, OPTIMIZER, micro_batch=micro_batch, team=team)
    state = training.init(net, OPTIMIZER, key, own[0].shape[1:])
    return training.fold(step, state, batches(KEY, arrays, team))


def test_data_that_one_worker_cannot_read():
    net, (x, target) = CASES["lenet"]

    def work(team):
        step = training.make_step(net, LOSS, OPTIMIZER, micro_batch=2, team=team)
        state = training.init(net, OPTIMIZER, KEY, x.shape[1:])

        def read():
            if team.rank == 1:
                raise OSError("disk gone")
            return x[:4], target[:4]

        return step(state, Portion(read, 8))

    found = teams.run(2, work)
    assert [str(error) for error in found] == ["worker 2 of 2: OSError: disk gone"] * 2
    assert {type(error) for error in found} == {WorkerError}


def test_a_label_that_one_worker_finds_bad():
    _, (x, target) = CASES["lenet"]
    bad = target.copy()
    bad[rng.permutation(KEY, 23)[8]] = 7  # the last example of the first batch
    found = teams.run(3, partial(stepping, arrays=(x, bad)))
    assert {type(error) for error in found} == {WorkerError}
    (message,) = {str(error) for error in found}
    assert message.startswith("worker 3 of 3: DataError: labels")


def test_numbers_that_are_not_finite_are_told_alike():
    _, (x, target) = CASES["lenet"]
    bad = x.copy()
    bad[rng.permutation(KEY, 23)[3]] = np.nan
    found = teams.run(3, partial(stepping, arrays=(bad, target)))
    assert {type(error) for error in found} == {NonFiniteError}
    assert {str(error) for error in found} == {
        "step 0: NaN or infinity: x of the batch holds 144 NaN of 576 numbers; clean the data"
    }


def test_a_gradient_that_overflows_is_told_alike():
    def work(team):
        net, (x, target) = CASES["lenet"]
        step = training.make_step(net, LOSS, optim.sgd(1e38), micro_batch=2, team=team)
        state = training.init(net, optim.sgd(1e38), KEY, x.shape[1:])
        return training.fold(step, state, data.batches(KEY, (x, target), 9))

    with pytest.raises(NonFiniteError) as alone:
        work(None)
    found = teams.run(3, work)
    assert {type(error) for error in found} == {NonFiniteError}
    assert len({str(error) for error in found}) == 1
    assert str(found[0])[:8] == str(alone.value)[:8]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (lambda rank: {"key": rng.key(rank)}, "worker 2 of 2: state at step 0: expected that of worker 1, "),
        (
            lambda rank: {"batches": lambda key, arrays, team: data.batches(key, arrays, 9 - rank)},
            "worker 2 of 2: examples in the batch: expected 9, as on worker 1, got 8",
        ),
        (
            lambda rank: {"micro_batch": 3},
            "worker 1 of 2: DataError: batch: expected 3 of its 9 examples, got 4; give data.batches and make_step the",
        ),
    ],
)
def test_workers_that_do_not_do_the_same(options, message):
    found = teams.run(2, lambda team: stepping(team, **options(team.rank)))
    assert {type(error) for error in found} == {WorkerError}
    (text,) = {str(error) for error in found}
    assert message in text


def test_weights_of_which_none_counts():
    _, (x, target) = CASES["lenet"]
    found = teams.run(2, partial(stepping, arrays=(x, target, np.zeros(23, np.float32))))
    assert {(type(error), str(error)) for error in found} == {
        (DataError, "weight: expected some above 0, got 9 zeros; leave such batches out")
    }


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda team: training.make_step(*CASES["lenet"][:1], LOSS, OPTIMIZER, team=team),
            ConfigError,
            "micro_batch: expected a number of examples for each of 2 workers, got None",
        ),
        (
            lambda team: data.batches(KEY, CASES["lenet"][1], 9, team=team),
            ConfigError,
            "micro_batch: expected that of the step, which a team shares out, got None",
        ),
        (
            lambda team: training.make_step(CASES["lenet"][0], LOSS, OPTIMIZER, team=3),
            ConfigError,
            "team: expected a fnnet.parallel.Team, got 3; such as parallel.mpi()",
        ),
    ],
)
def test_teams_that_do_not_fit(call, error, message):
    for found in teams.run(2, call):
        assert type(found) is error
        assert str(found).startswith(message)


def test_the_rows_of_one_worker_are_no_batch_for_one_alone():
    net, (x, target) = CASES["lenet"]
    step = training.make_step(net, LOSS, OPTIMIZER, micro_batch=2, team=alone())
    state = training.init(net, OPTIMIZER, KEY, x.shape[1:])
    with pytest.raises(DataError, match="batch: expected a whole one, got one worker's rows of one of 8 examples"):
        step(state, Portion(lambda: (x[:4], target[:4]), 8))


def test_a_fault_in_an_evaluation_is_told_to_all():
    net, (x, target) = CASES["lenet"]
    params = net.init(KEY, x.shape[1:])
    bad = target.copy()
    bad[-1] = 9
    found = teams.run(2, lambda team: training.evaluate(net, params, (x, bad), {}, LOSS, 4, team=team))
    assert {type(error) for error in found} == {WorkerError}
    assert {str(error)[:25] for error in found} == {"worker 2 of 2: DataError:"}
