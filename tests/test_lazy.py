"""Packages that import what they name on first use are, to everybody else, as if they had imported it all."""

import ast
import copy
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import cloudpickle
import pytest

import fnnet
from fnnet import layers, optim, rng

ROOT = Path(__file__).parents[1]


def stub_of(path):
    """Name -> module, as type checkers read it."""
    lines = ast.parse(path.read_text(encoding="utf-8")).body
    assert all(isinstance(line, ast.ImportFrom) for line in lines)
    assert all(name.asname == name.name for line in lines for name in line.names)  # what a stub hands on, PEP 484
    return {name.name: line.module for line in lines for name in line.names}


STUBS = {
    ".".join(path.parent.relative_to(ROOT).parts): stub_of(path) for path in sorted((ROOT / "fnnet").rglob("*.pyi"))
}
UNLISTED = {"fnnet.losses": {"Loss", "LossPullback", "LossValue"}}  # for annotations only
# Names that are both a file's and that of something in it: over these an import of the file must not win.
SHARED = [
    (package, name)
    for package, names in STUBS.items()
    for name, module in names.items()
    if module == f"{package}.{name}"
]


def test_there_are_such_packages():
    doors = [path for path in (ROOT / "fnnet").rglob("__init__.py") if "lazily(" in path.read_text(encoding="utf-8")]
    assert {".".join(path.parent.relative_to(ROOT).parts) for path in doors} == STUBS.keys()
    assert STUBS.keys() >= {"fnnet.layers", "fnnet.optim", "fnnet.losses", "fnnet.training"}
    assert len(SHARED) > 100


@pytest.mark.parametrize("package", STUBS)
def test_stub_list_and_table_agree(package):
    """The stub's imports are the names of `__all__`, and asking the package gives the very objects."""
    module, names = import_module(package), STUBS[package]
    assert names.keys() - UNLISTED.get(package, set()) == set(module.__all__)
    assert set(module.__all__) <= set(dir(module))
    assert dir(module) == sorted(set(dir(module)))
    for name, place in names.items():
        home = import_module(place)
        assert getattr(module, name) is getattr(home, name), name
        assert getattr(module, name) is (home.schedules if name == "schedules" else vars(home)[name])
    scope = {}
    exec(f"from {package} import *", scope)
    assert {name: scope[name] for name in module.__all__} == {name: getattr(module, name) for name in module.__all__}


@pytest.mark.parametrize("package", STUBS)
def test_what_is_not_there_is_missing(package):
    module = import_module(package)
    for name in ("no_such_name", "__no_such__", "_no_such", "no.such", "", "os"):
        with pytest.raises(AttributeError, match=rf"^module '{package}' has no attribute '{name}'$"):
            getattr(module, name)
        assert not hasattr(module, name)
    with pytest.raises(ImportError, match="cannot import name 'no_such_name'"):
        exec(f"from {package} import no_such_name")


def fresh(code, *args):
    """What code prints in an interpreter of its own."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *args], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


ORDERS = """
import sys
from importlib import import_module, reload

def file_first(package, name):
    import_module(f"{package}.{name}")
    return getattr(import_module(package), name)

def file_as(package, name):
    exec(f"import {package}.{name} as found", scope := {})
    return scope["found"]

def from_file(package, name):
    exec(f"from {package}.{name} import {name}; import {package}", scope := {})
    return eval(f"{package}.{name}", scope)

def name_first(package, name):
    found = getattr(import_module(package), name)
    import_module(f"{package}.{name}")
    assert getattr(import_module(package), name) is found
    return found

def reloaded(package, name):
    file_first(package, name)
    return getattr(reload(sys.modules[package]), name)

def file_reloaded(package, name):
    before = file_first(package, name)
    file = reload(sys.modules[f"{package}.{name}"])
    assert getattr(import_module(package), name) is before  # as of every package: who took a name keeps what it was
    vars(file)[name] = before
    return before

shared = [word.split(":") for word in sys.argv[1:]]
for order in file_first, file_as, from_file, name_first, reloaded, file_reloaded:
    for loaded in [name for name in sys.modules if name.split(".")[0] == "fnnet"]:
        del sys.modules[loaded]  # everything is imported anew, in this order
    shared.reverse()  # so that files come before those that they import, and behind them
    for package, name in shared:
        assert order(package, name) is vars(sys.modules[f"{package}.{name}"])[name], (order, package, name)
"""


def test_a_name_means_the_object_in_whatever_order_it_is_imported():
    """Not the file that is called like it, which Python would set in its place."""
    assert fresh(ORDERS, *(f"{package}:{name}" for package, name in SHARED)) == []


THREADS = """
import sys, threading
from importlib import import_module
import fnnet.layers, fnnet.optim, fnnet.training
found, wait = [], threading.Barrier(8)
def look(i):
    wait.wait()
    for package in (fnnet.layers, fnnet.optim, fnnet.training):
        names = package.__all__
        found.append([getattr(package, name) for name in names[i * 9 :] + names[: i * 9]])
threads = [threading.Thread(target=look, args=(i,)) for i in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(found) == 24
values = {id(value) for values in found for value in values}
assert len(values) == sum(len(p.__all__) for p in (fnnet.layers, fnnet.optim, fnnet.training))
"""


def test_threads_that_ask_for_the_same_names_at_once_get_the_same_objects():
    assert fresh(THREADS) == []


def test_modules_and_factories_are_pickled_and_copied():
    for value in (layers, optim, layers.dense, optim.adam, layers.dense(3)):
        for again in (pickle.loads(pickle.dumps(value)), cloudpickle.loads(cloudpickle.dumps(value))):
            assert again == value
        assert copy.copy(value) is value
        assert copy.deepcopy(value) is value

    def make():
        return layers.dense(3)  # a global that cloudpickle takes along

    assert cloudpickle.loads(cloudpickle.dumps(make))() == make()


def test_files_can_be_reached_through_the_package():
    """Also those with names of their own; private ones are for those who import them."""
    assert isinstance(layers.activations, ModuleType)
    assert isinstance(optim.schedules, ModuleType)
    assert optim.engine.Part is import_module("fnnet.optim.engine").Part


def test_whoever_sets_a_name_has_it(monkeypatch):
    monkeypatch.setattr(layers, "dense", len)
    assert layers.dense is len
    monkeypatch.undo()
    assert layers.dense(3).name == "dense"


def test_doors_cost_nothing():
    """Neither NumPy nor a layer is imported before one is asked for, and then little else."""
    doors = (
        "import sys, fnnet.layers, fnnet.optim, fnnet.losses, fnnet.training, fnnet.metrics, fnnet.data, fnnet.zoo\n"
    )
    names = "print(*(name for name in sys.modules if name.split('.')[0] in ('fnnet', 'numpy', 'optree', 'attr')))"
    packages = {"layers", "optim", "losses", "training", "metrics", "data", "zoo"}
    assert set(fresh(doors + names)) == {
        "fnnet",
        "fnnet.lazy",
        "fnnet.renamed",
        *(f"fnnet.{name}" for name in packages),
    }
    loaded = fresh(f"{doors}fnnet.layers.dense(3)\n{names}")
    files = {name for name in loaded if name.startswith("fnnet.layers.") and "._" not in name}
    assert files == {"fnnet.layers.dense", "fnnet.layers.layer"}
    assert not [name for name in loaded if name.startswith(("fnnet.optim.", "fnnet.losses.", "fnnet.kernels.conv"))]


def test_a_file_of_a_net_is_read_where_nothing_is_imported_yet(tmp_path):
    """Every factory is found by its word; those of other layers are not even looked at, nor is any name imported."""
    net = layers.serial(layers.conv2d(2, 3), layers.gelu(), layers.softmin(), layers.flatten(), layers.dense(2))
    path = tmp_path / "net.safetensors"
    fnnet.save(path, net, net.init(rng.key(0), (1, 5, 5)), (1, 5, 5))
    code = (
        "import sys, fnnet; net, params, shape = fnnet.load(sys.argv[1]); print(repr(net).replace(' ', ''))\n"
        "print(*(name for name in sys.modules if name.startswith('fnnet.layers.')))"
    )
    text, *loaded = fresh(code, str(path))
    assert text == repr(net).replace(" ", "")
    assert {f"fnnet.layers.{name}" for name in ("conv2d", "activations", "softmax", "flatten", "dense")} <= set(loaded)
    assert not {"fnnet.layers.lstm", "fnnet.layers.attention", "fnnet.layers.conv3d"} & set(loaded)
    evil = (
        "import sys, fnnet; from fnnet import recipe\n"
        "for word in ('this', 'layers.dense', '.dense', 'dense.', 'fnnet.runs', 'optim.engine', '_norm'):\n"
        "    try: recipe.from_json({word: {}})\n"
        "    except fnnet.errors.FormatError: continue\n"
        "    raise SystemExit(word)\n"
        "print(*sys.modules)"
    )
    assert not {"this", "fnnet.layers.dense", "fnnet.runs", "fnnet.layers._norm"} & set(fresh(evil))


def test_every_word_is_found_where_nothing_is_imported_yet():
    """In an order that no import has prepared, and each told its own word."""
    code = (
        "from importlib import import_module\nfrom fnnet.recipe import names\n"
        "words = [part + name for part, module in names.PARTS.items() for name in import_module(module).__all__]\n"
        "found = [(word, names.function_of(word)) for word in reversed(words)]\n"
        "assert all(names.word_of(function) == word for word, function in found if function)\n"
        "print(sum(function is not None for _, function in found))"
    )
    assert int(fresh(code)[0]) > 200
