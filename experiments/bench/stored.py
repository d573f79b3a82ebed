"""Data larger than memory: seconds, and the most memory of the process's own, mapped pages of files apart.

python -m experiments.bench.stored permutation          # of ten million
python -m experiments.bench.stored mapped FILE GB       # trains, evaluates, predicts a file of bytes, made if absent
python -m experiments.bench.stored pictures FOLDER      # the same for the PNGs below a folder, 8×8, read when asked for

Memory is `RssAnon` of /proc/self/status (Linux), read with every batch; of the permutation, the peak of tracemalloc.
"""

import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from experiments.bench.growth import resident
from fnnet import data, layers, losses, metrics, optim, rng, training

SIDE, BATCH = 8, 1024


class Pictures:
    """The pictures of files, which are read when they are asked for: what `data.batches` takes."""

    def __init__(self, files: list[str]):
        self.files, self.dtype, self.shape = files, np.dtype(np.uint8), (len(files), 1, SIDE, SIDE)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: Any) -> np.ndarray:
        """The pictures with some numbers."""
        from PIL import Image

        numbers = range(len(self.files))[index] if isinstance(index, slice) else index
        made = np.empty((len(numbers), *self.shape[1:]), np.uint8)
        for place, number in enumerate(numbers):
            with Image.open(self.files[number]) as picture:
                made[place, 0] = np.asarray(picture)
        return made


def own_memory() -> int:
    """Bytes that this process holds beside pages of files."""
    return resident("RssAnon")


def permutation() -> None:
    """Of ten million."""
    start = time.perf_counter()
    rng.permutation(rng.key(0), 10**7)
    seconds = time.perf_counter() - start
    tracemalloc.start()
    rng.permutation(rng.key(0), 10**7)
    print(f"{seconds:.2f} s, {tracemalloc.get_traced_memory()[1] / 1e6:.0f} MB at its peak")


def used(x: Any) -> None:
    """Train an epoch on rows, evaluate, predict, and tell what it took."""
    target = np.zeros(len(x), np.uint8)
    target[::2] = 1
    shape = x.shape[1:]
    net = layers.serial(layers.flatten(), layers.dense(16), layers.relu(), layers.dense(2))
    rule, most = optim.sgd(0.01), [own_memory()]
    before = most[0]

    def floats(rows: Any) -> np.ndarray:
        most.append(max(most.pop(), own_memory()))
        return np.asarray(rows, np.float32) / np.float32(255)

    def told(what: str, start: float) -> None:
        print(
            f"{what}: {time.perf_counter() - start:.0f} s, {(most[0] - before) / 1e6:.0f} MB more than before",
            flush=True,
        )

    step = training.make_step(net, losses.softmax_cross_entropy, rule)
    state, start = training.init(net, rule, rng.key(0), shape), time.perf_counter()
    for batch in data.batches(rng.key(1), (x, target), BATCH, transform=floats):
        state, _ = step(state, batch)
    told(f"{len(x):,} rows trained", start)
    start = time.perf_counter()
    training.evaluate(net, state.params, (x, target), {"accuracy": metrics.accuracy}, size=BATCH, transform=floats)
    told("evaluated", start)
    start = time.perf_counter()
    made = training.predict(net, state.params, x, size=BATCH, transform=floats)
    told(f"predicted ({made.nbytes / 1e6:.0f} MB of predictions)", start)


def _files(folder: Path) -> Iterator[str]:
    return (str(path) for path in sorted(folder.rglob("*.png")))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["permutation"]:
            permutation()
        case ["mapped", file, gigabytes]:
            n = int(float(gigabytes) * 1e9) // (64 * 64)
            mode: Any = "r" if Path(file).exists() else "w+"
            used(np.memmap(file, np.uint8, mode, shape=(n, 1, 64, 64)))
        case ["pictures", folder]:
            used(Pictures(list(_files(Path(folder)))))
        case _:
            sys.exit(__doc__)
