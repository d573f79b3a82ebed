import platform
import subprocess
import sys

import pytest

from fnnet import runtime
from fnnet.errors import ConfigError

FAULTS = """
import resource, numpy as np
from fnnet import runtime
for keep in (False, True):
    said = runtime.keep_memory() if keep else ""
    for round in range(30):
        if round == 10:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        [np.ones(2**17) for _ in range(8)]
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(said)
"""


def test_kept_memory_needs_no_new_pages():
    if sys.platform != "linux":
        pytest.skip("the allocator setting is glibc's")
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    before, after, *said = done.stdout.splitlines()
    if not said[0].startswith("freed memory is kept"):
        pytest.skip(said[0])
    assert int(before) > 100
    assert int(after) < 10


STEPS = """
import resource, sys
import numpy as np
from fnnet import losses, optim, rng, training, zoo
net, rule = zoo.lenet5(), optim.adam(0.001)
params = net.init(rng.key(0), (1, 28, 28))
step = training.make_step(net, losses.softmax_cross_entropy, rule)
n = int(sys.argv[2])
batch = np.ones((n, 1, 28, 28), np.float32), np.arange(n) % 10
apply = lambda: net.apply(params, batch[0])
state = training.TrainState(0, params, rule.init(params), rng.key(0))
fold = lambda: training.fold(step, state, [batch])
if sys.argv[1] == "after":
    import ctypes
    ctypes.CDLL("libc.so.6").mallopt(-3, 2**17)  # a setting of the program: what glibc does at first, for good
for work in (apply, fold):
    for round in range(15):
        if round == 5:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        work()
    print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 10)
"""


def _faults_of_steps(setting, examples=64):
    words = [sys.executable, "-c", STEPS, setting, str(examples)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="the allocator that learns is glibc's"
)
def test_steps_and_nets_need_no_new_pages_and_no_call():
    assert max(_faults_of_steps("none")) < 50
    assert max(_faults_of_steps("none", 1500)) < 50  # more than glibc leaves at the end of the heap
    apply, step = _faults_of_steps("after")  # a setting that a program has made stands
    assert apply > 300
    assert step > 500


def test_elsewhere_it_says_that_it_did_nothing(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert runtime.keep_memory() == "allocator unchanged: this is not glibc"


def test_bad_sizes():
    with pytest.raises(ConfigError, match="most: expected a whole number ≥ 0, got -1"):
        runtime.keep_memory(-1)
