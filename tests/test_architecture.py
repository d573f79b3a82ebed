"""The order of the parts: who may import whom, and who may import what from outside."""

import ast
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "fnnet").rglob("*.py"))
STUBS = sorted((ROOT / "fnnet").rglob("*.pyi"))  # what packages import that do so when they are asked, see fnnet.lazy

# A part may import parts further to the left, and of its own; `layers` and `optim` do not know each other.
ORDER = [
    {"freed_memory", "renamed", "streams", "words"},
    {"errors", "lazy"},
    {"arguments", "files"},
    {"rng", "tree", "arrays", "over_batches"},
    {"recipe"},
    {"types", "runtime"},
    {"kernels", "labels", "walk", "sums", "batching"},
    {"parallel"},
    {"initializers", "losses"},
    {"layers", "optim"},
    {"summary", "checkpoint", "data", "metrics", "zoo"},
    {"training", "net_file", "generate"},
    {"testing", "estimators", "exchange", "plots"},
    {"explain", "course"},
    {"runs"},
    {"__main__"},
]
OUTSIDE = {"numpy", "attrs", "toolz", "optree"}
EXTRAS = {"fnnet.testing.strategies": {"hypothesis"}, "fnnet.estimators": {"sklearn"}}
SHELL = {"runs", "__main__"}  # the imperative shell, with the extra `runs`; the core never imports it
RUNS = {"cattrs", "matplotlib", "PIL", "rich", "threadpoolctl", "tyro"}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path, top_level: bool = False) -> set[str]:
    """Modules that a file imports, anywhere or outside functions only; what is for type checkers left out."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if top_level and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}: relative import"
                below = child.module == "fnnet"
                found.update(f"fnnet.{alias.name}" if below else child.module for alias in child.names)
            visit(child)

    visit(parsed(path))
    return found


def part_of(module: str) -> str:
    return module.split(".")[1]


def level_of(part: str) -> int:
    return next(i for i, level in enumerate(ORDER) if part in level)


def test_every_part_has_its_place():
    parts = {part_of(name_of(path)) for path in FILES if name_of(path) != "fnnet"}
    assert parts == set().union(*ORDER)


def test_imports_point_one_way():
    for path in FILES + STUBS:
        own = part_of(name_of(path) + ".")
        for module in imports(path) if own else ():
            if module.startswith("fnnet."):
                other = part_of(module)
                assert other == own or level_of(other) < level_of(own), f"{name_of(path)} imports {module}"
            assert not module.startswith(("experiments", "tests")), f"{name_of(path)} imports {module}"


def test_only_the_core_is_imported_at_the_top():
    for path in FILES:
        extras = RUNS if part_of(name_of(path) + ".") in SHELL else EXTRAS.get(name_of(path), set())
        allowed = OUTSIDE | extras | set(sys.stdlib_module_names) | {"fnnet"}
        assert {module.split(".")[0] for module in imports(path, top_level=True)} <= allowed, path


def test_only_rng_touches_numpys_random_numbers():
    touching = set()
    for path in FILES:
        if "random" in path.read_text(encoding="utf-8"):  # to unparse takes its time
            text = ast.unparse(parsed(path))
            if "np.random" in text or "numpy.random" in text or "import random" in text:
                touching.add(name_of(path))
    assert touching == {"fnnet.rng"}


def test_public_names_exist_and_are_listed_once():
    for path in FILES:
        for node in parsed(path).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names, module = ast.literal_eval(node.value), import_module(name_of(path))
                assert len(names) == len(set(names)), path
                assert not [name for name in names if not hasattr(module, name)], path


# One word, one meaning: no public name is defined twice but these, of which the contract asks for some.
TWICE = {"constant", "init", "load", "normal", "save", "zeros"}  # of a tree, and of a net whole
TWICE |= {"beside", "per_step"}  # of layers, and of losses
TWICE |= {"crop", "pad"}  # of pictures as they are read, and layers
TWICE |= {"scan", "tied"}  # of steps of training, and of a cell; a layer, and a draw of equal numbers
TWICE |= {"as_rows", "outputs"}  # of weights, and of predictions


KERNELS = [path for path in FILES if part_of(name_of(path) + ".") == "kernels"]


def test_kernels_know_arrays_and_nothing_else():
    """NumPy, the standard library, each other, and the word `Array`: their sources make a program by themselves."""
    for path in KERNELS:
        for module in imports(path):
            own = module.startswith("fnnet.kernels") or module == "fnnet.types"
            assert own or module.split(".")[0] in {"numpy", *sys.stdlib_module_names}, f"{path}: {module}"
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ImportFrom) and node.module == "fnnet.types":
                assert [alias.name for alias in node.names] == ["Array"], path


def test_no_two_kernels_share_a_name():
    """So that they can stand in one file, one after the other."""
    places: dict[str, set[str]] = {}
    for path in KERNELS:
        for node in parsed(path).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            made = [name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)]
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                made.append(node.name)
            for name in made:
                places.setdefault(name, set()).add(name_of(path))
    assert not {name: found for name, found in places.items() if len(found) > 1}


def test_no_other_public_name_is_defined_twice():
    places: dict[str, list[str]] = {}
    for path in FILES:
        if part_of(name_of(path) + ".") == "runs":
            continue  # a program on top of the library, with words of its own
        for node in parsed(path).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_":
                places.setdefault(node.name, []).append(name_of(path))
    assert not {name: found for name, found in places.items() if len(found) > 1 and name not in TWICE}


def own_length(function: ast.FunctionDef) -> int:
    """Its lines without the docstring and without the functions inside, which count for themselves."""
    apart = [node for node in ast.walk(function) if isinstance(node, ast.FunctionDef) and node is not function]
    if ast.get_docstring(function, clean=False) is not None:
        apart.append(function.body[0])
    inside = {line for node in apart for line in range(node.lineno, node.end_lineno + 1)}
    return function.end_lineno - function.lineno + 1 - len(inside)


def test_no_function_is_longer_than_forty_lines():
    for path in FILES:
        functions = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef)]
        assert not [node.name for node in functions if own_length(node) > 40], path


LEAF_LAYERS = [
    path
    for path in FILES
    if part_of(name_of(path) + ".") == "layers" and path.stem not in ("__init__", "layer") and path.stem[0] != "_"
]
MADE_OF_OTHERS = {"serial", "parallel", "residual", "frozen", "beside", "transformer", "separable_conv2d"}
MADE_OF_OTHERS |= {"glu", "noisy_dense", "mixture"}  # an activation for its gate; dense; branches and softmax
MADE_OF_OTHERS |= {"flatten", "alpha_dropout"}  # a reshape; with the constants of selu
MADE_OF_OTHERS |= {"weight_norm", "spectral_norm", "tied"}


def test_leaf_layers_do_not_know_each_other():
    for path in LEAF_LAYERS:
        known = {module.split(".")[2] for module in imports(path) if module.startswith("fnnet.layers.")}
        if path.stem not in MADE_OF_OTHERS:
            assert all(name == "layer" or name.startswith("_") for name in known), path


def fresh(code: str) -> str:
    """Run code in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return done.stdout.strip()


def test_importing_fnnet_imports_nothing_but_itself():
    loaded = fresh(
        "import fnnet, sys; print(*(m for m in sys.modules if m.split('.')[0] in {'numpy', 'fnnet', 'optree'}))"
    )
    assert loaded == "fnnet"


def test_importing_every_part_imports_no_extra():
    parts = sorted(set().union(*ORDER) - SHELL - {"estimators"})  # which are what their extra makes of a net
    code = "import sys; from importlib import import_module; before = set(sys.modules); "
    code += f"[import_module('fnnet.' + part) for part in {parts}]; "
    code += "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    loaded = set(fresh(code).split())
    extras = {"hypothesis", "pytest", "cattrs", "matplotlib", "PIL", "pooch", "rich", "sklearn", "scipy", "tyro"}
    assert not loaded & (extras | {"threadpoolctl"})


def test_importing_sets_no_global_state():
    code = (
        "import numpy as np, random, os, warnings; "
        "state = lambda: (np.geterr(), np.random.get_state()[1].tolist(), random.getstate(), dict(os.environ), "
        "warnings.filters[:]); before = state(); import fnnet; fnnet.layers, fnnet.training, fnnet.data; "
        "print(before == state())"
    )
    assert fresh(code) == "True"
