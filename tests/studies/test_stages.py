"""What is run when: timed runs alone, searches before what follows from them, long runs before short ones."""

import attrs
import pytest

from experiments.engine import conduct, pool, results, store
from experiments.engine.board import Board
from experiments.engine.study import Follow, Setting, StudyResults, run_id
from fnnet.runs.display import Display
from tests.studies import tasks
from tests.studies.tasks import Config, study


def longer(best):
    return [Setting(f"{best.label}, longer", attrs.evolve(best.config, epochs=9), 3.0)]


@pytest.fixture
def pair(monkeypatch):
    """A search and the study that follows it."""
    search = attrs.evolve(study(tasks.good), name="a-search")
    follower = study(tasks.good, settings=(), follows=Follow("a-search", longer))
    for module in (conduct, store):
        monkeypatch.setattr(module, "get", {"a-search": search}.__getitem__)
    return search, follower


def labels(follower, out):
    return [setting.label for setting in store.results_of(follower, out).study.settings]


def test_the_best_of_a_search_is_run(pair, tmp_path, capsys):
    _, follower = pair
    assert conduct.run_studies([follower], tmp_path, jobs=1) == 0
    told = capsys.readouterr().out
    assert "6 runs to make, 0 there already" in told
    assert "[6/6] a-study · two, longer · seed 1" in told
    assert labels(follower, tmp_path) == ["two, longer"]
    assert store.opened(tmp_path, run_id(tasks.good, Config(2.0, 9), 0, False))
    assert conduct.run_studies([follower], tmp_path, jobs=1) == 0
    assert "0 runs to make, 6 there already" in capsys.readouterr().out
    assert "| two, longer | 3.00 |" in "\n".join(results.section(store.results_of(follower, tmp_path)))


def test_another_outcome_is_another_run(pair, tmp_path):
    search, follower = pair
    conduct.run_studies([follower], tmp_path, jobs=1)
    for seed in search.seeds:  # as if other code had found the first setting better
        path = store.path(tmp_path, run_id(tasks.good, Config(1.0), seed, False))
        path.write_text(
            path.read_text().replace('"value": 3.0', '"value": 99.0').replace('"value": 4.0', '"value": 99.0')
        )
    answers = store.results_of(follower, tmp_path)
    assert labels(follower, tmp_path) == ["one, longer"]
    assert answers.empty


def test_nothing_follows_from_half_a_search(pair, tmp_path):
    search, follower = pair
    conduct.run_studies([search], tmp_path, jobs=1)
    store.path(tmp_path, run_id(tasks.good, Config(1.0), 1, False)).unlink()
    assert labels(follower, tmp_path) == []
    assert "No run is finished." in list(results.section(store.results_of(follower, tmp_path)))


def test_a_search_with_failed_runs_is_named(pair, tmp_path, monkeypatch, capsys):
    search, follower = pair
    search = attrs.evolve(search, task=tasks.breaks)
    for module in (conduct, store):
        monkeypatch.setattr(module, "get", {"a-search": search}.__getitem__)
    assert conduct.run_studies([follower], tmp_path, jobs=1) == 1
    assert "failed: a-study: a-search, which it follows, has runs that failed" in capsys.readouterr().err
    assert not list(tmp_path.glob("good*"))


def test_runs_that_a_search_shares_are_counted_once(pair, tmp_path, capsys):
    _, follower = pair
    same = attrs.evolve(follower, follows=Follow("a-search", lambda best: [best]))
    assert conduct.run_studies([same], tmp_path, jobs=1) == 0
    told = capsys.readouterr().out
    assert "4 runs to make, 0 there already" in told
    assert "[4/4]" in told
    assert "4 runs made" in told
    conduct.run_studies([same], tmp_path, jobs=1)
    assert "0 runs to make, 4 there already" in capsys.readouterr().out


def test_the_first_of_equals_is_best():
    runs = {label: {0: tasks.run(1.0)} for label in ("one", "two")}
    assert StudyResults(study(tasks.good), runs).best().label == "one"
    less = study(tasks.good, measure=attrs.evolve(study(tasks.good).measure, higher=False))
    assert StudyResults(less, {"one": {0: tasks.run(2.0)}, "two": {0: tasks.run(1.0)}}).best().label == "two"
    assert StudyResults(less, {"one": {}, "two": {}}).best() is None


def test_timed_runs_have_no_other_beside_them(tmp_path, monkeypatch):
    made, perform = [], pool.perform

    def watched(jobs, workers, threads):
        made.append((sorted({job.config.value for job in jobs}), workers))
        return perform(jobs, workers, threads)

    monkeypatch.setattr(pool, "perform", watched)
    timed = study(tasks.good, settings=(Setting("t", Config(7.0)),), alone=True)
    chosen = [study(tasks.good), attrs.evolve(timed, name="timed")]
    assert conduct.run_studies(chosen, tmp_path, jobs=2) == 0
    assert made == [([7.0], 1), ([1.0, 2.0], 2)]


def test_long_runs_come_first(tmp_path):
    todo, _ = conduct.plan([study(tasks.good, cost=lambda config: config.value)], tmp_path)
    assert [run.cost for run in todo] == [2.0, 2.0, 1.0, 1.0]


def test_the_board_counts_all_stages(monkeypatch, capsys):
    import sys

    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    board = Board(2, Display(sys.stdout))
    board.begin([10.0, 10.0], later=[20.0])
    now[0] = 10.0
    board.finish(0, "a")
    board.finish(1, "b")
    board.begin([20.0])
    board.finish(0, "c")
    assert capsys.readouterr().out.splitlines() == [
        "[1/3] a; about 30.0 s left",
        "[2/3] b; about 10.0 s left",
        "[3/3] c; about 0.0 s left",
    ]


def test_timed_studies_are_marked():
    from experiments.engine.study import studies

    timed = {"r1-arrays", "r2-time", "r3-loops", "r5-time", "r5-im2col"}
    assert {name for name, one in studies().items() if one.alone} == timed
