"""The first page, from runs that are made up."""

import re
from io import BytesIO

import attrs
import pytest
from PIL import Image

from experiments.engine import changes, page, page_figures, results
from experiments.engine.chinese import CLAIMS, TITLES, chinese
from experiments.engine.statistics import Difference
from experiments.engine.study import DIVERGED, Claim, Measure, Setting, StudyResults, final, get, studies
from tests.studies import tasks
from tests.studies.tasks import Config, run, study

ACCURACY = Measure("test accuracy, %", final("value"), 100)


@pytest.fixture
def answers():
    settings = (
        Setting("a", Config(1.0), 0.95, line="R1 l.1"),
        Setting("b", Config(2.0), 0.90, line="R1 l.2"),
        Setting("c", Config(3.0), 0.99, line="R1 l.3"),
    )
    claims = (
        Claim("a", "b", line="R1 l.4"),
        Claim("b", "a", line="R1 l.5", says="b is said to be better"),
        Claim("a", "b", ours=True),
    )
    made = study(tasks.good, settings=settings, measure=ACCURACY, claims=claims, seeds=range(3))
    values = {"a": (0.95, 0.951, 0.952), "b": (0.90, 0.901, 0.902), "c": (0.90, 0.91, 0.92)}
    return StudyResults(made, {label: {i: run(value, i) for i, value in enumerate(of)} for label, of in values.items()})


def test_it_says_what_holds_and_what_does_not(answers):
    made = page.first_page([answers])
    english, chinese = ("\n".join(made.lines(language, "figures")) for language in ("en", "zh"))
    assert "Of 3 reported figures, times left aside: 2 agree with ours, ours is better in 0, not reached 1." in english
    assert "Of 2 reported statements, times left aside: 1 clear, 0 within the noise, 1 the other way round." in english
    assert "a-study, “c” (R1 l.3): reported 99.00, ours 91.00 ± 1.00 (n = 3)." in english
    assert (
        "a-study (R1 l.5), b is said to be better: “b” against “a”: the other way round; test accuracy, %: −5.00 ± 0.00"
        in english
    )
    assert "报告给出的 3 个数字（计时除外）中，2 个与我们的一致，0 个被超过，1 个未能达到。" in chinese
    assert "a-study，“c”（R1 l.3）：报告为 99.00，我们得到 91.00 ± 1.00 (n = 3)。" in chinese
    assert "b is said to be better: “b” 对 “a”：恰好相反；测试准确率，%：−5.00 ± 0.00 (n = 3)。" in chinese
    assert ACCURACY.title in english
    for text in (english, chinese):
        assert not re.search(r"[{}]", text)
        assert re.findall(r"\]\(figures/(.*)\)", text) == list(made.figures) == ["page-holds.png", "page-fails.png"]


def test_its_figures_are_as_wide_as_a_page(answers):
    for draw in page.first_page([answers]).figures.values():
        with Image.open(BytesIO(draw())) as image:
            assert image.width == 1320  # 6.6 inches at 200 dots


def test_it_is_written_beside_its_translation(answers, tmp_path, monkeypatch):
    monkeypatch.setattr(results.store, "results_of", lambda study, *_: answers)
    monkeypatch.setattr(results.store, "stands", lambda task, run: True)
    facts = {"processor": "P", "numpy": "2", "blas": "B", "blas threads": 1}
    for of in answers.runs.values():
        for seed, each in of.items():
            of[seed] = attrs.evolve(each, facts=facts)  # type: ignore[index]
    results.build_report(tmp_path, tmp_path / "RESULTS.md", chosen=[answers.study])
    text = (tmp_path / "RESULTS.md").read_text()
    assert text.startswith("# Results: the five reports")
    assert text.index("## What holds") < text.index("## What does not") < text.index("## How to read")
    assert (tmp_path / results.TRANSLATED).read_text().startswith("# 结果")
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"page-holds.png", "page-fails.png"}


def filled(name, values, rows=()):
    """A study's answers where every setting has the value in `values`, or diverged where that is None."""
    made = get(name)
    runs = {}
    for setting in made.settings:
        value = values.get(setting.label)
        ends = {DIVERGED: 8} if value is None else dict.fromkeys(("test_accuracy", "before", "as printed"), value)
        runs[setting.label] = {seed: attrs.evolve(run(0.0, seed), final=ends, rows=list(rows)) for seed in range(3)}
    return StudyResults(made, runs)


def test_surprises_are_told_by_their_figures():
    rows = [{"epoch": n, "test_accuracy": 0.1135 if n < 30 else 0.9, "train_loss": 1.0} for n in range(1, 201)]
    sgd = filled("r5-sgd", {setting.label: 0.98 for setting in get("r5-sgd").settings}, rows)
    momentum = filled("r3-momentum", {setting.label: 0.9 for setting in get("r3-momentum").settings})
    fill = filled("r1-augmentation", {"with, 255 read as 1": 0.954})
    made = page.first_page([sgd, momentum, fill])
    english = "\n".join(made.lines("en", "figures"))
    assert "rate 0.001) 3 of 3 seeds leave the plateau, after 30 epochs" in english
    assert "R3's momentum term is always zero" in english
    assert "As printed training diverges (diverged (3 of 5)); with 255 read as 1 it gives 95.40 ± 0.00" in english
    assert "page-surprise.png" in made.figures
    gain = {
        **{setting.label: 0.9 for setting in get("r3-momentum").settings},
        "three hidden layers, momentum 0.9": 0.91,
    }
    told = "\n".join(page.first_page([filled("r3-momentum", gain)]).lines("en", "figures"))
    assert "momentum term" not in told


def test_changed_rows_have_the_old_verdict_beside_the_new():
    bias = filled("r1-bias", {"bias in every layer": 0.91, "bias in the first layer, squared error": 0.90})
    text = "\n".join(changes.section([bias]))
    assert "first layer, squared error | R1 l.889 | 90.00 | 91.10 ± 0.46 (n = 5) | yes | 90.00 ± 0.00" in text
    claims = text[text.index("judged otherwise") :]
    assert "| R1 l.911 | test accuracy, % | within the noise | clear |" in claims


def test_a_statement_without_spread_stands_on_its_own_side():
    sizes = [page_figures._size(Difference(mean, 0.0, 3), 8.0) for mean in (-1.0, 0.0, 1.0)]
    assert sizes == [-8.0, 0.0, 8.0]


def test_readings_of_one_figure_count_once_by_the_best():
    settings = [Setting(str(i), Config(i), 0.99, line=f"R1 l.{i}", instead="0" if i == 1 else "") for i in range(3)]
    made = study(tasks.good, settings=settings, measure=ACCURACY, seeds=range(3))
    values = {"0": (0.90, 0.91, 0.92), "1": (0.98, 0.99, 0.99), "2": (0.90, 0.91, 0.92)}
    found = StudyResults(
        made, {label: {i: run(value, i) for i, value in enumerate(of)} for label, of in values.items()}
    )
    assert page.counts([found]).figures == {"yes": 1, "not reached": 1}
    english = "\n".join(page.first_page([found]).lines("en", "figures"))
    assert "“2” (R1 l.2): reported 99.00" in english
    assert "“0”" not in english


def test_where_all_of_a_setting_diverged_the_other_is_better():
    values = {"with, 255 read as 1": 0.954, "without": 0.9}
    found = filled("r1-augmentation", values)
    runs = {label: dict(zip(range(5), [*of.values(), *of.values()], strict=False)) for label, of in found.runs.items()}
    found = attrs.evolve(found, runs=runs)
    claim = next(claim for claim in found.study.claims if claim.text.startswith("“with, 255 as printed” against"))
    assert claim.compared(found).verdict == -1
    assert results.compared(found, claim, claim.compared(found)) == "“with, 255 as printed” diverged"
    turned = attrs.evolve(claim, better=claim.worse, worse=claim.better)
    assert turned.compared(found).verdict == 1
    assert "“with, 255 as printed” diverged" in "\n".join(page.first_page([found]).lines("en", "figures"))
    lost = filled("r1-augmentation", {})
    lost = attrs.evolve(lost, runs={label: dict.fromkeys(range(5), of[0]) for label, of in lost.runs.items()})
    assert results.compared(lost, claim, claim.compared(lost)) == "both diverged"
    assert claim.compared(lost).verdict == 0


def test_all_that_the_chinese_page_may_name_has_a_translation():
    asked = [
        (study, claim)
        for study in studies().values()
        if study.report != "best" and not study.alone
        for claim in study.claims
        if not claim.ours
    ]
    assert {claim.measure(study).title for study, claim in asked} <= set(TITLES)
    assert {claim.says for _, claim in asked if claim.says} <= set(CLAIMS)
    for _, claim in asked:
        assert " against " not in chinese(claim.text)
