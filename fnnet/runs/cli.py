"""The command line `fnnet`: which module does what, and how faults are told."""

import difflib
import importlib
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from fnnet import streams
from fnnet.errors import ConfigError, FnnetError, MissingDataError
from fnnet.runs import signals
from fnnet.runs.files import told

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")

Commands: TypeAlias = Mapping[str, tuple[str, str]]  # word -> module with `main(args) -> exit code`, what it does

# Modules are imported when they are used.
COMMANDS: Commands = {
    "list": ("fnnet.runs.commands.list", "name what can be trained"),
    "train": (
        "fnnet.runs.commands.train",
        "train and leave a run folder: train NAME [options]; train NAME --help",
    ),
    "predict": ("fnnet.runs.commands.predict", "ask a trained net: predict RUN PICTURE…, or numbers, or text"),
    "show": ("fnnet.runs.commands.show", "a run as it stands, and its net layer by layer: show RUN"),
    "report": ("fnnet.runs.commands.report", "write a run's report again: report RUN; all runs side by side: report"),
    "replay": ("fnnet.runs.commands.replay", "run again and compare to the byte: replay RUN"),
    "diff": ("fnnet.runs.commands.diff", "compare two runs to the byte: diff RUN RUN"),
    "trace": ("fnnet.runs.commands.trace", "look into one step, layer by layer: trace RUN --step N"),
    "check": ("fnnet.runs.commands.check", "prove a layer of your own: check FILE.py:FACTORY --shape 3 8 8"),
    "explain": (
        "fnnet.runs.commands.explain",
        "a layer's derivative step by step, in numbers: explain conv2d --shape 1 4 4",
    ),
    "course": ("fnnet.runs.commands.course", "eight assignments with blanks: course new DIR, --language zh"),
    "grade": ("fnnet.runs.commands.grade", "judge a student's file by laws: grade FILE"),
    "describe": ("fnnet.runs.commands.describe", "what net a file holds: describe FILE"),
    "export": (
        "fnnet.runs.commands.export",
        "a net as others read it: export FILE --to onnx --out PATH, or python, torch",
    ),
    "import": ("fnnet.runs.commands.import_", "an ONNX model as a net: import MODEL.onnx --out FILE"),
    "scaling": ("fnnet.runs.commands.scaling", "what more workers would bring: scaling NET --batch 64 --network 10GbE"),
    "doctor": ("fnnet.runs.commands.doctor", "say what this machine repeats to the byte, and how fast it is"),
}

USAGE, FAULT = 2, 1  # exit codes: the command line was wrong; something else was


def main(args: list[str] | None = None) -> int:
    """`fnnet`: see `run`."""
    return run(COMMANDS, "fnnet", sys.argv[1:] if args is None else args)


def run(commands: Commands, program: str, args: list[str]) -> int:
    """Run the command that the words after the program's name ask for, and return its exit code.

    Faults that a user can cause or cure are told in one line on standard error, without a traceback.
    """
    with streams.usable():
        return _run(commands, program, args)


def _run(commands: Commands, program: str, args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help", "help"):
        print(_help(commands, program))
        return 0 if args else USAGE
    word, *rest = args
    if word not in commands:
        return _fault(f"unknown command {word!r}{_hint(word, commands, program)}", USAGE)
    module, _ = commands[word]
    try:
        with signals.raised():
            command: Callable[[list[str]], int] = importlib.import_module(module).main
            code = command(rest)
            sys.stdout.flush()
            return code
    except signals.Stopped as stopped:
        return _fault(f"stopped by {stopped}; files that were being written are as they were before", stopped.exit_code)
    except BrokenPipeError:  # the reader of our output has gone, as in `… | head`
        streams.forget(sys.stdout)
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
        cure = "pip install 'fnnet[runs]', in a clone '.[experiments]'"
        if Path(".venv/bin/activate").is_file():
            cure = f". .venv/bin/activate, or {cure}"
        return _fault(f"this needs {error.name}, which this Python does not have; {cure}", FAULT)


def parse(f: Callable[..., T], args: list[str], command: str) -> T:
    """Call `f` with arguments read from words, as its signature and docstring say; wrong words exit with code 2.

    Args:
        f: what is asked for.
        args: the words behind the command.
        command: program and command, for the help.
    """
    import tyro

    return tyro.cli(f, prog=command, args=args)


def command(*words: object, package: str = "fnnet") -> str:
    """A command line as the user would type it, with the interpreter that runs now where it is below this folder.

    Args:
        words: the command and what follows it.
        package: whose command it is.
    """
    if package == "fnnet" and Path(sys.argv[0]).name == "fnnet":
        return shlex.join(["fnnet", *map(str, words)])
    interpreter = Path(sys.executable)
    here = Path.cwd()
    python = str(interpreter.relative_to(here)) if interpreter.is_relative_to(here) else "python"
    return shlex.join([python, "-m", package, *map(str, words)])


def console() -> "Console":
    """Where tables go: as wide as the terminal, or wide enough where there is none. Words are taken as they are."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 160)


def _help(commands: Commands, program: str) -> str:
    lines = [f"  {word:8} {what}" for word, (_, what) in commands.items()]
    return "\n".join([f"usage: {program} COMMAND …", "", *lines])


def _hint(word: str, commands: Commands, program: str) -> str:
    """What an unknown word may have meant."""
    if word in COMMANDS and commands is not COMMANDS:
        return f"; it is a command of fnnet: {command(word, '…')}"
    close = difflib.get_close_matches(word, commands, n=1)
    return f"; did you mean {close[0]}?" if close else f"\n{_help(commands, program)}"


def _fault(message: str, code: int) -> int:
    sys.stdout.flush()
    print(f"error: {message}", file=sys.stderr)
    return code
