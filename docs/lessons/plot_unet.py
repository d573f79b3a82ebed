"""
Pictures out of pictures
========================

So far a net made ten numbers of a picture. Here it makes a picture: first the one that was there before the noise,
then a mask that says which pixels belong to a digit. Nothing new is needed but layers that make things larger again.
"""

import os

import numpy as np

from fnnet import data, layers, losses, optim, plots, rng, training, zoo

digits = data.mnist() if "FNNET_DATA" in os.environ else data.small_digits()
whole = data.scale(digits.train.images[:2500])
side = 32
room = side - whole.shape[-1]
clean = data.pad(whole, room // 2) if room <= 4 else data.resize(digits.train.images[:2500], side, side)[:, None] / 255
clean = np.ascontiguousarray(clean, np.float32)
print(clean.shape)

# %%
# An autoencoder that takes noise away
# ------------------------------------
# Half as wide, half as wide again, and back: in the middle there is no room for noise. ``conv_transpose2d`` is the
# adjoint of a convolution, so the vjp of one is the forward pass of the other.

noisy = np.clip(clean + 0.4 * rng.normal(rng.key(1), clean.shape), 0, 1)
denoiser = layers.serial(
    layers.conv2d(8, 3, stride=2, padding=1),
    layers.relu(),
    layers.conv2d(16, 3, stride=2, padding=1),
    layers.relu(),
    layers.conv_transpose2d(8, 2, stride=2),
    layers.relu(),
    layers.conv_transpose2d(1, 2, stride=2),
)


def learn(net, loss, x, target, epochs, rate, size=32):
    """The params after so many epochs, and the loss of each."""
    optimizer = optim.adam(optim.schedules.one_cycle(rate, epochs * data.batch_count(len(x), size)))
    step = training.make_step(net, loss, optimizer)
    state = training.init(net, optimizer, rng.key(0), x.shape[1:])
    done = list(training.fit(step, state, (x, target), epochs, size=size))
    return done[-1][0].params, [row["loss"] for _, row in done]


few, seen = slice(0, -10), slice(-10, None)  # to learn from, and to look at
params, _ = learn(denoiser, losses.squared_error, noisy[few], clean[few], epochs=2, rate=0.01)
out = np.clip(training.predict(denoiser, params, noisy[seen]), 0, 1)
figure = plots.images(np.concatenate([noisy[seen], out, clean[seen]]), across=10)

# %%
# Above what it was given, below what it should have made, between them what it made. How much of the error is gone,
# in decibels, 10 log₁₀(1 / mean squared error):

for name, made in (("noisy", noisy[seen]), ("made", out)):
    print(f"{name}: {-10 * np.log10(np.square(made - clean[seen]).mean()):.1f} dB")

# %%
# Which pixels are a digit's
# --------------------------
# A harder question: pictures of one digit among pieces of others. What a pixel is depends on what lies around it, far
# and near. A U-Net goes down to see far, and keeps what it saw near in bridges: the output of each level going down
# is laid beside what comes up.


def cluttered(key, pictures):
    """Pictures with strips of other pictures laid over them, and the pixels that are still the digit's."""
    others = pictures[rng.permutation(rng.fold_in(key, "others"), len(pictures))]
    keep = np.zeros_like(others)
    for i in range(2):
        own = rng.fold_in(key, i)
        top, left = (rng.uniform(rng.fold_in(own, way), (len(others),)) * (side - 8) for way in ("top", "left"))
        for mask, t, l in zip(keep, top.astype(int), left.astype(int), strict=True):
            mask[:, t : t + 8, l : l + 8] = 1
    pieces = others * keep
    return np.maximum(pictures, pieces), ((pictures > 0.3) & (pictures >= pieces)).astype(np.float32)


x, masks = cluttered(rng.key(4), clean)
net = zoo.unet(1, depth=2, channels=8)
print(net.shape((1, side, side)), "logits for", (1, side, side))

params, rows = learn(net, losses.binary_cross_entropy, x[few], masks[few], epochs=2, rate=0.01)
print("nats a picture, epoch by epoch:", [round(row) for row in rows])

# %%
# Given, believed, true. The loss is a binary cross-entropy at every pixel, so the net's answer is a probability.

scores = training.predict(net, params, x[seen])
believed, _ = layers.sigmoid().apply((), scores)
figure = plots.images(np.concatenate([x[seen], believed, masks[seen]]), across=10)

# %%
# What the area of both, by the area of either, comes to:

said, true = scores > 0, masks[seen] > 0
print(f"intersection over union {(said & true).sum() / (said | true).sum():.3f}")

# %%
# What it looks at
# ----------------
# Pull one pixel of the answer back to the picture: the gradient is where it looks, its receptive field, weighed. The
# first pixel lies in the middle of a stroke, the second in the corner.

y, vjp = net.apply(params, x[seen][:1])
fields = []
strokes = np.argwhere(masks[seen][0, 0])
for row, column in (strokes[len(strokes) // 2], (2, 2)):
    dy = np.zeros_like(y)
    dy[0, 0, row, column] = 1
    _, dx = vjp(dy)
    fields.append(np.abs(dx[0]))

figure = plots.images(np.stack([x[seen][0], *fields]), ["picture", "a stroke", "the corner"], across=3)

# %%
# Exercises
# ---------
# 1. Take the bridges away: put ``layers.conv2d`` of stride 2 and ``layers.conv_transpose2d`` in a row, as in the
#    denoiser. What do the masks lose?
# 2. How large is the receptive field by the sizes of the kernels alone? Compare it with the last figure.
# 3. The commands ``fnnet train denoise`` and ``fnnet train segment`` do both in earnest. What do they do otherwise?
