"""`check`: the laws of layers, held against a layer in somebody's own file."""

import importlib
import importlib.util
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Annotated

import tyro

import fnnet
from fnnet import rng, testing
from fnnet.arguments import is_function
from fnnet.errors import ConfigError, FnnetError, expected
from fnnet.runs import cli
from fnnet.types import Layer


def main(args: list[str]) -> int:
    """Print how a layer fares with every law; the exit code is 1 if one is broken."""
    return cli.parse(check, args, "fnnet check")


def check(
    layer: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODULE:FACTORY")],
    shape: tuple[int, ...] = (4,),
    batch: int = 3,
    seed: int = 0,
    smooth: bool = False,
    piecewise_linear: bool = False,
    batch_dependent: bool = False,
) -> int:
    """Compare a layer's hand-written derivative with numerical ones, and hold the layer to the other laws.

    This runs the code of the file it is given.

    Args:
        layer: where the layer is: a file or module, a colon, and the name of a layer or of a function without
            arguments that returns one, such as my_layers.py:scale.
        shape: of one example, without the batch axis, such as 3 8 8.
        batch: examples in a batch.
        seed: of everything drawn.
        smooth: it is differentiable everywhere and runs on complex arrays: check to 1e-13.
        piecewise_linear: it is linear in pieces and runs on fractions: check with equality.
        batch_dependent: in training an example's output depends on the others, as in batch norm.
    """
    with of_users(layer):
        report = testing.check_layer(
            load(layer),
            shape,
            key=rng.key(seed),
            batch=batch,
            smooth=smooth,
            piecewise_linear=piecewise_linear,
            batch_dependent=batch_dependent,
        )
    print(report)
    return 0 if report else cli.FAULT


def load(where: str) -> Layer:
    """The layer that `MODULE:FACTORY` names.

    Raises:
        ConfigError: there is no such file, module or name, or no layer comes of it.
    """
    module, colon, name = where.rpartition(":")
    if not colon or not module or not name:
        raise ConfigError(expected("layer", "MODULE:FACTORY such as my_layers.py:scale", repr(where)))
    found = _module(module)
    if not hasattr(found, name):
        names = [word for word, value in vars(found).items() if is_function(value) and not word.startswith("_")]
        raise ConfigError(expected(module, f"a layer or factory {name!r}", f"only {', '.join(names) or 'nothing'}"))
    value = getattr(found, name)
    if isinstance(value, Layer):
        return value
    if not is_function(value):
        raise ConfigError(expected(where, "a layer, or a function that returns one", type(value).__name__))
    try:
        inspect.signature(value).bind()
    except TypeError as error:
        fix = f"name a function of your own: def mine(): return {name}(…)"
        raise ConfigError(
            expected(where, "a function without arguments", f"one that needs some ({error})", fix)
        ) from None
    layer = value()
    if not isinstance(layer, Layer):
        fix = "return what fnnet.layers.layer(init, apply) makes"
        raise ConfigError(expected(f"{where}()", "a Layer", type(layer).__name__, fix))
    return layer


@contextmanager
def of_users(layer: str) -> Iterator[None]:
    """Within, a user's own layer is loaded and run: its file finds its neighbours, and its faults are told in a line.

    Raises:
        ConfigError: in place of whatever goes wrong in the user's code.
    """
    with _faults_of_users(), _importing_from(layer):
        yield


@contextmanager
def _faults_of_users() -> Iterator[None]:
    """Within, what goes wrong for want of another --shape, or in a user's own code, becomes a line that says where.

    Raises:
        ConfigError: in place of that.
    """
    try:
        yield
    except (ConfigError, ModuleNotFoundError):
        raise
    except FnnetError as error:
        raise ConfigError(f"{error}; --shape and --batch say on what the layer is checked") from None
    except SyntaxError as error:
        raise ConfigError(f"{error.filename}, line {error.lineno}: {error.msg}") from None
    except Exception as error:
        frame = next((one for one in reversed(traceback.extract_tb(error.__traceback__)) if _users(one.filename)), None)
        if frame is None:
            raise
        said = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{frame.filename}, line {frame.lineno}, in {frame.name}: {said}\n  {frame.line}") from None


def _users(file: str) -> bool:
    """Whether a file of Python code is neither ours nor of an installed package."""
    packages = (Path(module.__file__ or "").parent for module in (fnnet,))
    theirs = (*packages, Path(sysconfig.get_path("stdlib")), Path(sys.prefix))
    path = Path(file)
    return path.is_file() and not any(path.is_relative_to(folder) for folder in theirs)


@contextmanager
def _importing_from(where: str) -> Iterator[None]:
    """Within, a file finds what lies beside it, and a module what lies here: after all that Python has itself.

    So a layer file may import its neighbour, and one called typing.py is in nobody's way.
    """
    module = Path(where.rpartition(":")[0])
    folder = str(module.parent.absolute()) if module.suffix == ".py" else ""
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _module(name: str) -> ModuleType:
    path = Path(name)
    if path.suffix != ".py":
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise ConfigError(expected("layer", "a module or a .py file", repr(name))) from None
    if not path.is_file():
        raise ConfigError(expected("layer", "an existing file", repr(name)))
    taken = path.stem in sys.stdlib_module_names or path.stem in sys.modules
    spec = importlib.util.spec_from_file_location(f"checked {path.stem}" if taken else path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
