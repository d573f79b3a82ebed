"""The largest element of every channel."""

import numpy as np
import pytest

from fnnet import layers
from tests.kernels.arrays import small_integers
from tests.layers.global_pools import (  # noqa: F401 - run here, on this pool
    Pool,
    test_any_memory_order,
    test_bad_options_and_misfits,
    test_is_one_region_of_everything,
)


@pytest.fixture
def pool():
    return Pool(layers.global_max_pool, layers.adaptive_max_pool, np.max, small_integers)
