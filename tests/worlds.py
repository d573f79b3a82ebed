"""The main paths of the library and of the program, gone once in a process whose world is somebody else's.

    python tests/worlds.py FOLDER [SETTING…]

Settings that only Python can make are made first; then everything is done, and FOLDER/told.json says what came of it
and which foreign setting is no longer what it was.
"""

import json
import locale
import os
import signal
import sys
import traceback
import warnings
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np


def raising() -> None:
    np.seterr(all="raise")


def truncated() -> None:
    from PIL import Image, ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = True
    Image.MAX_IMAGE_PIXELS = 16


def printing() -> None:
    np.set_printoptions(precision=1, threshold=2)


SETTINGS = {function.__name__: function for function in (raising, truncated, printing)}


def settings() -> dict[str, str]:
    """Whatever belongs to the whole process and to others."""
    found: dict[str, Any] = {
        "errors": np.geterr(),
        "printing": {name: str(value) for name, value in np.get_printoptions().items()},
        "random numbers": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "warnings": [repr(rule) for rule in warnings.filters],
        "variables": dict(os.environ),
        "locale": locale.setlocale(locale.LC_ALL),
        "signals": {number.name: repr(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)},
        "streams": [(repr(stream), getattr(stream, "errors", None)) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "place": os.getcwd(),
        "path": list(sys.path),
        "recursion": sys.getrecursionlimit(),
    }
    if "PIL" in sys.modules:
        from PIL import Image, ImageFile

        found["pictures"] = [ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS]
    if "threadpoolctl" in sys.modules:
        found["threads"] = [
            (pool["filepath"], pool["num_threads"]) for pool in sys.modules["threadpoolctl"].threadpool_info()
        ]
    if "matplotlib" in sys.modules:
        matplotlib = sys.modules["matplotlib"]
        found["figures"] = [repr(pair) for pair in sorted(dict.items(matplotlib.rcParams))]
    return {name: repr(value) for name, value in found.items()}


def library(folder: Path) -> dict[str, Any]:
    """Train a net, look at it, save it, load it, use it, read pictures."""
    import fnnet
    from fnnet import checkpoint, data, exchange, layers, losses, metrics, optim, rng, training
    from fnnet.errors import FnnetError
    from fnnet.runs import pictures
    from fnnet.summary import summary

    net = layers.serial(
        layers.conv2d(2, 3), layers.batch_norm(), layers.gelu(), layers.max_pool(2), layers.flatten(),
        layers.dropout(0.2), layers.dense(4), layers.layer_norm() if hasattr(layers, "layer_norm") else layers.tanh(),
        layers.dense(3), layers.sigmoid(), layers.dense(3),
    )  # fmt: skip
    x = rng.uniform(rng.key(0), (24, 1, 8, 8)) * np.float32(1e-20)  # so small that much of it vanishes
    x[:12] *= np.float32(1e20)
    train = x, rng.permutation(rng.key(1), 24) % 3
    optimizer = optim.chain(optim.clip_by_global_norm(1.0), optim.adamw(optim.schedules.cosine(0.01, 20)))
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer, {"accuracy": metrics.accuracy})
    state = training.init(net, optimizer, rng.key(2), (1, 8, 8))

    def look(params: Any) -> Any:
        return training.evaluate(net, params, train, {"f1": metrics.f1()}, losses.softmax_cross_entropy)

    stream = training.fit(step, state, train, 3, size=8, validation=look)
    stream = training.checkpoints(training.csv_log(training.progress(stream, 3), folder / "log.csv"), folder / "state")
    for now in training.early_stopping(stream, training.patience(5), by="validation_loss"):
        state = now[0]
    checkpoint.load(folder / "state", like=state)
    fnnet.save(folder / "net", net, state.params, (1, 8, 8))
    again, params, _ = fnnet.load(folder / "net")
    y = training.predict(again, params, x)
    exchange.to_python(folder / "net.py", net, params, (1, 8, 8))
    assert repr(summary(net, (1, 8, 8))) or repr(net)
    picture = folder / "sign.png"
    half = folder / "half.jpg"
    _draw(picture, half)
    pixels, _ = pictures.read(picture, (1, 8, 8))
    refused = []
    for read in (lambda: pictures.read(half, (1, 8, 8)), lambda: data.read_image(half)):
        try:
            read()
        except FnnetError as error:
            refused.append(type(error).__name__)
    return {
        "params": _digest(*(np.asarray(leaf) for leaf in fnnet.tree.leaves(params))),
        "predictions": _digest(y),
        "picture": _digest(pixels, data.read_image(picture)),
        "half a picture": refused,
        "log": [line.rpartition(",")[0] for line in (folder / "log.csv").read_text().splitlines()],
    }


def program(folder: Path) -> dict[str, Any]:
    """Train by name, and read what is left."""
    from fnnet.runs import cli

    run = folder / "lr=[0.1]"
    words = ["train", "lenet5", "--data", "bundled", "--train-examples", "64", "--epochs", "1", "--out", str(run)]
    codes = {"train": cli.main(words)}
    codes["predict"] = cli.main(["predict", str(run), str(folder / "sign.png")])
    codes["show"] = cli.main(["show", str(run)])
    codes["help"] = cli.main(["--help"])
    codes["unknown"] = cli.main(["…"])
    files = sorted(path.name for path in run.iterdir())
    return {"codes": codes, "files": files, "figure": _digest(*(_bytes(path) for path in sorted(run.glob("*.png"))))}


def _draw(picture: Path, half: Path) -> None:
    """A sign in a PNG, and a JPEG that was cut in the middle."""
    from PIL import Image

    ink = np.zeros((8, 8), np.uint8)
    ink[2:6, 3:5] = 255
    Image.fromarray(ink).save(picture)
    Image.fromarray(np.kron(ink, np.ones((16, 16), np.uint8))).save(half, quality=95)
    content = half.read_bytes()
    half.write_bytes(content[: len(content) // 2])


def _bytes(path: Path) -> np.ndarray:
    return np.frombuffer(path.read_bytes(), np.uint8)


def _digest(*arrays: np.ndarray) -> str:
    whole = blake2b(digest_size=8)
    for array in arrays:
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()


def main(folder: Path, *names: str) -> None:
    import sklearn.datasets
    import tyro

    import fnnet.runs.pictures
    import fnnet.runs.style
    import fnnet.runs.threads

    del sklearn, tyro  # what others set when they are imported is not ours

    fnnet.runs.style.drawn(lambda: b"")()
    for name in names:
        SETTINGS[name]()
    before = settings()
    told = {**library(folder), **program(folder)}
    after = settings()
    told["changed"] = {name: [value, after.get(name)] for name, value in before.items() if after.get(name) != value}
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), *sys.argv[2:])
    except BaseException:  # there may be no stream to tell it on
        Path(sys.argv[1], "fault").write_text(traceback.format_exc(), encoding="utf-8")
        raise
