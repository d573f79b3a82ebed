import math
import re
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest
from PIL import Image

from experiments.cli import main
from experiments.engine import conduct, figures, page, results, store, verdicts
from experiments.engine.remarks import times_faster
from experiments.engine.statistics import Difference
from experiments.engine.study import (
    DIVERGED,
    Claim,
    Measure,
    Setting,
    Statement,
    StudyResults,
    at_epoch,
    deviation_from_trend,
    final,
    first_mean,
    get,
    of_differences,
    of_run,
)
from tests.studies import tasks
from tests.studies.tasks import Config, run, study

ACCURACY = Measure("test accuracy, %", final("value"), 100)
ERROR = Measure("error", final("value"), digits=3, higher=False)


def answers(values, measure=ACCURACY, reported=(None, None), claims=()):
    settings = tuple(Setting(label, Config(), figure) for label, figure in zip(values, reported, strict=True))
    made = study(tasks.good, settings=settings, measure=measure, claims=claims, seeds=range(3))
    runs = {label: {seed: run(value, seed) for seed, value in enumerate(of)} for label, of in values.items()}
    return StudyResults(made, runs)


@pytest.mark.parametrize(
    ("measure", "reported", "verdict"),
    [
        (ACCURACY, 0.90, "yes, ± 4.97"),
        (ACCURACY, 0.80, "better"),
        (ACCURACY, 0.99, "not reached"),
        (ERROR, 0.80, "not reached"),
        (ERROR, 0.99, "better"),
    ],
)
def test_holds(measure, reported, verdict):
    found = answers({"a": [0.90, 0.91, 0.89], "b": [0.5]}, measure, (reported, 0.5))
    one, other = found.study.settings
    assert verdicts.holds(found, one) == verdict
    assert verdicts.holds(found, other) == "one seed only"


def test_equal_runs_hold_what_is_printed_equal():
    found = answers({"a": [0.92804] * 3, "b": [0.0] * 3}, reported=(0.928, 0.0))
    assert [verdicts.holds(found, setting) for setting in found.study.settings] == ["yes, ± 0.00", "yes, ± 0.00"]


def test_a_table_says_which_differences_are_clear():
    claims = (Claim("b", "a", ours=True), Claim("a", "b", line="R1 l.7", says="more helps"))
    found = answers({"a": [0.90, 0.92, 0.91], "b": [0.80, 0.82, 0.81]}, claims=claims)
    said, table = results.verdicts(found)
    assert said == "Reported statements that are clear: 1 of 1."
    assert table.splitlines()[2:] == [
        "| more helps: “a” against “b” | R1 l.7 | test accuracy, % | +10.00 ± 0.00 (n = 3) | clear |",
        "| *“b” against “a”* | – | test accuracy, % | −10.00 ± 0.00 (n = 3) | the other way round |",
    ]


def test_a_statement_is_right_above_zero():
    gain = of_differences((1, "a"), (-1, "b"))
    little = of_differences((1, "a"), (-1, "b"), most=0.02)
    settled = of_run("a", lambda run: run.final["value"] - 0.5)
    claims = [Statement("says", "R1 l.1", "by", margin, scale=100, digits=1) for margin in (gain, little, settled)]
    found = answers({"a": [0.90, 0.92, 0.91], "b": [0.85, 0.86, 0.87]}, ERROR, claims=claims)
    _, table = results.verdicts(found)
    words = [row.split(" | ")[3:] for row in table.splitlines()[2:]]
    assert words == [
        ["+5.0 ± 2.5 (n = 3)", "clear |"],
        ["−3.0 ± 2.5 (n = 3)", "the other way round |"],
        ["+41.0 ± 2.5 (n = 3)", "clear |"],
    ]


def test_a_run_that_diverged_is_a_row():
    found = answers({"a": [0.9, 0.91], "b": [0.8, 0.81, 0.82]}, reported=(0.9, 0.8))
    lost = attrs.evolve(run(0.0, 2), final={DIVERGED: 8}, rows=[{"epoch": 1, "value": 0.5}])
    some = attrs.evolve(found, runs={**found.runs, "a": {**found.runs["a"], 2: lost}})
    assert verdicts.ours(some, "a", ACCURACY) == "90.50 ± 0.71 (n = 2 of 3, 1 diverged)"
    every = attrs.evolve(found, runs={**found.runs, "a": dict.fromkeys(range(3), lost)})
    assert verdicts.ours(every, "a", ACCURACY) == "diverged (3 of 3)"
    assert verdicts.holds(every, every.study.settings[0]) == "not reached"
    assert at_epoch(9, "value")(lost) is None
    assert at_epoch(1, "value")(lost) == 0.5
    assert first_mean(1, "value")(lost) is None
    assert deviation_from_trend("value", 1.0)(lost) is None


def test_less_is_better_where_the_measure_says_so():
    found = answers({"a": [0.1, 0.1, 0.1], "b": [0.2, 0.21, 0.2]}, ERROR, claims=(Claim("a", "b"),))
    said, table = results.verdicts(found)
    assert said == "Reported statements that are clear: 1 of 1."
    assert "| error | −0.103 ± 0.014 (n = 3) | clear |" in table


def test_a_bound_is_reached_or_not():
    found = answers({"a": [0.96, 0.97, 0.98], "b": [0.9] * 3}, reported=(0.95, 0.94))
    bounds = [attrs.evolve(setting, bound=True) for setting in found.study.settings]
    assert [verdicts.holds(found, setting) for setting in bounds] == ["reached, within the noise", "not reached"]
    assert page.counts([bound(found, bounds)]).figures == {"reached": 1, "not reached": 1}


def test_a_figure_that_stands_twice_counts_once():
    found = answers({"a": [0.90, 0.91, 0.89], "b": [0.90, 0.91, 0.89]}, reported=(0.90, 0.90))
    assert page.counts([found, found]).figures == {"yes": 1}


def bound(found, settings):
    return attrs.evolve(found, study=attrs.evolve(found.study, settings=tuple(settings)))


def test_a_column_strays_from_its_trend():
    bend = attrs.evolve(run(0.0), rows=[{"epoch": n, "x": (n - 9.0) ** 2 / 50} for n in range(1, 11)])
    assert deviation_from_trend("x", 1.0)(bend) == pytest.approx(0, abs=1e-12)
    straight = attrs.evolve(run(0.0), rows=[{"epoch": n, "x": 2.0 * n} for n in range(1, 11)])
    assert deviation_from_trend("x", 1.0)(straight) == pytest.approx(0, abs=1e-12)
    rows = [{"epoch": n, "x": 2.0 * n + (-1) ** n} for n in range(1, 101)]
    assert deviation_from_trend("x", 0.5)(attrs.evolve(run(0.0), rows=rows)) == pytest.approx(1, abs=0.01)
    assert deviation_from_trend("x", 0.5)(attrs.evolve(run(0.0), rows=rows[:2])) is None
    assert first_mean(3, "x")(straight) == 4.0


def test_a_claim_may_be_about_another_figure():
    rows = Measure("rows", lambda run: run.final["value"], digits=0, higher=False)
    found = answers({"a": [0.1, 0.1, 0.1], "b": [20.1, 30.1, 40.1]}, claims=(Claim("a", "b", by=rows),))
    said, table = results.verdicts(found)
    assert said == "Reported statements that are clear: 1 of 1."
    assert "| rows | −30 ± 25 (n = 3) | clear |" in table


def test_noise_is_called_noise():
    found = answers({"a": [0.90, 0.80, 0.91], "b": [0.80, 0.90, 0.90]}, claims=(Claim("a", "b"),))
    said, table = results.verdicts(found)
    assert said == "Reported statements that are clear: 0 of 1."
    assert table.endswith("| within the noise |")


def test_missing_runs_are_counted():
    found = answers({"a": [0.9, 0.91], "b": []})
    assert not found.whole
    assert answers({"a": [0.9] * 3, "b": [0.8] * 3}).whole
    assert verdicts.ours(found, "a", ACCURACY) == "90.50 ± 0.71 (n = 2 of 3)"
    assert verdicts.ours(found, "b", ACCURACY) == "no run"
    assert results.table(found).splitlines()[-1] == "| b | – | no run | – |"


def test_what_seeds_cannot_change_is_printed_alone():
    count = Measure("parameters", final("value"), digits=0, fixed=True)
    found = answers({"a": [1_234.0] * 3, "b": [1.0, 2.0, 3.0]})
    assert verdicts.ours(found, "a", count) == "1,234"
    assert verdicts.ours(found, "b", count) == "2 ± 1 (n = 3)"  # not fixed after all: said
    assert verdicts.ours(found, "a", attrs.evolve(count, fixed=False)) == "1,234 ± 0 (n = 3)"


def test_figures_of_any_size_have_a_power_of_ten():
    found = answers({"a": [1.5e-6, 1.6e-6, 1.7e-6], "b": [1.0] * 3}, ERROR)
    assert verdicts.ours(found, "a", attrs.evolve(ERROR, digits=None)) == "1.6e-06 ± 1.0e-07 (n = 3)"


def test_how_many_times_faster():
    found = answers({"arrays": [1.0, 2.0, 3.0], "loops": [800.0, 1_000.0, 1_200.0]}, ERROR)
    assert times_faster(("arrays", "loops"))(found) == ["Arrays: 500 times faster than loops."]
    assert times_faster(("arrays", "loops"))(answers({"arrays": [1.0], "loops": []}, ERROR)) == []


def test_a_measure_reads_an_epoch():
    rows = [{"epoch": n, "x": n / 10} for n in (1, 2, 3)]
    whole = attrs.evolve(run(0.0), rows=rows)
    assert at_epoch(2, "x")(whole) == 0.2
    assert at_epoch(9, "x")(whole) == 0.3
    assert at_epoch(2, "y")(whole) is None


def test_report_from_run_files(tmp_path):
    made = study(tasks.good, figures={"": figures.curves(("value", "value", 1.0))})
    runs, path = tmp_path / "runs", tmp_path / "report" / "RESULTS.md"
    assert results.build_report(runs, path, chosen=[made]) == ["a-study"]
    assert "No run is finished." in path.read_text()
    conduct.run_studies([made], runs, jobs=1, seeds=1)
    results.build_report(runs, path, chosen=[made])
    assert "**Not all runs are made yet: a-study lacks 2 of 4.**" in path.read_text()
    conduct.run_studies([made], runs, jobs=1)
    assert results.build_report(runs, path, chosen=[made]) == []
    text = path.read_text()
    assert "| one | 3.50 | 3.50 ± 0.71 (n = 2) | yes, ± 11.00 |" in text
    assert "4 runs" in text
    assert "Not all runs" not in text
    assert "The code as it stands made every run;" in text
    assert text.rstrip().splitlines()[-1].endswith(" | 4 |  |  |")
    (figure,) = re.findall(r"!\[.*\]\((.*)\)", text)
    with Image.open(path.parent / figure) as image:
        assert image.size[0] > 300
    (path.parent / "figures" / "r1-old.png").write_bytes(b"")
    before = path.read_bytes()
    results.build_report(runs, path, chosen=[made])
    assert path.read_bytes() == before
    assert [file.name for file in (path.parent / "figures").iterdir()] == ["a-study.png"]


def test_runs_of_killed_sessions_are_counted(tmp_path):
    made = study(tasks.good)
    conduct.run_studies([made], tmp_path, jobs=1, seeds=1)
    (tmp_path / store.SESSIONS).unlink()
    conduct.run_studies([made], tmp_path, jobs=1)
    results.build_report(tmp_path, tmp_path / "RESULTS.md", chosen=[made])
    text = (tmp_path / "RESULTS.md").read_text()
    assert "in 1 session, 1 at once; 2 runs are of sessions that were killed." in text


def test_only_what_is_whole_goes_into_the_sources(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "studies").mkdir(parents=True)
    written, missing, part = [], {"r1-l2"}, set()
    monkeypatch.setattr(results, "build_report", lambda runs, path, **_: written.append(path))
    found = lambda name: SimpleNamespace(empty=name in missing, whole=name not in missing | part)  # noqa: E731
    monkeypatch.setattr(store, "results_of", lambda study, *_: found(study.name))
    assert main(["report"]) == 0
    assert "not run yet: r1-l2" in capsys.readouterr().out
    missing.clear()
    part.add("r2-batch")
    assert main(["report"]) == 0
    assert "runs are missing in: r2-batch" in capsys.readouterr().out
    part.clear()
    assert main(["report", "--among", "runs/studies"]) == 1
    assert main(["report"]) == 0
    assert main(["report", "--quick"]) == 0
    beside = Path("runs/studies/RESULTS.md")
    assert written == [beside, beside, results.RESULTS, beside]
    assert f"written: {results.RESULTS}, figures in experiments/figures" in capsys.readouterr().out


def test_figures_of_others_beside_the_report_are_left(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in ("mine.png", "r1-gone.png"):
        (tmp_path / "figures" / name).write_bytes(b"")
    results.build_report(tmp_path, tmp_path / "RESULTS.md", chosen=[get("r1-l2")])
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["mine.png"]


def test_infinite_intervals_are_said():
    found = answers({"a": [0.9], "b": [0.8]}, claims=(claim := Claim("a", "b"),))
    assert "∞" in verdicts.compared(found, claim, Difference(0.1, math.inf, 1))


def test_times_of_another_machine_are_not_counted():
    found = answers({"a": [0.90, 0.91, 0.89], "b": [0.5]}, reported=(0.90, None))
    timed = attrs.evolve(found, study=attrs.evolve(found.study, alone=True))
    assert page.counts([found, timed]).figures == {"yes": 1}


def test_a_row_without_a_reported_figure_has_a_dash():
    found = answers({"a": [0.9] * 3, "b": [0.8] * 3})
    none = attrs.evolve(found.study.settings[0], reported=None)
    assert verdicts.reported(found, none) == "–"
    assert verdicts.reported(found, attrs.evolve(none, says="higher", reported=0.0)) == "higher"
    assert verdicts.reported(found, attrs.evolve(none, reported=0.914)) == "91.40"
