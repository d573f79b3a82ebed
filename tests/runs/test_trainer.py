"""What recording costs, and that long runs need no more than short ones."""

import gc
import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from fnnet import layers, losses, optim, rng
from fnnet.runs import trainer
from fnnet.runs.experiment import Problem
from fnnet.runs.folder import Run
from fnnet.runs.identity import Identity
from fnnet.runs.lenet5 import EXPERIMENT, Config
from fnnet.runs.perform import journal


def tiny(examples=64):
    net = layers.serial(layers.dense(4), layers.relu(), layers.dense(2))
    x = rng.normal(rng.key(0), (examples, 3))
    labels = (x.sum(axis=1) > 0).astype(np.int64)
    data = (x, labels)
    return Problem(net, losses.softmax_cross_entropy, optim.adam(0.01), data, data, ("a", "b"), "drawn", {})


def looked_at(folder):
    """Steps, and memory and handles after every epoch."""
    problem, config = tiny(examples=8000), Config(batch_size=8, epochs=10)
    plan = trainer.plan(problem, config)
    position = trainer.start(plan, config.seed)
    sizes, handles = [], []

    def look():
        gc.collect()
        sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        handles.append(len(os.listdir("/proc/self/fd")))

    class Looking:
        def step(self, position):
            pass

        def epoch(self, row):
            look()

    with journal(Run(folder, Identity("tiny", {}, "drawn", {}), EXPERIMENT, config), position, Looking()) as writing:
        end = trainer.run(plan, position, writing, save_every=0.5)
    return end.state.step, sizes, handles


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_memory_and_handles_are_flat_over_ten_thousand_steps(tmp_path):
    """In a process of its own: what other tests left behind makes the heap of theirs move."""
    with ProcessPoolExecutor(1, get_context("spawn")) as own:
        steps, sizes, handles = own.submit(looked_at, tmp_path).result()
    assert steps == 10_000
    assert len(sizes) == 10
    assert max(sizes[2:]) - sizes[1] < 2_000_000  # bytes, over 8,000 steps
    assert len(set(handles)) == 1


def test_digests_cost_less_than_two_percent():
    """Of LeNet-5's steps: one digest of all leaves in every 50, against 50 steps of at least 3 ms."""
    from fnnet.runs.lenet5 import net

    params = net(Config()).init(rng.key(0), (1, 28, 28))
    trainer.digests(params)
    clock = time.process_time()
    for _ in range(20):
        trainer.digests(params)
    assert (time.process_time() - clock) / 20 < 0.02 * trainer.DIGEST_EVERY * 0.003
