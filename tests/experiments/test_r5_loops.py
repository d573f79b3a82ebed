"""R5's loops compute what fnnet computes, so their times may be compared."""

import re

import numpy as np
import pytest

from experiments.reports.r5 import loops as r5_loops
from fnnet import losses, rng, training, tree
from fnnet.runs.lenet5 import Config, net


def test_same_loss_and_gradient():
    model = net(Config())
    params = model.init(rng.key(1), (1, 28, 28))
    x = rng.uniform(rng.key(2), (5, 1, 28, 28))
    labels = np.arange(5)
    value, grads, _ = training.value_and_grad(model, losses.softmax_cross_entropy)(params, x, labels)
    loss, other = r5_loops.gradient(dict(tree.items(params)), x, labels)
    assert loss == pytest.approx(value, rel=1e-6)
    for path, leaf in tree.items(grads):
        np.testing.assert_allclose(other[path], leaf, rtol=1e-3, atol=1e-6)


def test_col2im_is_the_adjoint_of_im2col():
    x = rng.normal(rng.key(0), (2, 3, 6, 7), np.float64)
    columns = r5_loops.im2col(x, 3, 1)
    other = rng.normal(rng.key(1), columns.shape, np.float64)
    left, right = (columns * other).sum(), (x * r5_loops.col2im(other, x.shape, 3, 1)).sum()
    assert left == pytest.approx(right, rel=1e-12)


def test_measured_by_a_command(capsys):
    assert r5_loops.main(["--examples", "64", "--batch-size", "16"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"fnnet: +[\d.]+ s, [\d.]+ times faster", out)
    assert float(re.search(r"losses apart by at most ([\d.e+-]+)", out).group(1)) < 1e-4
