"""The first page of RESULTS.md, in two languages: what holds, what does not, what surprised; a figure for each."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import attrs

from experiments.engine import page_figures, surprises
from experiments.engine.chinese import chinese
from experiments.engine.statistics import Difference
from experiments.engine.study import Claim, Setting, Statement, StudyResults
from experiments.engine.verdicts import compared, holds, ours, reported
from experiments.engine.words import Language, Words
from experiments.registry import REPORTS

SHOWN = 8  # statements that are listed

TITLE: Words = {
    "en": "Results: the five reports, reproduced, answered and surpassed",
    "zh": "结果：五份报告的复现、解答与超越",
}
ABOUT: Words = {
    "en": "Five course reports wrote neural networks in NumPy. Here everything they measured is measured again, over "
    "several seeds: their settings to the letter, defects of their code included, and beside them settings of ours "
    "that vary one thing alone. This page is the short version; the tables are below.",
    "zh": "五份课程报告用 NumPy 手写了神经网络。这里把报告中的每一项测量用多个随机种子重新做了一遍："
    "先严格按报告所印的设置（包括其代码中的缺陷），再加上每次只改变一个因素的对照设置。"
    "本页是概要，引号内是表格中的行名；完整的表格见 [RESULTS.md](RESULTS.md)。",
}
HEADS: Mapping[str, Words] = {
    "holds": {"en": "What holds", "zh": "哪些结论成立"},
    "fails": {"en": "What does not", "zh": "哪些不成立"},
    "surprises": {"en": "What surprised", "zh": "哪些出人意料"},
    "better": {"en": "Better than the reports", "zh": "超越报告"},
}
CAPTIONS: Mapping[str, Words] = {
    "page-holds.png": {
        "en": "Every reported accuracy above 50 % against ours (mean, and the range of the seeds), but for bounds and "
        "runs that diverged. On the line, both agree.",
        "zh": "报告中每个高于 50 % 的准确率（横轴）与我们的结果（纵轴：均值与种子间的范围）；"
        "不含只给出下限的数字和发散的训练。落在直线上即两者一致。",
    },
    "page-fails.png": {
        "en": "Every reported statement, from the clearest to the most contradicted: its mean over half its 95 % "
        "interval. Above 1 it is clear, below −1 it is the other way round, between them noise.",
        "zh": "报告的每条论断，从最明确到最相反：均值除以 95 % 置信区间的半宽。"
        "大于 1 为明确成立，小于 −1 为相反，其间为噪声。",
    },
    "page-surprise.png": {
        "en": "R5's plain gradient descent by the rule its code has, with its `col2im` and with one that adds, and its "
        "Adam. Mean over seeds, in a band from the least to the greatest.",
        "zh": "R5 的普通梯度下降（按其代码的规则），`col2im` 为原样或改为累加；以及其 Adam。"
        "曲线为种子均值，色带为最小到最大。",
    },
}


Place: TypeAlias = tuple[StudyResults, Setting]
RANKED = ("reached", "yes", "better", "not reached")  # verdicts on a figure, the first counts


class Counts(NamedTuple):
    """How many figures hold and how many statements are clear: by verdict."""

    figures: "Counter[str]"
    statements: "Counter[int]"


def counts(found: Sequence[StudyResults]) -> Counts:
    """The verdicts of the reports' figures and statements, without times: those are of another machine."""
    return Counts(
        Counter(verdict for verdict, _ in _figures(found)),
        Counter(difference.verdict for _, _, difference in judged(found)),
    )


def _figures(found: Sequence[StudyResults]) -> list[tuple[str, Sequence[Place]]]:
    """Every reported figure once: its verdict, and the rows of that verdict that it stands in.

    Of rows that are readings of what a report leaves open, the best one counts. Rows of one configuration are one run,
    reported in several tables: it counts where it stands first.
    """
    first: dict[Any, Any] = {}
    rows: dict[Any, list[Place]] = {}
    for answers, setting in _reported(found):
        told = reported(answers, setting)
        run = (answers.study.task, setting.config, setting.read, told)
        figure = first.setdefault(run, (answers.study.name, setting.instead or setting.label))
        rows.setdefault(figure, []).append((answers, setting))
    counted: list[tuple[str, Sequence[Place]]] = []
    for places in rows.values():
        verdicts = [_short(*place) for place in places]
        if best := next((verdict for verdict in RANKED if verdict in verdicts), ""):
            counted.append((best, [place for place, own in zip(places, verdicts, strict=True) if own == best]))
    return counted


def _short(answers: StudyResults, setting: Setting) -> str:
    """A verdict without what stands behind it."""
    return holds(answers, setting).partition(",")[0]


def _reported(found: Sequence[StudyResults]) -> Iterator[Place]:
    """Every figure that a report gives."""
    for answers in found:
        for setting in answers.study.settings:
            timed = answers.study.alone or answers.study.report == "best"
            if not timed and not setting.ours and setting.reported is not None:
                yield answers, setting


def judged(found: Sequence[StudyResults]) -> list[tuple[StudyResults, Claim | Statement, Difference]]:
    """Every statement of a report with what came of it, where it can be judged."""
    return [(answers, claim, difference) for answers, claim in _asked(found) if (difference := claim.compared(answers))]


def _asked(found: Sequence[StudyResults]) -> Iterator[tuple[StudyResults, Claim | Statement]]:
    """Every statement of a report."""
    for answers in found:
        if answers.study.report != "best" and not answers.study.alone:
            for claim in answers.study.claims:
                if not claim.ours:
                    yield answers, claim


@attrs.frozen
class Page:
    """A page in two languages: parts of sentences, and the figures under them.

    Args:
        parts: a head's name -> its sentences, and the name of its figure or "".
        figures: name -> what draws it.
    """

    parts: Mapping[str, tuple[Sequence[Words], str]]
    figures: Mapping[str, Callable[[], bytes]]
    title: Words = TITLE

    def lines(self, language: Language, folder: str) -> Iterator[str]:
        """Its Markdown, without the title."""
        yield ABOUT[language]
        yield ""
        for head, (sentences, figure) in self.parts.items():
            if not sentences:
                continue
            yield f"## {HEADS[head][language]}"
            yield ""
            yield from (f"- {sentence[language]}" for sentence in sentences)
            yield ""
            if figure:
                yield f"![{HEADS[head][language]}]({folder}/{figure})"
                yield ""
                yield f"*{CAPTIONS[figure][language]}*"
                yield ""


def first_page(found: Sequence[StudyResults]) -> Page:
    """The page that some answers make."""
    by_name = {answers.study.name: answers for answers in found}
    draws: dict[str, Callable[[], bytes]] = {}
    if dots := page_figures.dots(list(_reported(found))):
        draws["page-holds.png"] = partial(page_figures.agreement, dots)
    statements = judged(found)
    if statements:
        draws["page-fails.png"] = partial(
            page_figures.clearness, [(answers.study.report, found_) for answers, _, found_ in statements]
        )
    if "r5-sgd" in by_name and not by_name["r5-sgd"].empty:
        draws["page-surprise.png"] = partial(page_figures.plateau, by_name["r5-sgd"])
    parts = {
        "holds": (_holding(found), "page-holds.png"),
        "fails": (_failing(found, statements), "page-fails.png"),
        "surprises": (surprises.told(by_name), "page-surprise.png"),
        "better": (_better(found), ""),
    }
    return Page({head: (said, name if name in draws else "") for head, (said, name) in parts.items()}, draws)


def _holding(found: Sequence[StudyResults]) -> list[Words]:
    """How many hold, in all and by report."""
    figures, statements = counts(found)
    if not figures and not statements:
        return []
    agree = figures["yes"] + figures["reached"]
    said: list[Words] = [
        {
            "en": f"Of {figures.total()} reported figures, times left aside: {agree} agree with ours, ours is better "
            f"in {figures['better']}, not reached {figures['not reached']}.",
            "zh": f"报告给出的 {figures.total()} 个数字（计时除外）中，{agree} 个与我们的一致，"
            f"{figures['better']} 个被超过，{figures['not reached']} 个未能达到。",
        },
        {
            "en": f"Of {statements.total()} reported statements, times left aside: {statements[1]} clear, "
            f"{statements[0]} within the noise, {statements[-1]} the other way round.",
            "zh": f"报告的 {statements.total()} 条论断（计时除外）中，{statements[1]} 条明确成立，"
            f"{statements[0]} 条在噪声之内，{statements[-1]} 条恰好相反。",
        },
    ]
    if lost := sum(answers.whole and not claim.compared(answers) for answers, claim in _asked(found)):
        said.append(
            {
                "en": f"{lost} more cannot be judged, as training diverged.",
                "zh": f"另有 {lost} 条因训练发散而无法判断。",
            }
        )
    for report in REPORTS.values():
        figures, statements = counts([answers for answers in found if answers.study.report == report])
        if figures or statements:
            agree = figures["yes"] + figures["reached"] + figures["better"]
            said.append(
                {
                    "en": f"{report}: {agree} of {figures.total()} figures met or bettered, {statements[1]} of "
                    f"{statements.total()} statements clear.",
                    "zh": f"{report}：{figures.total()} 个数字中 {agree} 个达到或超过，{statements.total()} 条论断中 "
                    f"{statements[1]} 条明确成立。",
                }
            )
    return said


def _failing(
    found: Sequence[StudyResults], statements: Sequence[tuple[StudyResults, Claim | Statement, Difference]]
) -> list[Words]:
    """Figures that are not reached, and statements that are the other way round, the clearest first."""
    said: list[Words] = []
    for verdict, places in _figures(found):
        if verdict == "not reached":
            answers, setting = places[0]
            told = reported(answers, setting)
            mean = ours(answers, setting.label, answers.study.measure, answers.values(setting.label))
            noise = "within the noise" in holds(answers, setting)
            said.append(
                {
                    "en": f"{answers.study.name}, “{setting.label}” ({setting.line}): reported {told}, ours {mean}"
                    f"{', within the noise' * noise}.",
                    "zh": f"{answers.study.name}，“{setting.label}”（{setting.line}）："
                    f"报告为 {told}，我们得到 {chinese(mean)}{'，在噪声之内' * noise}。",
                }
            )
    against = sorted(
        (each for each in statements if each[2].verdict == -1), key=lambda each: each[2].mean / (each[2].half or 1e-9)
    )
    alike: dict[tuple[str, str, str], list[tuple[str, str]]] = {}  # by several figures: told together
    for answers, claim, difference in against:
        sizes = alike.setdefault((answers.study.name, claim.line, claim.text), [])
        sizes.append((claim.measure(answers.study).title, compared(answers, claim, difference)))
    for (study, line, text), sizes in list(alike.items())[:SHOWN]:
        by = dict.fromkeys(size if size.endswith("diverged") else f"{title}: {size}" for title, size in sizes)
        zh = dict.fromkeys(
            chinese(size) if size.endswith("diverged") else f"{chinese(title)}：{chinese(size)}"
            for title, size in sizes
        )
        said.append(
            {
                "en": f"{study} ({line}), {text}: the other way round; {'; '.join(by)}.",
                "zh": f"{study}（{line}），{chinese(text)}：恰好相反；{'；'.join(zh)}。",
            }
        )
    if rest := sum(map(len, list(alike.values())[SHOWN:])):
        said.append(
            {
                "en": f"{rest} more statements are the other way round; the tables of the studies have them.",
                "zh": f"另有 {rest} 条论断相反，见各研究的表格。",
            }
        )
    return said


def _better(found: Sequence[StudyResults]) -> list[Words]:
    """The best of ours, against its target."""
    said: list[Words] = []
    for answers in found:
        if answers.study.report != "best" or answers.study.name.endswith("-search"):
            continue
        for setting in answers.study.settings:
            if setting.reported is not None and answers.runs[setting.label]:
                measure = answers.study.measure
                mean, target = ours(answers, setting.label, measure), measure.text(setting.reported)
                verdict = holds(answers, setting)
                said.append(
                    {
                        "en": f"{answers.study.name}: {measure.title} {mean}, target {target}: {verdict}.",
                        "zh": f"{answers.study.name}：{chinese(measure.title)} {chinese(mean)}，目标 {target}："
                        f"{chinese(verdict)}。",
                    }
                )
    return said
