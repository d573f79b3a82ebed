"""Readers of what lies elsewhere, as strict as the strictest that there are."""

import numpy as np


class Stored:
    """Rows of an array, given out as h5py does: for slices and for increasing numbers. It knows how many at a time."""

    def __init__(self, array: np.ndarray):
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.asked: list[int] = []

    def __getitem__(self, index: object) -> np.ndarray:
        if not isinstance(index, slice):
            assert (np.diff(index) > 0).all()
        found = np.array(self._array[index])
        self.asked.append(len(found))
        return found
