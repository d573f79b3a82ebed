"""`predict`: ask a trained net."""

import sys
from pathlib import Path
from typing import Annotated, Any

import attrs
import tyro

from fnnet.errors import ConfigError, FnnetError, expected
from fnnet.runs import cli
from fnnet.runs.trained import Trained, load_trained

USAGE = "usage: fnnet predict RUN WORD… [options]"


def main(args: list[str]) -> int:
    """Print the net's answer to every word; the exit code is 1 if one of them could not be read."""
    if not args or args[0] in ("-h", "--help"):
        print(
            f"{USAGE}\n\nAsk the trained net of a run: WORD is what it reads, such as a picture file, a number, the "
            "beginning of a text.\nRUN --help says which, and names the options."
        )
        return 0 if args else cli.USAGE
    run, *rest = args
    trained = load_trained(Path(run))
    words, options = _parse(trained, run, rest)
    if not words:
        raise ConfigError(expected("predict", f"{trained.answers.asks} or more after the run", "none", USAGE))
    attrs.validate(options)
    failed = sum(not _ask(trained, word, options) for word in words)
    return cli.FAULT if failed else 0


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
    predict.__doc__ = f"Ask the trained net of a run.\n\nArgs:\n    words: each is {asks}.\n    options: of the answer."
    with attrs.validators.disabled():  # tyro would wrap what they say
        return cli.parse(predict, args, f"fnnet predict {run}")


def _ask(trained: Trained, word: str, options: Any) -> bool:
    """Print the answer to a word, or on standard error why there is none; and whether there is one."""
    try:
        x, done = trained.read(word)
        said = trained.answers.say(trained, word, x, options)
    except FnnetError as error:
        print(f"error: {error}", file=sys.stderr)
        return False
    print(f"{word}: {said}" + (f"  [{'; '.join(done)}]" if done else ""))
    return True
