"""Sentences in two languages."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["en", "zh"]
Words: TypeAlias = Mapping[Language, str]
