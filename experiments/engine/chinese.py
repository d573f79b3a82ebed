"""What the Chinese page says where the English one has a word of the tables: titles of figures, claims, verdicts.

Names of settings stay as they stand in the tables, in quotation marks.
"""

import re
from functools import cache

TITLES = {
    "test accuracy, %": "测试准确率，%",
    "validation accuracy, %": "验证准确率，%",
    "mean absolute error": "平均绝对误差",
    "training loss of the first 5 epochs, mean, nats": "前 5 轮训练损失的均值，nat",
    "training loss of the first 10 epochs, mean, nats": "前 10 轮训练损失的均值，nat",
    "training loss of the last epoch, nats": "最后一轮的训练损失，nat",
    "validation accuracy of the first 5 epochs, mean, %": "前 5 轮验证准确率的均值，%",
    "test accuracy of the first 10 epochs, mean, %": "前 10 轮测试准确率的均值，%",
    "deviation of the training loss from its trend over the last half, nats": "后一半训练损失偏离其趋势的程度，nat",
    "deviation of the training loss from its trend, the loss's own unit": "训练损失偏离其趋势的程度（损失自身的单位）",
    "20 less the best test accuracy of the run, points": "20 减去全程最高测试准确率，百分点",
    "fall of the training loss from chance (ln 10) to epoch 10 less that behind it, nats": "训练损失从随机水平"
    "（ln 10）到第 10 轮的下降减去其后的下降，nat",
    "parameters of the hidden layer less those of the convolution": "隐藏层参数个数减去卷积层参数个数",
    "deviation of the test accuracy from its trend, points": "测试准确率偏离其趋势的程度，百分点",
    "0.02 less the difference of the mean training losses, nats": "0.02 减去平均训练损失之差，nat",
    "validation accuracy after less before, points": "之后与之前验证准确率之差，百分点",
    "0.05 less the fall of the training loss, nats": "0.05 减去训练损失的下降，nat",
    "training accuracy: rise from epoch 10 to 20 less that from 40 to 50, points": "训练准确率：第 10 到 20 轮的上升"
    "减去第 40 到 50 轮的上升，百分点",
    "MiB that a step holds at its most": "一步训练占用内存的峰值，MiB",
    "test accuracy less that of the constant rate, points": "测试准确率与恒定学习率之差，百分点",
    "1 less the size of the gain, points": "1 减去变化的大小，百分点",
    "gain there less the gain on the shallow one, points": "深层网络的增益减去浅层网络的增益，百分点",
    "validation loss at the end less the least one": "最终验证损失与最小验证损失之差",
    "validation less training loss over the last fifth, the loss's own unit": "最后五分之一轮中验证损失与训练损失之差",
    "1 less the size of the difference, points": "1 减去差的大小，百分点",
    "error of the first 100 epochs, mean": "前 100 轮误差的均值",
    "2 less the size of the difference of test accuracy, points": "2 减去测试准确率之差的大小，百分点",
    "variance in training over variance in evaluation, at its worst place": "最差处训练方差与评估方差之比",
    "variance in training over variance in evaluation, at its worst place, less 1": "最差处训练方差与评估方差之比减 1",
    "0.5 less the range of the test accuracy behind epoch 20, points": "0.5 减去第 20 轮之后测试准确率的极差，百分点",
    "fall of the training loss to the first epoch's mean less that behind it, nats": "训练损失到第一轮均值的下降"
    "减去其后的下降，nat",
    "0.3 less that distance, points": "0.3 减去该差距，百分点",
    "2 less that distance, points": "2 减去该差距，百分点",
    "how often in both sets, over the mean of all pairs of digits, less 1": "两个集合中的混淆次数"
    "与所有数字对的均值之比减 1",
}
CLAIMS = {
    "no notable difference of the loss curves of “512, 128” and “256, 128”: less than 0.02 nats": "“512, 128” 与 "
    "“256, 128” 的损失曲线无明显差异：小于 0.02 nat",
    "validation accuracy rises clearly": "验证准确率明显上升",
    "the loss does not fall notably: by less than 0.05 nats": "损失没有明显下降：小于 0.05 nat",
    "expected: a rate that is too high does harm": "预期：学习率过高有害",
    "expected: more epochs help": "预期：轮数越多越好",
    "the rise gets less and less": "上升越来越慢",
    "expected: a rate that falls from 0.01 does better than a constant one (mean of 5 shapes)": "预期：从 0.01 "
    "下降的学习率优于恒定学习率（5 种形状的均值）",
    "expected: a rate that falls from 0.03 does better than a constant one (mean of 5 shapes)": "预期：从 0.03 "
    "下降的学习率优于恒定学习率（5 种形状的均值）",
    "expected": "预期",
    "expected, from He's weights": "预期（He 初始化）",
    "expected, against over-fitting": "预期（针对过拟合）",
    "from Xavier's weights the loss falls within few epochs": "用 Xavier 初始化，损失在几轮之内就下降",
    "longer training, more bias": "训练越久，偏差越大",
    "stays at about 10 % for 200 epochs: “rate 0.001”": "200 轮停在约 10 %：“rate 0.001”",
    "stays at about 10 % for 200 epochs: “rate 0.01”": "200 轮停在约 10 %：“rate 0.01”",
    "the convolution has fewer parameters than the layer in whose place it stands": "卷积层的参数少于它所取代的层",
    "width": "宽度",
    "depth": "深度",
    "both": "两者",
    "little effect on a simple net: less than 1 point": "对简单网络影响很小：小于 1 个百分点",
    "momentum helps more on the deeper net": "动量对更深的网络帮助更大",
    "the validation loss rises in the end": "验证损失最后上升",
    "practically the same: less than 1 point apart": "几乎相同：相差小于 1 个百分点",
    "less over-fitting": "过拟合更少",
    "little effect on test of “shift”: less than 1 point": "“shift” 对测试影响很小：小于 1 个百分点",
    "little effect on test of “rotation”: less than 1 point": "“rotation” 对测试影响很小：小于 1 个百分点",
    "little effect on test of “resize”: less than 1 point": "“resize” 对测试影响很小：小于 1 个百分点",
    "little effect on test of “all three”: less than 1 point": "“all three” 对测试影响很小：小于 1 个百分点",
    "or after 300 epochs": "或在 300 轮之后",
    "all three of two layers converge well: the widest and the narrowest less than 2 points apart": "三个两层网络"
    "都收敛良好：最宽与最窄相差小于 2 个百分点",
    "dropout wobbles": "dropout 有波动",
    "the variance that batch norm remembers is too large in evaluation": "评估时批归一化记下的方差偏大",
    "better in general": "总体更好",
    "stable after epoch 20: within 0.5 points": "第 20 轮之后稳定：在 0.5 个百分点之内",
    "the loss falls sharply at first, then slowly": "损失先急剧下降，后缓慢下降",
    "no over-fitting: the test accuracy ends less than 0.3 points below its best": "没有过拟合："
    "最终测试准确率比最高值低不到 0.3 个百分点",
    "training and test accuracy rise together: in the end less than 2 points apart": "训练与测试准确率"
    "同步上升：最终相差小于 2 个百分点",
    "0 and 6 are confused": "0 与 6 混淆",
    "1 and 7 are confused": "1 与 7 混淆",
}
VERDICTS = {
    "reached": "达到",
    "reached, within the noise": "达到（在噪声之内）",
    "not reached": "未达到",
    "not reached, within the noise": "未达到（在噪声之内）",
    "clear": "明确",
    "within the noise": "在噪声之内",
    "the other way round": "相反",
    "equal": "相等",
}
PHRASES = (
    (r"diverged \((\d+) of \1\)", r"发散（\1 次全部）"),
    (r"diverged \((\d+) of (\d+)\)", r"发散（\2 次中的 \1 次）"),
    (r"\(n = (\d+) of (\d+)", r"(n = \1，共 \2"),
    (r", (\d+) diverged\)", r"，\1 次发散)"),
    (r"\(1 seed\)", "(1 个种子)"),
    (r"\((\d+) runs together\)", r"（\1 个网络共同）"),
    (r"(“.*”) diverged", r"\1 发散"),
    (r"both diverged", "两者都发散"),
    (r"“(.*?)” against “(.*?)”", r"“\1” 对 “\2”"),
)


def chinese(text: str) -> str:
    """A title, a claim, a verdict or a figure of ours in Chinese; what is not known stays.

    >>> chinese("reached, within the noise"), chinese("expected: “a” against “b”")
    ('达到（在噪声之内）', '预期：“a” 对 “b”')
    >>> chinese("diverged (5 of 5)"), chinese("99.9 (5 runs together)")
    ('发散（5 次全部）', '99.9 （5 个网络共同）')
    """
    if text in _known():
        return _known()[text]
    says, colon, pair = text.rpartition(": “")
    found = f"{_known()[says]}：“{pair}" if colon and says in _known() else text
    for pattern, put in PHRASES:
        found = re.sub(pattern, put, found)
    return found


@cache
def _known() -> dict[str, str]:
    """Whatever is translated as a whole."""
    return {**TITLES, **CLAIMS, **VERDICTS}
