"""`again`: what other code made is made once more, and told apart from what it was."""

import json

import attrs
import pytest

from experiments.cli import main
from experiments.commands import again as command
from experiments.engine import again, archive, conduct, results, store
from experiments.engine.study import DIVERGED, Result
from fnnet.errors import DataError
from tests.studies import inline, tasks
from tests.studies.tasks import study


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    inline.by_threads(monkeypatch)


@pytest.fixture
def known(monkeypatch):
    """A study in place of all."""
    made = study(tasks.good)
    monkeypatch.setattr(command, "studies", lambda: {made.name: made})
    return made


@pytest.fixture
def out(tmp_path, known):
    """Its runs, as if by other code; those of the first seed took least, and the very first diverged."""
    conduct.run_studies([known], tmp_path / "runs", jobs=1)
    for i, path in enumerate(sorted((tmp_path / "runs").glob("*-seed*.json"))):
        changed(path, code="other", seconds=float(path.stem[-1]) + i / 10)
    return tmp_path / "runs"


def changed(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def kinds(out, known):
    return again.kinds([store.results_of(known, out)])


def test_one_run_stands_for_a_kind_the_quickest(out, known):
    (kind,) = kinds(out, known)
    assert (kind.run.seed, kind.run.seconds) == (0, 0.0)
    content = json.loads(store.path(out, kind.name).read_text())
    changed(store.path(out, kind.name), final={**content["final"], DIVERGED: 3})
    (other,) = kinds(out, known)
    assert other.run.seed == 0
    assert other.name != kind.name
    changed(store.path(out, other.name), code="a third")
    assert {one.run.code for one in kinds(out, known)} == {"other", "a third"}


def test_what_stands_and_what_is_timed_is_none(out, known):
    for path in out.glob("*-seed*.json"):
        changed(path, code=store.code_digest("tests.studies.tasks:good"))
    assert kinds(out, known) == []
    for path in out.glob("*-seed*.json"):
        changed(path, code="other")
    assert len(kinds(out, known)) == 1
    assert kinds(out, attrs.evolve(known, alone=True)) == []


def test_the_command_says_what_is_the_same_and_what_is_not(out, known, capsys):
    assert main(["again", "--out", str(out), "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "1 run to make again; 1 at once" in said
    (kind,) = kinds(out, known)
    assert f"a-study · {kind.setting.label} · seed 0: all 7 figures the same (" in said
    content = json.loads(store.path(out, kind.name).read_text())
    assert main(["again", "--out", str(out), "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "all 7 figures the same (made before)" in said
    assert "0 runs to make again" in said

    def once_more():
        (out / again.AGAIN).unlink()
        code = main(["again", "--out", str(out), "--jobs", "1"])
        return code, capsys.readouterr().out

    rows = [{**row, "value": 1.25 * row["value"]} for row in content["rows"]]
    changed(store.path(out, kind.name), rows=rows)
    code, said = once_more()
    assert code == 1
    assert "3 of 7 figures differ: value (" in said
    right = content["final"]["value"]
    changed(store.path(out, kind.name), final={"value": 2.5})
    code, said = once_more()
    assert code == 1
    assert f"4 of 7 figures differ: value; value: {right:.2f}, was 2.50 (" in said
    assert main(["again", "--out", str(out), "--jobs", "1"]) == 1


def test_the_page_has_what_came_out_last_while_the_code_stands(out, known, tmp_path, monkeypatch):
    def page():
        results.build_report(out, tmp_path / "RESULTS.md", chosen=[known])
        return (tmp_path / "RESULTS.md").read_text()

    assert "other code made is of" not in page()
    main(["again", "--out", str(out), "--jobs", "1"])
    assert "- What other code made is of 1 kind, by task and digest, timed runs left out. Of 1 of them" in page()
    assert "in 1 every figure is the same, to the last digit" in page()
    assert "| tests.studies.tasks.good | `other` | 4 | yes | all 7 figures the same |" in page()
    monkeypatch.setattr(store, "code_digest", lambda task: "newer still")
    assert "other code made is of" not in page()
    assert "| tests.studies.tasks.good | `other` | 4 | yes |  |" in page()


def test_what_took_long_or_failed_is_said(out, known, capsys, monkeypatch):
    assert main(["again", "--out", str(out), "--most", "0", "--jobs", "1"]) == 0  # the quickest took none
    assert "all 7 figures the same (" in capsys.readouterr().out
    (out / again.AGAIN).unlink()
    for path in out.glob("*-seed*.json"):
        changed(path, seconds=5.0)
    capsys.readouterr()
    assert main(["again", "--out", str(out), "--most", "4"]) == 0
    assert "0 runs to make again, 1 that took longer left out" in capsys.readouterr().out
    monkeypatch.setattr(tasks.good, "__code__", broken.__code__)
    assert main(["again", "--out", str(out), "--jobs", "1"]) == 1
    assert "failed: a-study · " in (err := capsys.readouterr().err)
    assert "ArithmeticError: not today" in err


def broken(config, seed, data, tell):
    raise ArithmeticError("not today")


def test_nothing_by_other_code_is_said(known, tmp_path, capsys):
    assert main(["again", "--out", str(tmp_path / "none")]) == 0
    assert "no runs by other code than that as it stands" in capsys.readouterr().out


def test_what_a_study_by_name_made_again_is_of_its_kind(out, known, monkeypatch, capsys):
    """Also where another study has a quicker run of the kind, as the page asks all of them."""
    (quickest,) = kinds(out, known)
    others = [setting for setting in known.settings if setting is not quickest.setting]
    other = attrs.evolve(known, name="another", settings=others)
    monkeypatch.setattr(command, "get", {other.name: other}.__getitem__)
    assert main(["again", "another", "--out", str(out), "--jobs", "1"]) == 0
    ((kind, made),) = again.known(kinds(out, known), again.entries(out)).items()
    assert made.words == "all 7 figures the same"
    assert again.made_before(kind, again.entries(out)) is None
    assert main(["again", "--out", str(out), "--jobs", "1"]) == 0
    (made,) = again.known(kinds(out, known), again.entries(out)).values()
    assert made.words == "all 14 figures of 2 runs the same"
    said = capsys.readouterr().out
    assert main(["again", "another", "--out", str(out)]) == 0
    assert f"another · {others[0].label} · seed 0" in said
    assert "(made before)\n0 runs to make again" in capsys.readouterr().out


def test_other_data_than_those_of_the_runs_are_refused(out, capsys):
    assert main(["again", "--out", str(out), "--data", "bundled"]) == 2
    assert "--data: expected the data that the runs were made on, got bundled" in capsys.readouterr().err


def test_pages_of_quick_runs_know_nothing_of_it(out, known, tmp_path):
    main(["again", "--out", str(out), "--jobs", "1"])
    for options in ({"quick": True}, {"bundled": True}):
        results.build_report(out, tmp_path / "RESULTS.md", chosen=[known], **options)
        assert "figures the same" not in (tmp_path / "RESULTS.md").read_text()


def test_studies_without_data_are_named(out, known, capsys, monkeypatch, tmp_path):
    made = attrs.evolve(known, data=("hanzi",))
    monkeypatch.setattr(command, "studies", lambda: {made.name: made})
    assert main(["again", "--out", str(out), "--data", str(tmp_path)]) == 1
    assert "expected hanzi.zip, got none of them" in (err := capsys.readouterr().err)
    assert err.startswith("a-study: skipped, ")
    assert again.entries(out) == []


@pytest.mark.parametrize(
    ("final", "words"),
    [
        ({"value": 1.0}, "all 3 figures the same"),
        ({"value": 1.0, "more": 2}, "1 of 3 figures differ: more"),
        ({}, "1 of 3 figures differ: value; value: none, was 1.00"),
        ({"value": 1.001}, "1 of 3 figures differ: value"),
        ({"value": 1.25}, "1 of 3 figures differ: value; value: 1.25, was 1.00"),
        ({"value": 1.0, "seconds_per_epoch": 4.0}, "all 3 figures the same"),
    ],
)
def test_figures_that_are_others(known, final, words):
    """Missing ones too, and those a report would round away; none by the clock."""
    kind = again.Kind(known, known.settings[0], tasks.run(1.0))
    assert again.compared(kind, Result(kind.run.rows, final)).words == words


@pytest.mark.parametrize("content", ["{}", "[1]", '[{"run": "a"}]'])
def test_a_damaged_record_is_named(out, content, capsys):
    (out / again.AGAIN).write_text(content)
    with pytest.raises(DataError, match=r"again\.json: expected a list of objects with .*; delete it"):
        again.entries(out)


def test_the_archive_keeps_it(out, known, tmp_path):
    main(["again", "--out", str(out), "--jobs", "1"])
    assert archive.pack(out, tmp_path / "runs.tar.xz") == 4
    assert archive.unpack(tmp_path / "other", tmp_path / "runs.tar.xz") == 4
    assert again.entries(tmp_path / "other") == again.entries(out) != []
    archive.unpack(tmp_path / "other", tmp_path / "runs.tar.xz")
    assert len(again.entries(tmp_path / "other")) == 1
