"""The running means of gradients and of their squares, with which Adam and its relatives begin."""

import numpy as np

from fnnet.optim.engine import Block
from fnnet.types import Array


def remember(block: Block, b1: float, b2: float) -> None:
    """m ← b₁ m + (1 - b₁) u,  v ← b₂ v + (1 - b₂) u²: the first two trees of a state."""
    remember_mean(block, b1)
    mix_square(block.new[1], block.old[1], block.given, b2, block.spare)


def remember_mean(block: Block, b1: float) -> None:
    """m ← b₁ m + (1 - b₁) u: the first tree of a state."""
    m, spare = block.new[0], block.spare
    np.multiply(block.old[0], b1, out=m)
    np.multiply(block.given, 1 - b1, out=spare)
    np.add(m, spare, out=m)


def mix_square(out: Array, old: Array, u: Array, decay: float, spare: Array) -> None:
    """out = ρ old + (1 - ρ) u²; u may be spare."""
    np.multiply(old, decay, out=out)
    np.square(u, out=spare)
    np.multiply(spare, 1 - decay, out=spare)
    np.add(out, spare, out=out)
