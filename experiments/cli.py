"""The command line: which module does what, and how faults are told."""

import difflib
import importlib
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from experiments import signals
from experiments.files import told
from fnnet.errors import ConfigError, FnnetError, MissingDataError

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")

# word -> module with `main(args) -> exit code`, and what it does. Modules are imported when they are used.
COMMANDS = {
    "list": ("experiments.commands.list", "name the experiments"),
    "run": ("experiments.commands.run", "train: run NAME [options], run all; run NAME --help names the settings"),
    "report": (
        "experiments.commands.report",
        "write a run's report again: report RUN; RESULTS.md from the studies: report",
    ),
    "predict": ("experiments.commands.predict", "read picture files with a trained net: predict RUN IMAGE…"),
    "replay": ("experiments.commands.replay", "run again and compare to the byte: replay RUN"),
    "diff": ("experiments.commands.diff", "compare two runs to the byte: diff RUN RUN"),
    "trace": ("experiments.commands.trace", "look into one step, layer by layer: trace RUN --step N"),
    "doctor": ("experiments.commands.doctor", "say what this machine repeats to the byte, and how fast it is"),
    "check": ("experiments.commands.check", "prove a layer of your own: check FILE.py:FACTORY --shape 3 8 8"),
    "bench": ("experiments.bench", "measure speed"),
}

USAGE, FAULT = 2, 1  # exit codes: the command line was wrong; something else was


def main(args: list[str]) -> int:
    """Run a command, given as the words after `python -m experiments`, and return its exit code.

    Faults that a user can cause or cure are told in one line on standard error, without a traceback.
    """
    if not args or args[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if args else USAGE
    word, *rest = args
    if word not in COMMANDS:
        close = difflib.get_close_matches(word, COMMANDS, n=1)
        return _fault(f"unknown command {word!r}" + (f"; did you mean {close[0]}?" if close else f"\n{_help()}"), USAGE)
    module, _ = COMMANDS[word]
    try:
        with signals.raised():
            command: Callable[[list[str]], int] = importlib.import_module(module).main
            return command(rest)
    except signals.Stopped as stopped:
        return _fault(f"stopped by {stopped}; files that were being written are as they were before", stopped.exit_code)
    except BrokenPipeError:  # the reader of our output has gone, as in `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT
    except MissingDataError as error:
        return _fault(f"{error}; here --data DIR names it", FAULT)
    except FnnetError as error:
        return _fault(str(error), USAGE if isinstance(error, ConfigError) else FAULT)
    except OSError as error:
        return _fault(told(error), FAULT)
    except ModuleNotFoundError as error:
        if (error.name or "fnnet").partition(".")[0] in ("fnnet", "experiments"):
            raise
        cure = "in the clone: pip install '.[experiments]'"
        if Path(".venv/bin/activate").is_file():
            cure = f". .venv/bin/activate, or {cure}"
        return _fault(f"this needs {error.name}, which this Python does not have; {cure}", FAULT)


def parse(f: Callable[..., T], args: list[str], command: str) -> T:
    """Call `f` with arguments read from words, as its signature and docstring say; wrong words exit with code 2."""
    import tyro

    return tyro.cli(f, prog=f"python -m experiments {command}", args=args)


def command(*words: object) -> str:
    """A command line as the user would type it, with the interpreter that runs now where it is below this folder."""
    interpreter = Path(sys.executable)
    here = Path.cwd()
    python = str(interpreter.relative_to(here)) if interpreter.is_relative_to(here) else "python"
    return shlex.join([python, "-m", "experiments", *map(str, words)])


def console() -> "Console":
    """Where tables go: as wide as the terminal, or wide enough where there is none."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def _help() -> str:
    lines = [f"  {word:8} {what}" for word, (_, what) in COMMANDS.items()]
    return "\n".join(["usage: python -m experiments COMMAND …", "", *lines])


def _fault(message: str, code: int) -> int:
    sys.stdout.flush()
    print(f"error: {message}", file=sys.stderr)
    return code
