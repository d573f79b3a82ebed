"""PyTorch's nets after `torch.compile`; a C++ compiler is needed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from experiments.bench.contenders import with_torch
from experiments.bench.contenders.with_torch import begin, versions
from experiments.bench.works import Work

__all__ = ["begin", "predictor", "trainer", "versions"]


def trainer(work: Work, n: int) -> Callable[[], float]:
    """Step after step; forward and backward are compiled, the fused optimizer is as it was."""
    return with_torch.trainer(work, n, _compiled)


def predictor(work: Work, n: int) -> Callable[[], np.ndarray]:
    """Scores in evaluation, in inference mode."""
    return with_torch.predictor(work, n, _compiled)


def _compiled(net: torch.nn.Module) -> Any:
    try:
        return torch.compile(net)
    except RuntimeError as error:
        raise NotImplementedError(f"torch.compile: {error}") from error
