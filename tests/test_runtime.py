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


def test_elsewhere_it_says_that_it_did_nothing(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert runtime.keep_memory() == "allocator unchanged: this is not glibc"


def test_bad_sizes():
    with pytest.raises(ConfigError, match="most: expected a whole number ≥ 0, got -1"):
        runtime.keep_memory(-1)
