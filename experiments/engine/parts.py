"""`--part K/N`: a plan of runs dealt out among N commands, as the jobs of an array on a cluster are."""

import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from experiments.engine import store
from fnnet.errors import ConfigError, expected
from fnnet.runs import files

Name = TypeVar("Name", bound=str)


class Part(NamedTuple):
    """Number `number` (from 1) of `of` parts."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def read(text: str) -> Part:
    """The part that "K/N" means.

    >>> read("2/8")
    Part(number=2, of=8)

    Raises:
        ConfigError: it means none.
    """
    number, slash, of = text.partition("/")
    if slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of):
        return Part(int(number), int(of))
    raise ConfigError(expected("--part", "K/N with 1 ≤ K ≤ N, such as 2/8", repr(text)))


def dealt(costs: Mapping[Name, float], together: Mapping[Name, str], of: int) -> dict[Name, int]:
    """Run -> number of its part: disjoint, and covering all. It depends on the whole plan, whatever is made already.

    The costliest run that is left goes to the part that has the least to do, so all last about as long.

    Args:
        costs: of every run of the plan, by name.
        together: of those that have to be made in one part, what they belong to.
        of: parts.

    >>> dealt({"a": 3.0, "b": 1.0, "c": 1.0, "d": 1.0}, {}, 2)
    {'a': 1, 'b': 2, 'c': 2, 'd': 2}
    """
    groups: dict[str, list[Name]] = {}
    for name in sorted(costs):
        groups.setdefault(f"study {together[name]}" if name in together else f"run {name}", []).append(name)
    weights = {group: sum(costs[name] for name in names) for group, names in groups.items()}
    loads = [0.0] * of
    numbers: dict[Name, int] = {}
    for group in sorted(groups, key=lambda group: (-weights[group], group)):
        least = loads.index(min(loads))
        loads[least] += weights[group]
        numbers |= dict.fromkeys(groups[group], least + 1)
    return numbers


@contextmanager
def locked(out: Path, part: Part | None) -> Iterator[None]:
    """Hold the folder of the run files for one command, or for this part of it beside other parts.

    Raises:
        ConfigError: another process makes this part, or all; or it is no folder.
    """
    if part is None:
        with store.locked(out):
            yield
        return
    busy = f"a folder in which nobody else makes part {part}, or all"
    error = ConfigError(expected(f"--out {out}", busy, "one in use", "wait, or choose another"))
    if out.exists() and not out.is_dir():
        raise ConfigError(expected(f"--out {out}", "a folder", "a file"))
    own = f"{store.LOCK}-{part.number}-of-{part.of}"
    with files.held(out, store.LOCK, error, shared=True), files.held(out, own, error):
        yield


def log(out: Path, part: Part | None, entry: Mapping[str, Any]) -> None:
    """Add what one command did to the record of the folder, a file of its own for every part."""
    if part is None:
        store.log(out, entry)
    else:
        name = f"{store.SESSIONS.removesuffix('.json')}-{part.number}-of-{part.of}.json"
        store.log(out, {**entry, "part": str(part), "host": platform.node()}, name)
