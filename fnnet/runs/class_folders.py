"""A folder, or a zip, that holds a folder of pictures for each class: how it is read, and shared out."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import attrs
import numpy as np

from fnnet import data, rng
from fnnet.data._files import LIMIT
from fnnet.data._zip import NAMES
from fnnet.data.images import read_parts, set_entries
from fnnet.data.picture import Fit, Over, Picture, reading_of
from fnnet.errors import ConfigError, DataError, MissingDataError, expected
from fnnet.runs import pictures
from fnnet.runs.datasets import BUNDLED, Found
from fnnet.runs.facts import array_digest
from fnnet.runs.settings import LATER, Settings, optional, sizes
from fnnet.types import Array, Shapes

_FIXES = {  # what a caller is told to do -> what a user is
    "resize=(height, width)": "--resize HEIGHT WIDTH",
    "into one folder, called like it": "into one folder, called like it; or these folders into train, val and test",
    "raise max_bytes if that is right": "make them smaller with --resize HEIGHT WIDTH, or unpack what is a zip",
}
_PARTS = {  # what people call folders of parts -> the part
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_KEY = rng.fold_in(rng.key(0), "pictures")  # the split is that of the folder, whatever the seed of the run


def _share(_: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    """An attrs validator: a share of something, neither nothing nor all of it."""
    if not 0 < value < 1:
        raise ConfigError(expected(attribute.name, "a number between 0 and 1", value))


@attrs.frozen(slots=False)  # beside the settings of a net there may be these: two classes with slots do not mix
class Config(Settings):
    """Settings of whatever can be trained on a folder of one's own pictures."""

    resize: tuple[int, int] | None = attrs.field(default=None, validator=optional(sizes), metadata={LATER: None})
    """Height and width that every picture is brought to, in pixels; by default all have to be of one size."""
    colours: bool = attrs.field(default=True, metadata={LATER: True})
    """Read red, green and blue; else grey."""
    fit: Fit = attrs.field(default="pad", metadata={LATER: "pad"})
    """Where a picture is not square: pad it, crop its middle, or stretch it."""
    over: Over = attrs.field(default="white", metadata={LATER: "white"})
    """What lies under transparent pixels, and around padded pictures."""
    names: str = attrs.field(default=NAMES, metadata={LATER: NAMES})
    """How names in a zip are encoded that does not say it, such as gbk."""
    test_share: float = attrs.field(default=0.2, validator=_share, metadata={LATER: 0.2})
    """Share of every class that is held back to test on, unless the folder holds train and test, or train and val."""


def is_one(path: str) -> bool:
    """Whether there is a folder with folders in it, or a zip."""
    here = Path(path)
    return here.suffix.lower() == ".zip" or (here.is_dir() and any(entry.is_dir() for entry in here.iterdir()))


class Read(NamedTuple):
    """The pictures of a folder in parts, the training part in no order, and a line on how they were read."""

    train: data.Examples
    test: data.Examples
    classes: tuple[str, ...]
    note: str
    validation: data.Examples | None = None


def read_folder(folder: str, config: Config) -> Read:
    """The pictures of a folder or zip of CLASS/PICTURE, or of one that holds such folders, called like parts.

    With train and test, or train, val and test, each is what it says. With train and val alone val is tested on, and
    nothing is looked at on the way.

    Raises:
        DataError: it cannot be read, see `fnnet.data.read_classes`; it holds one class only, or a class one picture
            only; or parts without train, with other classes than train has, or with pictures of another size.
        ConfigError: there is an encoding of names for what is no zip, or a share to hold back of what has its own test.
    """
    path, said = Path(folder), list[str]()
    if path.is_dir() and config.names != NAMES:
        raise ConfigError(expected("names", "a zip, whose names may be in another encoding", f"the folder {path}"))
    reading = reading_of("RGB" if config.colours else "L", LIMIT, config.over, config.resize, config.fit)
    try:
        parts = read_parts(path, reading, _PARTS, config.names, said.append)
    except DataError as error:
        for ours, theirs in _FIXES.items():
            error.message = error.message.replace(ours, theirs)
        raise
    validation = None
    if "" in parts:
        classes, every = parts[""].classes, data.Examples(*parts[""][:2])
        held = _held_back(path, every.labels, classes, config.test_share)
        test, train = data.subset(every, held), data.subset(every, ~held)
        said.append(f"{len(test.labels):,} of {len(held):,} pictures are held back to test on")
    else:
        _check_alike(path, parts)
        if config.test_share != attrs.fields(Config).test_share.default:
            got = f"{path}, whose folders say what is tested on"
            raise ConfigError(expected("test_share", "a folder to hold pictures back from", got, "leave it out"))
        classes, own = parts["train"].classes, {name: data.Examples(*part[:2]) for name, part in parts.items()}
        tested = "test" if "test" in own else "validation"
        train, test = own.pop("train"), own.pop(tested)
        validation = own.get("validation")
        said.append(f"tested on the {len(test.labels):,} pictures of its {tested} part")
        if validation is not None:
            said.append(f"{len(validation.labels):,} in its validation part")
    if len(classes) < 2:
        fix = "put the pictures of each class into a folder of its own"
        raise DataError(expected(str(path), "two classes or more, to tell apart", f"{classes[0]} alone", fix))
    order = rng.permutation(rng.fold_in(_KEY, "order"), len(train.labels))
    return Read(data.subset(train, order), test, classes, "; ".join(said), validation)


def _check_alike(path: Path, parts: dict[str, data.ClassImages]) -> None:
    """Raise unless there is a part to train on, and the others have its classes and its size of pictures.

    Raises:
        DataError: it is not so.
    """
    if "train" not in parts:
        fix = "call the folder to learn from train"
        raise DataError(expected(str(path), "a folder train beside its other parts", ", ".join(parts), fix))
    train = parts["train"]
    for name, part in parts.items():
        if train.classes != part.classes:
            only = set(train.classes) ^ set(part.classes)
            got = f"{', '.join(sorted(only))} in one of them only"
            raise DataError(expected(str(path), f"the same classes in train and {name}", got))
        if train.images.shape[1:] != part.images.shape[1:]:
            sizes = " and ".join("{1}×{0}".format(*one.images.shape[-2:]) for one in (train, part))
            fix = "bring all to one size with --resize HEIGHT WIDTH"
            raise DataError(expected(str(path), f"pictures of one size in train and {name}", sizes, fix))


def _held_back(path: Path, labels: Array, classes: tuple[str, ...], share: float) -> Array:
    """Which pictures are held back: of every class the share, rounded, at least one and not all."""
    held = np.zeros(len(labels), bool)
    for label, name in enumerate(classes):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 2:
            got = "1, which would be all to learn from or all to test on"
            raise DataError(expected(f"{path}: class {name}", "at least 2 pictures", got))
        n = min(max(round(share * len(rows)), 1), len(rows) - 1)
        held[rows[rng.permutation(rng.fold_in(_KEY, label), len(rows))[:n]]] = True
    return held


def found(config: Config, folder: str | None) -> Found:
    """The pictures of a folder in [0, 1], (N, C, H, W), the training part in no order.

    Raises:
        MissingDataError: none is named.
        DataError: it cannot be read, see `read_folder`.
        ConfigError: there are fewer than the settings take.
    """
    if folder in (None, BUNDLED):
        wanted, got = "a folder or zip that holds a folder of pictures for each class", folder or "none"
        raise MissingDataError(expected("--data", wanted, got))
    own = read_folder(folder, config)
    (images, labels), k = own.train, len(own.classes)
    taken = config.train_examples or len(labels)
    n = taken - config.validation_examples
    if taken > len(labels) or n < 1:
        what = "train_examples" if taken > len(labels) else "validation_examples"
        most = f"{'at most' if taken > len(labels) else 'fewer than'} the {min(taken, len(labels)):,} training pictures"
        raise ConfigError(expected(what, most, f"{getattr(config, what):,}"))
    x, labels = data.scale(images[:taken]), labels[:taken]
    validation = (x[n:], labels[n:]) if config.validation_examples else None
    if validation is not None and own.validation is not None:
        got = f"{folder}, whose folders say what is looked at"
        raise ConfigError(expected("validation_examples", "a folder to hold pictures back from", got, "leave it out"))
    if own.validation is not None:
        validation = data.scale(own.validation.images), own.validation.labels
    parts = {"train": data.Examples(images[:taken], labels), "validation": own.validation, "test": own.test}
    digests = {
        f"{part} {name}": array_digest(array)
        for part, examples in parts.items()
        if examples is not None
        for name, array in examples._asdict().items()
    }
    return Found(
        train=(x[:n], labels[:n]),
        test=(data.scale(own.test.images), own.test.labels),
        classes=own.classes,
        source=f"a folder of {k} classes",
        digests={**digests, "classes": array_digest(np.frombuffer("/".join(own.classes).encode(), np.uint8))},
        data=folder,
        note=own.note,
        validation=validation,
    )


def read(word: pictures.Word, config: Config, shape: Shapes, names: tuple[str, ...]) -> tuple[Array, list[str]]:
    """A picture file as those of the folder were read."""
    return pictures.read_as(word, shape, config.over, config.fit)


def pictures_of(path: str, names: str, told: Callable[[str], object]) -> Iterator[tuple[Picture, str]]:
    """The pictures of a folder or zip wherever they lie in it, in natural order, each with the folder it lies in.

    Args:
        path: the folder or zip.
        names: how names in a zip are encoded that does not say it.
        told: takes a line on what else there is.

    Raises:
        DataError: it cannot be read, or holds no pictures.
    """
    with set_entries(path, LIMIT, names, told) as entries:
        for entry in entries:
            if not entry.folder:
                folder = [Path(path).absolute().name, *entry.parts][-2]
                yield Picture(str(Path(path, *entry.parts)), entry.read), folder
