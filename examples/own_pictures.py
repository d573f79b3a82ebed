"""Your own pictures: a folder for each class, a net that learns them, and one picture read.

    pip install 'fnnet[runs]'
    python examples/own_pictures.py [FOLDER]

FOLDER holds a folder of pictures for each class, of any size and format. Without it, a set is drawn: circles, squares
and crosses of all sizes and places, with noise. `fnnet train pictures --data FOLDER` does the like in one command.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fnnet import data, layers, losses, metrics, optim, rng, training

SIDE = 24


def drawn(folder: Path, each: int = 120) -> Path:
    """A folder of drawn pictures, white on black, a folder for each kind."""
    kinds = {
        "circle": lambda pen, box: pen.ellipse(box, outline=255, width=2),
        "cross": lambda pen, box: (pen.line(box, 255, 2), pen.line((box[0], box[3], box[2], box[1]), 255, 2)),
        "square": lambda pen, box: pen.rectangle(box, outline=255, width=2),
    }
    for number, (kind, draw) in enumerate(kinds.items()):
        (folder / kind).mkdir(parents=True)
        keys = rng.split(rng.fold_in(rng.key(7), number), each)
        for i, key in enumerate(keys):
            size, left, top = (float(value) for value in rng.uniform(key, (3,)))
            side = 8 + 12 * size
            x, y = left * (SIDE - side - 1), top * (SIDE - side - 1)
            picture = Image.new("L", (SIDE, SIDE))
            draw(ImageDraw.Draw(picture), (x, y, x + side, y + side))
            noisy = np.asarray(picture, np.float32) + 40 * np.abs(rng.normal(rng.fold_in(key, "noise"), (SIDE, SIDE)))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / kind / f"{i:03}.png")
    return folder


folder = Path(sys.argv[1]) if len(sys.argv) > 1 else drawn(Path(tempfile.mkdtemp()) / "shapes")
found = data.read_classes(folder, resize=(SIDE, SIDE))  # images (N, C, H, W), labels, and the names of the classes
print(f"{folder}: {len(found.labels)} pictures of {', '.join(found.classes)}")

x = data.scale(found.images)
held, rest = data.split_per_class(rng.key(0), found.labels, 20)  # 20 of each class are never learnt from
train, test = (x[rest], found.labels[rest]), (x[held], found.labels[held])

net = layers.serial(
    *(layers.conv2d(8, 3), layers.relu(), layers.max_pool(2)),
    *(layers.conv2d(16, 3), layers.relu(), layers.max_pool(2)),
    *(layers.flatten(), layers.dense(len(found.classes))),
)
optimizer = optim.adam(0.005)
step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
state = training.init(net, optimizer, rng.key(1), x.shape[1:])
for epoch in range(12):
    state, history = training.fold(step, state, data.batches(rng.fold_in(state.key, epoch), train, 32))
accuracy = training.evaluate(net, state.params, test, {"accuracy": metrics.accuracy})["accuracy"]
print(f"{accuracy:.2%} of the {len(held)} pictures that were held back are read right")

one = data.read_image(sorted((folder / found.classes[0]).iterdir())[0], resize=(SIDE, SIDE))
logits, _ = net.apply(state.params, data.scale(one[None]))
print(f"one picture of a {found.classes[0]} is read as: {found.classes[int(logits[0].argmax())]}")
