"""The mean of every channel."""

import numpy as np
import pytest

from fnnet import layers
from tests.kernels.arrays import fractions
from tests.layers.global_pools import (  # noqa: F401 - run here, on this pool
    Pool,
    test_any_memory_order,
    test_bad_options_and_misfits,
    test_is_one_region_of_everything,
)


@pytest.fixture
def pool():
    return Pool(layers.global_avg_pool, layers.adaptive_avg_pool, np.mean, fractions)
