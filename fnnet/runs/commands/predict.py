"""`predict`: ask a trained net."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import attrs
import numpy as np
import tyro

from fnnet.data._zip import NAMES
from fnnet.data.picture import Picture
from fnnet.errors import ConfigError, FnnetError, expected
from fnnet.runs import class_folders, cli
from fnnet.runs.kinds.classes import told
from fnnet.runs.pictures import Word
from fnnet.runs.trained import Trained, load_trained
from fnnet.words import counted, percent

USAGE = "usage: fnnet predict RUN WORD… [options]"
SAID, RIGHT, WRONG, FAILED = "said", "right", "wrong", "failed"  # RIGHT and WRONG where a folder says what it is


def main(args: list[str]) -> int:
    """Print the net's answer to every word; the exit code is 1 if one of them could not be read."""
    if not args or args[0] in ("-h", "--help"):
        print(
            f"{USAGE}\n\nAsk the trained net of a run: WORD is what it reads, such as a picture file, a folder or zip "
            "of pictures, a number, the beginning of a text.\nRUN --help says which, and names the options."
        )
        return 0 if args else cli.USAGE
    run, *rest = args
    trained = load_trained(Path(run))
    words, options = _parse(trained, run, rest)
    if not words:
        raise ConfigError(expected("predict", f"{trained.answers.asks} or more after the run", "none", USAGE))
    attrs.validate(options)
    named = trained.answers.probabilities is not None and options.names is not None
    if named and not any(map(_is_zip, words)):
        raise ConfigError(expected("--names", "a zip, whose names may be in another encoding", ", ".join(words)))
    found: Counter[str] = Counter()
    for word in words:
        try:
            for one, folder in _each(trained, word, options):
                found[_ask(trained, one, folder, options)] += 1
        except FnnetError as error:
            found[_failed(error)] += 1
    if judged := found[RIGHT] + found[WRONG]:
        of = f"{counted(judged, 'picture')} in folders of class names"
        print(f"{found[RIGHT]:,} of {of} are read as their folder says ({percent(found[RIGHT] / judged)})")
    return cli.FAULT if found[FAILED] else 0


def _parse(trained: Trained, run: str, args: list[str]) -> tuple[tuple[str, ...], Any]:
    """The words behind the run, and the options, not yet validated."""
    kind = trained.answers.options

    def predict(
        words: Annotated[
            tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="WORD…", help_behavior_hint="(required)")
        ],
        options: tyro.conf.OmitArgPrefixes[kind] = kind(),  # type: ignore[valid-type]
    ) -> tuple[tuple[str, ...], Any]:
        return words, options

    asks = trained.answers.asks
    asks += ", or a folder or zip of pictures" if trained.answers.probabilities else ""
    predict.__doc__ = f"Ask the trained net of a run.\n\nArgs:\n    words: each is {asks}.\n    options: of the answer."
    with attrs.validators.disabled():  # tyro would wrap what they say
        return cli.parse(predict, args, f"fnnet predict {run}")


def _each(trained: Trained, word: str, options: Any) -> Iterator[tuple[Word, str | None]]:
    """A word; or the pictures of the folder or zip that it names, each with the folder it lies in."""
    if trained.answers.probabilities is None or not (Path(word).is_dir() or _is_zip(word)):
        yield word, None
        return
    names = getattr(trained.settings, "names", NAMES) if options.names is None else options.names
    yield from class_folders.pictures_of(word, names, lambda line: print(line, file=sys.stderr))


def _is_zip(word: str) -> bool:
    return Path(word).suffix.casefold() == ".zip"


def _ask(trained: Trained, one: Word, folder: str | None, options: Any) -> str:
    """Print the answer to a word, or on standard error why there is none; and what came of it."""
    word = one.name if isinstance(one, Picture) else str(one)
    probabilities = trained.answers.probabilities
    try:
        x, done = trained.read(one)
        if probabilities is not None:
            p = probabilities(trained.settings, trained.value(x))[0]
            said, read = told(trained.classes, p), trained.classes[np.argmax(p)]
        else:
            said, read = trained.answers.say(trained, word, x, options), None
    except FnnetError as error:
        return _failed(error)
    print(f"{word}: {said}" + (f"  [{'; '.join(done)}]" if done else ""))
    if read is None or folder not in trained.classes:
        return SAID
    return RIGHT if read == folder else WRONG


def _failed(error: FnnetError) -> str:
    print(f"error: {error}", file=sys.stderr)
    return FAILED
