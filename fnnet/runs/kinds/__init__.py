"""Kinds of answers: functions that make an `Answers` for an experiment."""

from fnnet.runs.kinds.classes import classes
from fnnet.runs.kinds.numbers import numbers
from fnnet.runs.kinds.pictures import Views, pictures, samples
from fnnet.runs.kinds.text import bits_per_character, text

__all__ = ["Views", "bits_per_character", "classes", "numbers", "pictures", "samples", "text"]
