"""fnnet after `runtime.keep_memory`, as `fnnet train` uses it: what the allocator could give at most."""

from experiments.bench.contenders.with_fnnet import predictor, puller, share_products, trainer, versions
from fnnet import runtime

__all__ = ["begin", "predictor", "puller", "share_products", "trainer", "versions"]


def begin() -> None:
    """Settings of the process."""
    runtime.keep_memory()
