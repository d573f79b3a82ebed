"""Every study runs, from the bundled digits or from real data, and RESULTS.md can be made of it."""

import os
import re
import time
from functools import partial

import pytest

from experiments.cli import main
from experiments.engine import conduct, page, results, store
from experiments.engine.study import studies
from fnnet.errors import ConfigError
from fnnet.runs.datasets import BUNDLED
from tests.studies.looking import looked_at


@pytest.fixture(scope="module")
def out(tmp_path_factory, worker_id):
    """All quick runs, made by the first of pytest's workers that comes; the others wait for them."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "studies"
    while True:
        try:
            assert conduct.run_all(folder, data=BUNDLED, jobs=2, quick=True) == 0
        except ConfigError:  # another is working in it
            time.sleep(0.5)
        else:
            return folder


def test_every_setting_has_a_run(out):
    for name, study in studies().items():
        found = store.results_of(study, out, quick=True, bundled=True)
        for setting in study.settings:
            (run,) = found.runs[setting.label].values()
            assert store.stands(study.task, run)
            read = found.values(setting.label) or setting.read or run.diverged
            assert read or name == "r5-plateau", (name, setting.label)  # which nobody leaves in two steps


def test_report(out, tmp_path):
    """Of a few studies: how all figures look is looked at below, and matplotlib takes its time."""
    path = tmp_path / "RESULTS.md"
    drawn = ("r1-layers", "r3-transforms", "best-mnist")
    chosen = [studies()[name] for name in drawn]
    assert results.build_report(out, path, chosen=chosen, quick=True, bundled=True) == []
    figures = re.findall(r"!\[.*\]\((.*)\)", path.read_text())
    assert len(set(figures)) == len(figures) == sum(len(study.figures) for study in chosen)
    assert all((tmp_path / name).is_file() for name in figures)
    assert sum((tmp_path / name).stat().st_size for name in figures) < 75_000 * len(figures)


def test_all_figures_fit_a_page_and_tell_their_settings_apart(out, monkeypatch):
    found = [store.results_of(study, out, quick=True, bundled=True) for study in studies().values()]
    for answers in found:
        for ending, draw in answers.study.figures.items():
            looked_at(partial(draw, answers), monkeypatch, results.figure_name(answers.study, ending))
    for name, draw in page.first_page(found).figures.items():
        looked_at(draw, monkeypatch, name)


def test_a_quick_report_stays_beside_its_runs(out, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(results, "build_report", lambda runs, path, **_: path.write_text(str(runs)))
    words = ["report", "--among", str(out), "--data", BUNDLED]
    assert main([*words, "--quick"]) == 0
    assert f"written: {out / 'RESULTS.md'}" in capsys.readouterr().out
    assert (out / "RESULTS.md").read_text() == str(out)
    assert main(words) == 1
    assert (
        "expected a finished full run on the bundled digits of a study, got none; add --quick"
        in capsys.readouterr().err
    )
    assert main([*words, "--quick", "--out", "here/RESULTS.md"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_every_section_can_be_written(out):
    for name, study in studies().items():
        text = "\n".join(results.section(store.results_of(study, out, quick=True, bundled=True)))
        assert text.startswith(f"### {name}\n")
        assert study.asks in text
        assert "no run" not in text
        assert "{" not in text


@pytest.mark.parametrize("name", ["r1-augmentation", "r3-transforms", "r4-norm-dropout"])
def test_runs_repeat(name, out, tmp_path):
    """The same setting and seed give the same figures, in another process and another order."""
    study = studies()[name]
    assert conduct.run_studies([study], tmp_path, data=BUNDLED, jobs=1, quick=True) == 0
    again, before = (store.results_of(study, folder, quick=True, bundled=True) for folder in (tmp_path, out))
    for label, runs in before.runs.items():
        for seed, run in runs.items():
            assert {k: v for k, v in run.final.items() if "seconds" not in k} == {
                k: v for k, v in again.runs[label][seed].final.items() if "seconds" not in k
            }


@pytest.mark.skipif("FNNET_DATA" not in os.environ, reason="FNNET_DATA names no directory with the real data")
def test_on_real_data(tmp_path):
    chosen = [studies()[name] for name in ("r1-layers", "r3-loss", "r4-ink")]
    assert conduct.run_studies(chosen, tmp_path, jobs=1, quick=True) == 0
