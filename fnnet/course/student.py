"""A student's file from outside: imports read without running it, functions called in a process of their own."""

import ast
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from fnnet.course import child
from fnnet.course.child import ALLOWED
from fnnet.errors import DataError, FnnetError, expected
from fnnet.types import Array

SECONDS, BYTES = 20, 2 * 2**30  # of processor time and of memory, for a file
PATIENCE = 10.0  # seconds that a call may take
BEGINNING = 10.0  # seconds until the file is loaded
LONGEST = 2**25  # bytes of an answer


class Outcome(NamedTuple):
    """What a student's function made of its arguments.

    Args:
        values: what it returned.
        gradients, again: what vjp returned, and when it was called a second time.
        after: the arguments as they were left; None for plain numbers.
        raised: what vjp raised, in words; empty if nothing.
    """

    values: list[Array]
    gradients: list[Array]
    again: list[Array]
    after: list[Array | None]
    raised: str = ""


class StudentError(FnnetError):
    """A student's function raised, ended its process, or took too long."""


class EndedError(StudentError):
    """The process is gone, so that asking again is of no use."""


def check_imports(path: Path) -> list[str]:
    """What the file does that no assignment needs, in words: other imports than `ALLOWED`, and ways around.

    Raises:
        DataError: it cannot be read, or is no Python; the message has the line.
    """
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(expected(str(path), "a Python file", f"{type(error).__name__}: {error}")) from None
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or "."] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found += [f"line {node.lineno}: imports {name}" for name in names if name.partition(".")[0] not in ALLOWED]
        if isinstance(node, ast.Name) and node.id in ("__import__", "eval", "exec", "compile", "open", "__builtins__"):
            found.append(f"line {node.lineno}: uses {node.id}")
    return found


class Student:
    """A running file.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, function: str, arguments: Sequence[Any], dy: Array | None = None) -> Outcome:
        """Call a function of the file, and its vjp.

        Args:
            function: its name.
            arguments: arrays and plain numbers.
            dy: the cotangent; None of a function that returns no vjp.

        Raises:
            StudentError: whatever went wrong in the file before there was a vjp to call.
        """
        if self._process is None:
            self._start()
        given = {f"argument {i}": part for i, part in enumerate(arguments) if isinstance(part, np.ndarray)}
        plain = [None if isinstance(part, np.ndarray) else part for part in arguments]
        request = {"function": function, "arguments": plain, "pair": dy is not None}
        with suppress(OSError):  # its process has ended: the answer says so
            child.send(self._requests, request, given if dy is None else {**given, "dy": dy})
        told, made = self._answer(PATIENCE)

        def of(prefix: str, suffix: str = "") -> list[Array]:
            found: list[Array] = []
            while f"{prefix} {len(found)}{suffix}" in made:
                found.append(made[f"{prefix} {len(found)}{suffix}"])
            return found

        after = [made.get(f"after {i}") for i in range(len(arguments))]
        return Outcome(of("value"), of("gradient"), of("gradient", " again"), after, _line(told.get("vjp", "")))

    def _start(self) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        words = [sys.executable, "-I", child.__file__, str(self.path), SECONDS, BYTES, theirs_in, theirs_out]
        self._folder = tempfile.TemporaryDirectory(prefix="fnnet-grade-")
        self._process = subprocess.Popen(
            [str(word) for word in words],
            pass_fds=(theirs_in, theirs_out),
            cwd=self._folder.name,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._requests, self._answers = os.fdopen(ours_out, "wb"), os.fdopen(ours_in, "rb", buffering=0)
        self._answer(BEGINNING)

    def _answer(self, patience: float) -> tuple[dict[str, Any], dict[str, Array]]:
        """The next answer, and its arrays."""
        assert self._process is not None
        try:
            content, arrays = child.receive(_Patient(self._answers, patience))  # type: ignore[arg-type]
        except TimeoutError:
            self.close()
            raise EndedError(f"it took longer than {patience:g} seconds, and was ended") from None
        except OverflowError:
            self.close()
            raise EndedError(f"it returned more than {LONGEST // 2**20} MiB, and was ended") from None
        except (EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            with suppress(subprocess.TimeoutExpired):  # one that goes on is ended below
                self._process.wait(1)
            code = self._process.returncode
            self.close()
            why = "out of time" if code in (-24, -9) else "no answer" if code is None else f"exit code {code}"
            raise EndedError(f"its process ended in the middle of the call ({why})") from None
        if "error" in content:
            raise StudentError(_line(content["error"]))
        return content, arrays

    def close(self) -> None:
        """End the process; the next call starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for file in (self._requests, self._answers):
                with suppress(OSError):  # what was left to write has no reader
                    file.close()
            self._folder.cleanup()
            self._process = None


def _line(told: object) -> str:
    """What a file said, as one line, which no line of a report looks like."""
    return " ".join(str(told).split())[: child.MOST]


class _Patient:
    """A pipe that is waited for so long and no longer, and read so far and no further."""

    def __init__(self, file: Any, patience: float) -> None:
        self.file = file
        self.until = monotonic() + patience
        self.kept = bytearray()  # all that came
        self.at = 0  # what of it was read

    def _more(self) -> None:
        with selectors.DefaultSelector() as wait:
            wait.register(self.file, selectors.EVENT_READ)
            if not wait.select(max(0.0, self.until - monotonic())):
                raise TimeoutError
        found: bytes = self.file.read(2**16)
        if not found:
            raise EOFError
        self.kept += found
        if len(self.kept) > LONGEST:
            raise OverflowError

    def readline(self) -> bytes:
        end = -1
        while end < 0:
            searched = len(self.kept)
            self._more()
            end = self.kept.find(b"\n", searched)
        return self.read(end + 1)

    def read(self, size: int) -> bytes:
        if size > LONGEST:
            raise OverflowError
        while len(self.kept) < self.at + size:
            self._more()
        self.at += size
        return bytes(self.kept[self.at - size : self.at])


@contextmanager
def at_work(path: Path) -> Iterator[Student]:
    """A student's file, whose process is ended at the end."""
    student = Student(path)
    try:
        yield student
    finally:
        student.close()
