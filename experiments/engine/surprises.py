"""What surprised, each told by its own figures: sentences in two languages, none where runs are missing."""

import re
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from experiments.engine.chinese import chinese
from experiments.engine.study import StudyResults
from experiments.engine.verdicts import WORDS, ours
from experiments.engine.words import Words

Found = Mapping[str, StudyResults]


def told(found: Found) -> list[Words]:
    """All that can be told."""
    return [sentence for tell in TELL for sentence in tell(found)]


def _mean(answers: StudyResults, label: str) -> float | None:
    values = list(answers.values(label).values())
    return fmean(values) if values else None


def _text(answers: StudyResults, label: str) -> str:
    """A setting's accuracy, as 91.2 ± 0.3 % (n = 5)."""
    text = ours(answers, label, answers.study.measure, answers.values(label))
    return re.sub(r"^([\d.]+( ± [\d.]+)?) \(", r"\1 % (", text)


def _descent(found: Found) -> Sequence[Words]:
    """R5's open question."""
    answers = found.get("r5-sgd")
    if answers is None:
        return []
    said: list[Words] = []
    for rate in ("0.001", "0.01"):
        runs = [run for run in answers.runs[f"rate {rate}"].values() if not run.diverged]
        left = [next((row["epoch"] for row in run.rows if row["test_accuracy"] > 0.2), None) for run in runs]
        when = [epoch for epoch in left if epoch is not None]
        if runs:
            span = [f"{epoch:,}" for epoch in sorted({min(when), max(when)})] if when else []
            en = f", after {' to '.join(span)} epochs" if when else ""
            zh = f"，发生在第 {' 到 '.join(span)} 轮" if when else ""
            said.append(
                {
                    "en": f"R5 saw gradient descent stay at 10 % for 200 epochs. By the rule its code has (summed "
                    f"gradients, rate {rate}) {len(when)} of {len(runs)} seeds leave the plateau{en}; test accuracy "
                    f"in the end {_text(answers, f'rate {rate}')}.",
                    "zh": "R5 称梯度下降 200 轮后仍停在 10 %。按其代码的规则"
                    f"（批内梯度求和，学习率 {rate}），{len(runs)} 个种子中有 "
                    f"{len(when)} 个离开平台{zh}；最终测试准确率 {_text(answers, f'rate {rate}')}。",
                }
            )
    return said


def _assigning(found: Found) -> Sequence[Words]:
    """R5's col2im."""
    answers = found.get("r5-adam")
    if answers is None:
        return []
    printed, repaired = _mean(answers, "after 50 epochs"), _mean(answers, "repaired, after 50 epochs")
    if printed is None or repaired is None:
        return []
    gap = f"{100 * (repaired - printed):+.2f}".replace("-", "−")
    return [
        {
            "en": "R5's `col2im` assigns where it must add, so its first convolution is trained on a wrong gradient. "
            f"With Adam that costs next to nothing: repaired, the test accuracy changes by {gap} points."
            if abs(repaired - printed) < 0.005
            else "R5's `col2im` assigns where it must add, so its first convolution is trained on a wrong gradient: "
            f"repaired, the test accuracy changes by {gap} points.",
            "zh": "R5 的 `col2im` 应当累加却写成了赋值，第一层卷积的梯度因此是错的；"
            f"修正之后测试准确率变化 {gap} 个百分点。",
        }
    ]


def _momentum(found: Found) -> Sequence[Words]:
    """R3's momentum."""
    answers = found.get("r3-momentum")
    if answers is None:
        return []
    on, off = (answers.values(f"three hidden layers, momentum {momentum}") for momentum in ("0.9", "0"))
    if not on or on != off:
        return []
    return [
        {
            "en": "R3's momentum term is always zero: what it remembers is set to the weights it has just made (R3 "
            "l.148–151). With and without it, every figure is the same: if the printed code is what ran, what the "
            "report saw was chance.",
            "zh": "R3 的动量项恒为零：它记下的“上一步参数”恰恰是刚更新完的参数（R3 第 148–151 行）。"
            "有无动量，所有数字完全相同：若运行的正是所印的代码，报告看到的提升只是偶然。",
        }
    ]


def _fill(found: Found) -> Sequence[Words]:
    """R1's 255."""
    answers = found.get("r1-augmentation")
    if answers is None or not answers.diverged("with, 255 as printed"):
        return []
    return [
        {
            "en": "R1's augmentation writes 255 into images of 0 and 1. As printed training diverges "
            f"({_text(answers, 'with, 255 as printed')}); with 255 read as 1 it gives "
            f"{_text(answers, 'with, 255 read as 1')} against 94.80 % reported.",
            "zh": "R1 的数据增强往 0/1 图像里写入 255。严格按原文设置训练会发散"
            f"（{chinese(_text(answers, 'with, 255 as printed'))}）；若把 255 理解为 1，则得到 "
            f"{chinese(_text(answers, 'with, 255 read as 1'))}（报告为 94.80 %）。",
        }
    ]


def _confounds(found: Found) -> Sequence[Words]:
    """R1's bias and dropout."""
    said: list[Words] = []
    bias = found.get("r1-bias")
    if bias is not None:
        compared = [
            (claim, claim.compared(bias))
            for claim in bias.study.claims
            if claim.ours and claim.text.endswith(("“bias in the first layer alone”", "“squared error alone”"))
        ]
        verdicts = [difference.verdict for _, difference in compared if difference]
        if len(verdicts) == 2:
            said.append(
                {
                    "en": "R1's net with a bias in the first layer alone also has another loss. Taken apart, the loss "
                    f"of accuracy from the missing biases is: {WORDS[verdicts[0]]}; that from squared error: "
                    f"{WORDS[verdicts[1]]}.",
                    "zh": "R1 中“仅第一层有偏置”的网络同时也换了损失函数。分开来看，去掉偏置造成的准确率下降："
                    f"{chinese(WORDS[verdicts[0]])}；改用平方误差造成的下降：{chinese(WORDS[verdicts[1]])}。",
                }
            )
    dropout = found.get("r1-dropout")
    if dropout is not None and all(map(dropout.values, ("rate 0.5, λ = 0.01", "rate 0.5, inverted, no penalty"))):
        said.append(
            {
                "en": "R1's dropout rows change the L2 penalty with the rate. Rate 0.5 as printed gives "
                f"{_text(dropout, 'rate 0.5, λ = 0.01')} (86.60 % reported); without the penalty "
                f"{_text(dropout, 'rate 0.5, no penalty')}, done right "
                f"{_text(dropout, 'rate 0.5, inverted, no penalty')}.",
                "zh": "R1 的 dropout 各行同时改变了 L2 系数。按原文设置，0.5 得到 "
                f"{chinese(_text(dropout, 'rate 0.5, λ = 0.01'))}（报告 86.60 %）；去掉 L2 为 "
                f"{chinese(_text(dropout, 'rate 0.5, no penalty'))}；正确实现则为 "
                f"{chinese(_text(dropout, 'rate 0.5, inverted, no penalty'))}。",
            }
        )
    return said


def _ninety_nine(found: Found) -> Sequence[Words]:
    """R2's expectation."""
    answers = found.get("r2-epochs")
    label = "rate 0.0015, batch 64, 200 epochs"
    if answers is None or (mean := _mean(answers, label)) is None:
        return []
    short, long = _text(answers, "rate 0.0015, batch 64, 100 epochs"), _text(answers, label)
    return [
        {
            "en": f"R2 expected 99 % after 100 to 200 epochs and did not try: {short} after 100, {long} after 200, "
            f"so {'it was right' if mean >= 0.99 else 'not with its weights'}.",
            "zh": f"R2 预计 100–200 轮可达 99 %，但没有试：100 轮后 {chinese(short)}，200 轮后 {chinese(long)}，"
            f"{'预计正确' if mean >= 0.99 else '按其初始化达不到'}。",
        }
    ]


TELL: tuple[Callable[[Found], Sequence[Words]], ...] = (
    _descent,
    _assigning,
    _momentum,
    _fill,
    _confounds,
    _ninety_nine,
)
