"""
What is taken for what
======================

Four and nine, three and five: a table of what digits were read as, and those the net was surest of when it was wrong.
"""

import os

import numpy as np

from fnnet import data, layers, losses, optim, plots, rng, training

digits = data.mnist() if "FNNET_DATA" in os.environ else data.small_digits()
train = data.scale(digits.train.images[:5000]), digits.train.labels[:5000]
test = data.scale(digits.test.images[:3000]), digits.test.labels[:3000]
net = layers.serial(layers.flatten(), layers.dense(64), layers.relu(), layers.dense(10))
optimizer = optim.adam(0.003)
step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
state = training.init(net, optimizer, rng.key(0), train[0].shape[1:])
*_, (state, row) = training.fit(step, state, train, 6, size=64)

scores = training.predict(net, state.params, test[0])
read = scores.argmax(axis=1)
table = np.zeros((10, 10))
np.add.at(table, (test[1], read), 1)
figure = plots.heatmap(table, range(10), range(10), x="read as", y="is", digits=0)

# %%
# The errors alone, as a share of each digit:

np.fill_diagonal(table, 0)
share = 100 * table / np.bincount(test[1], minlength=10)[:, None]
figure = plots.heatmap(
    share, range(10), range(10), x="read as", y="is", title="percent of a digit's pictures", digits=1
)

# %%
# Wrong, and sure of it:

sure, _ = layers.softmax().apply((), scores)
wrong = np.flatnonzero(read != test[1])
worst = wrong[np.argsort(-sure[wrong].max(axis=1))][:12]
titles = [f"{test[1][i]} as {read[i]}, {sure[i].max():.0%}" for i in worst]
figure = plots.images(test[0][worst], titles, across=6)
