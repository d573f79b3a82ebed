"""The process of a student's file: it runs functions of the file, and hands out arrays.

Run by path, without fnnet: `python -I child.py FILE SECONDS BYTES REQUESTS ANSWERS`, the last two being descriptors.
A message is a line of JSON and the bytes of its arrays, one behind the other. Time and memory are limited by the
system; sockets, other processes, and files beside the one that is graded are refused by an audit hook. That keeps
mistakes and cheap tricks in bounds. It is no sandbox: code that means harm needs a container around it.
"""

import json
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

REFUSED = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.kill",
    "ctypes.",
    "shutil.",
)
MOST = 2000  # characters of what went wrong
ALLOWED = ("numpy", "math", "typing", "collections", "functools", "itertools", "dataclasses", "__future__")
LATER = ("fft", "linalg", "polynomial", "random")  # parts of numpy that it imports when they are first used


def send(file: BinaryIO, content: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """One message."""
    laid = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    head = {name: [array.dtype.str, list(array.shape)] for name, array in laid.items()}
    file.write(json.dumps({**content, "arrays": head}).encode() + b"\n")
    for array in laid.values():
        file.write(array.tobytes())
    file.flush()


def receive(file: BinaryIO) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The next message; EOFError where none is left."""
    line = file.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    content = json.loads(line)
    arrays = {}
    for name, (kind, shape) in content.pop("arrays").items():
        dtype = np.dtype(kind)
        raw = file.read(dtype.itemsize * int(np.prod(shape, dtype=np.int64)))
        arrays[name] = np.frombuffer(raw, dtype).reshape(shape).copy()
    return content, arrays


def main(path: str, seconds: int, most: int, requests: int, answers: int) -> None:
    """Serve until the requests end."""
    incoming, outgoing = os.fdopen(requests, "rb"), os.fdopen(answers, "wb")
    _limit(seconds, most)
    functions: dict[str, Any] = {"__name__": "student", "__file__": path}
    try:
        code = compile(Path(path).read_bytes(), path, "exec")
        for name in (*ALLOWED, *(f"numpy.{part}" for part in LATER)):
            import_module(name)  # while files can still be read
        sys.addaudithook(_refuse)
        exec(code, functions)
    except BaseException:
        send(outgoing, {"error": _told(path)}, {})
        return
    send(outgoing, {}, {})
    while True:
        try:
            request, arrays = receive(incoming)
        except EOFError:
            return
        content: dict[str, Any] = {}
        made: dict[str, np.ndarray] = {}
        try:
            vjp = _called(functions, request, arrays, made)
        except BaseException:
            content, made = {"error": _told(path)}, {}
        else:
            try:
                _pulled(vjp, arrays, made)
            except BaseException:
                content = {"vjp": _told(path)}
        send(outgoing, content, made)


def _called(
    functions: dict[str, Any], request: dict[str, Any], given: dict[str, np.ndarray], made: dict[str, np.ndarray]
) -> Any:
    """Put what the function makes of the arguments, and these as it leaves them; its vjp, or None."""
    name = request["function"]
    if name not in functions:
        raise NameError(f"the file has no function {name}")
    arguments = [given[f"argument {i}"] if value is None else value for i, value in enumerate(request["arguments"])]
    value, vjp = functions[name](*arguments), None
    if request["pair"]:
        if not isinstance(value, tuple) or len(value) != 2 or not callable(value[1]):
            raise TypeError(f"{name} returns y and vjp, a function: (y, vjp)")
        value, vjp = value
    for i, part in enumerate(value if isinstance(value, tuple) else (value,)):
        made[f"value {i}"] = _array(part, f"what {name} returns")
    made |= {f"after {i}": part for i, part in enumerate(arguments) if isinstance(part, np.ndarray)}
    return vjp


def _pulled(vjp: Any, given: dict[str, np.ndarray], made: dict[str, np.ndarray]) -> None:
    """Put what vjp makes of the cotangent, twice over."""
    if vjp is None:
        return
    dy = given["dy"]
    for turn in ("", " again"):
        gradients = vjp(dy if dy.ndim else dy[()])
        for i, gradient in enumerate(gradients if isinstance(gradients, tuple) else (gradients,)):
            made[f"gradient {i}{turn}"] = _array(gradient, f"gradient {i}")


def _array(value: Any, what: str) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{what} is {type(value).__name__}, not numbers")
    return array


def _limit(seconds: int, most: int) -> None:
    """Of this process, for good."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


_NUMPY = os.path.dirname(np.__file__) + os.sep


def _refuse(event: str, details: tuple[Any, ...]) -> None:
    """An audit hook: what no assignment needs; NumPy's own files alone are read, so no other library comes in."""
    writes = event == "open" and (
        set(str(details[1])) & set("wax+") or int(details[2] or 0) & (os.O_WRONLY | os.O_RDWR)
    )
    elsewhere = event == "open" and not str(details[0]).startswith(_NUMPY)
    if event.startswith(REFUSED) or writes or elsewhere:
        raise PermissionError(f"{event} is not allowed in an assignment")


def _told(path: str) -> str:
    """What was raised, and on which line of the file."""
    kind, error, trace = sys.exc_info()
    assert kind is not None
    lines = [frame.lineno for frame in traceback.extract_tb(trace) if frame.filename == path]
    where = f"line {lines[-1]}: " if lines else f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
    return f"{where}{kind.__name__}: {error}"[:MOST]


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:6]))
