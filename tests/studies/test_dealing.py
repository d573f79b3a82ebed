"""`--part K/N`: what several commands make of one plan, each its own part."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.engine import conduct, parts, store
from experiments.engine.parts import Part
from experiments.engine.study import Follow, Setting
from fnnet.errors import ConfigError
from fnnet.runs import files
from tests.studies import inline, tasks
from tests.studies.tasks import study


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    inline.by_threads(monkeypatch)


def made(out):
    return {path.name for path in out.glob("*-seed*.json")}


COSTS = st.dictionaries(st.text("abc", min_size=1, max_size=4), st.floats(0.1, 100), max_size=30)


@given(COSTS, st.integers(1, 6))
def test_parts_are_disjoint_cover_the_plan_and_last_alike(costs, of):
    numbers = parts.dealt(costs, {}, of)
    assert numbers.keys() == costs.keys()
    assert set(numbers.values()) <= set(range(1, of + 1))
    loads = [sum(costs[name] for name in costs if numbers[name] == k) for k in range(1, of + 1)]
    assert max(loads) - min(loads) <= max(costs.values(), default=0) + 1e-9
    assert parts.dealt(dict(reversed(costs.items())), {}, of) == numbers


@given(COSTS, st.integers(1, 6))
def test_what_belongs_together_is_in_one_part(costs, of):
    together = {name: name[0] for name in costs if name[0] != "c"}
    numbers = parts.dealt(costs, together, of)
    for word in "ab":
        assert len({numbers[name] for name in costs if name[0] == word}) <= 1


def test_parts_make_the_files_of_the_whole_one_after_the_other(tmp_path, capsys):
    conduct.run_studies([study(tasks.good)], tmp_path / "whole", jobs=1)
    seen = set()
    for k in (1, 2, 3):
        before = made(tmp_path / "parts")
        assert conduct.run_studies([study(tasks.good)], tmp_path / "parts", jobs=1, part=Part(k, 3)) == 0
        own = made(tmp_path / "parts") - before
        assert own
        seen |= own
    assert seen == made(tmp_path / "whole")
    for name in seen:
        one, other = (store.opened(tmp_path / folder, name.removesuffix(".json")) for folder in ("whole", "parts"))
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert sorted(session["part"] for session in store.sessions(tmp_path / "parts")) == ["1/3", "2/3", "3/3"]
    capsys.readouterr()
    assert conduct.run_studies([study(tasks.good)], tmp_path / "parts", jobs=1) == 0
    assert "0 runs to make, 4 there already" in capsys.readouterr().out


def test_a_part_is_the_same_whatever_is_made_already(tmp_path, capsys):
    one = study(tasks.good)
    conduct.run_studies([one], tmp_path / "first", jobs=1, part=Part(2, 2))
    wanted = made(tmp_path / "first")
    conduct.run_studies([one], tmp_path / "later", jobs=1, part=Part(1, 2))
    conduct.run_studies([one], tmp_path / "later", jobs=1, part=Part(2, 2))
    assert made(tmp_path / "later") > wanted
    for path in (tmp_path / "later").glob("*-seed*.json"):
        if path.name in wanted:
            path.unlink()
    capsys.readouterr()
    conduct.run_studies([one], tmp_path / "later", jobs=1, part=Part(1, 2))
    assert "0 runs to make, 2 there already" in capsys.readouterr().out
    conduct.run_studies([one], tmp_path / "later", jobs=1, part=Part(2, 2))
    assert made(tmp_path / "later") >= wanted


def test_timed_studies_stay_whole(tmp_path):
    timed = attrs.evolve(study(tasks.good), alone=True)
    for k in (1, 2):
        conduct.run_studies([timed], tmp_path / str(k), jobs=1, part=Part(k, 2))
    assert [len(made(tmp_path / str(k))) for k in (1, 2)] == [4, 0]


def test_what_follows_a_search_waits_until_that_is_finished(tmp_path, monkeypatch, capsys):
    search = attrs.evolve(study(tasks.good), name="a-search")
    follower = study(
        tasks.good,
        settings=(),
        follows=Follow("a-search", lambda best: [Setting("longer", attrs.evolve(best.config, epochs=9), 3.0)]),
    )
    for module in (conduct, store):
        monkeypatch.setattr(module, "get", {"a-search": search}.__getitem__)
    with pytest.raises(
        ConfigError, match="--part 1/2: expected studies that follow finished searches, got a-search unf"
    ):
        conduct.run_studies([follower], tmp_path, jobs=1, part=Part(1, 2))
    assert made(tmp_path) == set()
    for k in (1, 2):
        assert conduct.run_studies([search, follower], tmp_path, jobs=1, part=Part(k, 2)) == 1
        assert "a-study: skipped, --part" in capsys.readouterr().err
    assert len(made(tmp_path)) == 4
    for k in (1, 2):
        assert conduct.run_studies([follower], tmp_path, jobs=1, part=Part(k, 2)) == 0
    assert len(made(tmp_path)) == 6


def test_two_parents_on_one_folder(tmp_path):
    """Another part may be made beside; the same one, or all, may not."""
    one = study(tasks.good)
    with parts.locked(tmp_path, Part(1, 2)):
        (tmp_path / ".a-run.json.123.tmp").write_text("what the other part is writing")
        assert conduct.run_studies([one], tmp_path, jobs=1, part=Part(2, 2)) == 0
        assert (tmp_path / ".a-run.json.123.tmp").exists()
        with pytest.raises(ConfigError, match="a folder in which nobody else makes part 1/2, or all, got one in use"):
            conduct.run_studies([one], tmp_path, jobs=1, part=Part(1, 2))
        with pytest.raises(ConfigError, match="that no other process is working in, got one in use"):
            conduct.run_studies([one], tmp_path, jobs=1)
    with store.locked(tmp_path), pytest.raises(ConfigError, match="nobody else makes part 1/2"):
        conduct.run_studies([one], tmp_path, jobs=1, part=Part(1, 2))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="expected a folder, got a file"):
        conduct.run_studies([one], tmp_path / "file", part=Part(1, 2))


@pytest.mark.parametrize("text", ["", "3", "0/2", "3/2", "-1/2", "1/2/3", "a/b", "1/"])
def test_words_that_are_no_part(text):
    with pytest.raises(ConfigError, match="--part: expected K/N with 1 ≤ K ≤ N, such as 2/8, got"):
        parts.read(text)


def test_the_record_of_every_part_is_its_own(tmp_path):
    parts.log(tmp_path, Part(1, 2), {"runs": 1})
    parts.log(tmp_path, Part(1, 2), {"runs": 2})
    parts.log(tmp_path, None, {"runs": 3})
    assert sorted(session["runs"] for session in store.sessions(tmp_path)) == [1, 2, 3]
    assert len(files.read_json(tmp_path / "sessions-1-of-2.json")) == 2
