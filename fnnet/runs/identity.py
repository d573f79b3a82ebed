"""What makes a run this run: experiment, settings and data, as config.json holds them."""

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import attrs
import cattrs

from fnnet.errors import ConfigError, DataError, FnnetError, expected
from fnnet.runs import files
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.settings import LATER, Settings

EXAMPLES = "train_examples"  # the setting that says how much of the training data is taken

FORMAT = 1
_CONVERTER = cattrs.Converter(forbid_extra_keys=True)
for _kind in (int, float, str, bool):  # nothing is cast: "10" is not 10; the settings' own validators look at the rest
    _CONVERTER.register_structure_hook(_kind, lambda value, _: value)


@attrs.frozen
class Identity:
    """What makes a run this run: the content of config.json.

    Args:
        experiment: its name.
        config: its settings, plain values by name.
        source: the data set in words.
        digests: of the data.
    """

    experiment: str
    config: dict[str, Any]
    source: str
    digests: dict[str, str]
    format: int = FORMAT

    @property
    def json(self) -> str:
        """The content of config.json."""
        return files.to_json(attrs.asdict(self))

    @property
    def fingerprint(self) -> str:
        """A digest of it."""
        return blake2b(self.json.encode(), digest_size=16).hexdigest()


def identity(experiment: Experiment, settings: Settings, problem: Problem) -> Identity:
    """The identity of a run that has not begun."""
    return Identity(experiment.name, plain(settings), problem.source, problem.digests)


def plain(settings: Settings) -> dict[str, Any]:
    """Settings as plain values by name, as JSON has them: tuples are lists."""
    values: dict[str, Any] = json.loads(json.dumps(_CONVERTER.unstructure(settings)))
    return values


def settings(experiment: Experiment, values: object, where: object) -> Settings:
    """Settings from plain values, the opposite of `plain`.

    Raises:
        ConfigError: unknown, missing or wrong values; the message says in which file.
    """
    if not isinstance(values, dict):
        raise ConfigError(expected(f"{where}: config", "an object", repr(values)[:80]))
    names = [field.name for field in attrs.fields(experiment.settings)]
    for name in values:
        if name not in names:
            raise ConfigError(expected(f"{where}: config", f"settings {', '.join(names)}", repr(name)))
    values = {**older(experiment), **values}
    for name in names:
        if name not in values:
            raise ConfigError(expected(f"{where}: config", f"a value for {name}", "none"))
    try:
        found: Settings = _CONVERTER.structure(values, experiment.settings)
        return found
    except cattrs.BaseValidationError as error:
        raise ConfigError(f"{where}: config: {'; '.join(_reasons(error))}") from None
    except FnnetError as error:
        raise ConfigError(f"{where}: config: {error}") from None


def older(experiment: Experiment) -> dict[str, Any]:
    """Settings that older runs do not have, with the values they were made by."""
    fields = attrs.fields(experiment.settings)
    return {field.name: field.metadata[LATER] for field in fields if LATER in field.metadata}


def _reasons(error: BaseException) -> list[str]:
    """The leaves of an exception group, in words."""
    if isinstance(error, BaseExceptionGroup):
        return [reason for part in error.exceptions for reason in _reasons(part)]
    return [str(error), *getattr(error, "__notes__", [])]


def read(path: Path) -> Identity:
    """What a config.json says.

    Raises:
        DataError: it is damaged; the message names the field.
    """
    values = files.read_json(path)
    wanted = {field.name: field.type for field in attrs.fields(Identity)}
    if not isinstance(values, dict) or values.keys() != wanted.keys():
        raise DataError(expected(str(path), f"an object with {', '.join(wanted)}", repr(values)[:80]))
    if values["format"] != FORMAT:
        raise DataError(expected(f"{path}: format", FORMAT, repr(values["format"])))
    for names, kind, words in ((("experiment", "source"), str, "a string"), (("config", "digests"), dict, "an object")):
        for name in names:
            if not isinstance(values[name], kind):
                raise DataError(expected(f"{path}: {name}", words, repr(values[name])[:80]))
    return Identity(**values)


def differences(this: Identity, other: Identity, names: tuple[str, str] = ("in the folder", "asked for")) -> list[str]:
    """One phrase for every difference between two runs' identities.

    >>> a = Identity("lenet5", {"epochs": 10}, "MNIST", {})
    >>> differences(a, attrs.evolve(a, config={"epochs": 3}))
    ['epochs: 10 in the folder, 3 asked for']
    """
    if this.experiment != other.experiment:
        return [f"experiment: {this.experiment} {names[0]}, {other.experiment} {names[1]}"]
    found = [
        f"{name}: {this.config.get(name)} {names[0]}, {other.config.get(name)} {names[1]}"
        for name in {**this.config, **other.config}
        if this.config.get(name) != other.config.get(name)
    ]
    parts = [name for name in {**this.digests, **other.digests} if this.digests.get(name) != other.digests.get(name)]
    if this.source != other.source:
        found.append(f"data: {this.source} {names[0]}, {other.source} {names[1]}")
        return found
    if this.config.get(EXAMPLES) != other.config.get(EXAMPLES):  # told above, and why the training parts differ
        parts = [name for name in parts if not name.startswith("train ")]
    if parts:
        found.append(f"data: {this.source} in both, differing in {', '.join(parts)}")
    return found
