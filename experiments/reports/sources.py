"""The data sets of the studies, as stored: those that `fnnet train` knows too."""

from fnnet.runs.sources import load

__all__ = ["load"]
