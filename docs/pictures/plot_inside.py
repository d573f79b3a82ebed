"""
Inside LeNet-5
==============

One digit on its way through a net that reads it: the kernels, what each makes of it, and which pixels the answer
hangs on.
"""

import os

import numpy as np

from fnnet import data, losses, optim, plots, rng, training, zoo

digits = data.mnist() if "FNNET_DATA" in os.environ else data.small_digits()
pictures = [part.images if part.images.shape[1] == 28 else data.like_mnist(part.images) for part in digits[:2]]
train = data.scale(pictures[0][:6000]), digits.train.labels[:6000]
net = zoo.lenet5()
optimizer = optim.adam(0.002)
step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
state = training.init(net, optimizer, rng.key(0), (1, 28, 28))
*_, (state, row) = training.fit(step, state, train, 3, size=32)
print(net)

# %%
# The six kernels of the first layer: red adds, blue takes away.

figure = plots.weights(state.params.conv2d_0.weight)

# %%
# What the layers make of a digit: six maps of the first convolution behind its rectifier and pool, sixteen of the
# second.

x = data.scale(pictures[1][:1])
ends = [at for at, (name, _) in enumerate(net, 1) if "pool" in name]
maps = [net[:end].apply(state.params[:end], x)[0][0] for end in ends]
figure = plots.images(maps[0], across=6)

# %%
figure = plots.images(maps[1], across=8)

# %%
# Which pixels the answer hangs on: the gradient of the winning score by the picture, which is the vjp of a row of the
# identity. Its size is drawn, for ten digits.

x = data.scale(pictures[1][:10])
scores, vjp = net.apply(state.params, x)
_, dx = vjp(np.eye(10, dtype=np.float32)[scores.argmax(axis=1)])
figure = plots.images(np.concatenate([x, np.abs(dx)]), across=10)
