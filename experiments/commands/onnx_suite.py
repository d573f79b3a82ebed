"""`onnx-suite`: how much of ONNX's own test suite `from_onnx` reads, and whether what it reads computes and trains."""

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import tyro

from fnnet import losses, optim, rng, training, tree
from fnnet.arrays import Arrays, plain_shape, shape_of
from fnnet.errors import FnnetError, FormatError
from fnnet.exchange import from_onnx
from fnnet.exchange.onnx.operators import JOINS, READINGS
from fnnet.exchange.onnx.protocol import library
from fnnet.exchange.onnx.reading import Read
from fnnet.runs import cli, markdown
from fnnet.runs.files import write
from fnnet.types import Array

PASSED, FAILED, NO_LAYER = "passed", "failed", "not expressible"
RTOL, ATOL = 1e-3, 1e-5


class Case(NamedTuple):
    """One test: models with what goes in, one of which has to be read, and what has to come out first.

    Inputs behind the first are constants, weights say, and, in another model, inputs of the net as well.
    """

    group: str
    operator: str
    name: str
    models: list[tuple[Any, Arrays]]
    y: Array


def main(args: list[str]) -> int:
    """Run the suite and print a table; the exit code is 1 if anything that is read computes something else."""
    return cli.parse(suite, args, "python -m experiments onnx-suite")


def suite(
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    nets: Annotated[bool, tyro.conf.arg(help="also the whole nets, which take a minute and some GB")] = True,
) -> int:
    """Read the tests that come with the package `onnx` by `from_onnx`, and compare what comes out.

    The node cases of every operator that fnnet has, the vectors that PyTorch made, and whole nets, each of which also
    makes one step of training whose gradient is compared with finite differences.

    Args:
        out: a Markdown file to write the tables into.
        nets: whole nets too.
    """
    counts: dict[str, Counter[str]] = {}
    faults: list[str] = []
    why: Counter[str] = Counter()
    for case in (*node_cases(), *stored_cases()):
        verdict, told = judge(case)
        counts.setdefault(f"{case.group} · {case.operator}", Counter())[verdict] += 1
        if verdict == FAILED:
            faults.append(f"{case.name}: {told}")
        if verdict == NO_LAYER:
            why[reason(told)] += 1
    rows = [
        [name, *(found[verdict] for verdict in (PASSED, FAILED, NO_LAYER))] for name, found in sorted(counts.items())
    ]
    total = ["**all**", *(sum(found[verdict] for found in counts.values()) for verdict in (PASSED, FAILED, NO_LAYER))]
    tables = [markdown.table(["operator", PASSED, FAILED, NO_LAYER], [*rows, total], " rrr")]
    tables.append(markdown.table(["what no layer says", "cases"], why.most_common(), " r"))
    if nets:
        lines = [list(net_row(path)) for path in sorted(_data().glob("light/*.onnx"))]
        faults += [f"{line[0]}: {line[-2]}; {line[-1]}" for line in lines if FAILED in f"{line[-2]} {line[-1]}"]
        heads = ["whole net", "read", "parameters", "output", "gradient of a step"]
        tables.append(markdown.table(heads, lines, "  r"))
    text = "\n\n".join(tables) + "\n"
    print(text)
    for fault in faults:
        print(f"failed: {fault}")
    if out is not None:
        made = f"Made by `python -m experiments onnx-suite` with onnx {library().__version__}."
        write(out, f"# ONNX's own tests, read by fnnet\n\n{made}\n\n{text}")
    return 1 if faults else 0


def reason(told: str) -> str:
    """What stands in the way, in short: an attribute, or an operator that no layer is.

    >>> reason("Conv 'n4': group: expected 1, got 4"), reason("LRN 'n2': expected one of Add, got LRN")
    ('Conv: group', 'LRN')
    """
    operator, _, rest = told.partition(" ")
    attribute = re.match(r"'?[^']*'?: ([\w ]+): expected", rest)
    return f"{operator}: {attribute[1]}" if attribute else operator.rstrip(":")


def judge(case: Case) -> tuple[str, str]:
    """Whether a case is read and computes what it should."""
    told = ""
    for model, x in case.models:
        try:
            read = from_onnx(model)
            y, _ = read.net.apply(read.params, x)
            break
        except FormatError as error:
            told = told or str(error)
        except FnnetError as error:
            return FAILED, str(error)
    else:
        return NO_LAYER, told
    if not isinstance(y, np.ndarray) or y.shape != case.y.shape or not np.allclose(y, case.y, rtol=RTOL, atol=ATOL):
        return FAILED, f"{shape_of(y)} and {case.y.shape[1:]}, or other numbers"
    return PASSED, ""


def node_cases() -> Iterator[Case]:
    """The suite's cases of one node, of the operators that fnnet has, float32."""
    library()
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found: list[Any] = list(collect_testcases(None))
    for one in found:
        nodes = one.model.graph.node
        if len(nodes) != 1 or nodes[0].op_type not in {*READINGS, *JOINS} - {"Identity"} or nodes[0].domain:
            continue
        inputs, outputs = one.data_sets[0]
        if all(isinstance(value, np.ndarray) for value in (*inputs, *outputs)):
            yield from _case("node", nodes[0].op_type, one.name, one.model, inputs, outputs)


def stored_cases() -> Iterator[Case]:
    """The suite's models that lie on the disk with their inputs and outputs, which PyTorch has made."""
    onnx = library()
    for group in ("pytorch-converted", "pytorch-operator"):
        for folder in sorted((_data() / group).iterdir()):
            model = onnx.load(folder / "model.onnx")
            data = folder / "test_data_set_0"
            inputs, outputs = (
                [_stored(path) for path in sorted(data.glob(f"{what}_*.pb"))] for what in ("input", "output")
            )
            kinds = [node.op_type for node in model.graph.node if node.op_type not in ("Constant", "Identity")]
            yield from _case(group, kinds[-1] if kinds else "Identity", folder.name, model, inputs, outputs)


def _case(
    group: str, operator: str, name: str, model: Any, inputs: list[Array], outputs: list[Array]
) -> Iterator[Case]:
    """A case of it, if its first input is of float32 and a batch."""
    onnx = library()
    if not inputs or inputs[0].dtype != np.float32 or inputs[0].ndim == 0 or not outputs:
        return
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    graph = fixed.graph
    held = {item.name for item in graph.initializer}
    names = [item.name for item in graph.input if item.name not in held]
    for own, value in zip(names[1:], inputs[1:], strict=False):
        graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), own))
    del graph.output[1:]
    models: list[tuple[Any, Arrays]] = [(fixed, inputs[0])]
    if len(inputs) > 1 and all(value.ndim and len(value) == len(inputs[0]) for value in inputs):
        free = onnx.ModelProto()
        free.CopyFrom(model)
        del free.graph.output[1:]
        models.append((free, tuple(inputs)))
    yield Case(group, operator, name, models, outputs[0])


def net_row(path: Path) -> Iterator[object]:
    """A whole net: whether it is read, computes what onnxruntime computes, and has a right gradient.

    The weights in these files are one number each, so that all logits are equal but for rounding, and large: what is
    compared is what stands in front of a softmax, and the gradient is taken with weights that are drawn.
    """
    yield path.stem.removeprefix("light_")
    model = library().load(path)
    last = model.graph.node[-1]
    if last.op_type == "Softmax":
        model.graph.output[0].name = last.input[0]
        del model.graph.node[-1]
    try:
        read = from_onnx(model)
    except FormatError as error:
        yield from (f"no: {reason(str(error))}", "–", "–", "–")
        return
    yield "yes"
    yield f"{sum(tree.array(leaf).size for leaf in tree.leaves(read.params)):,}"
    x = rng.normal(rng.key(0), (1, *plain_shape(read.shape)))
    yield _as_onnxruntime(model, read, x)
    yield _gradient(read, x)


def _as_onnxruntime(model: Any, read: Read, x: Array) -> str:
    try:
        import onnxruntime
    except ModuleNotFoundError:
        return "onnxruntime is not installed"
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (want,) = session.run(None, {session.get_inputs()[0].name: x})
    y, _ = read.net.apply(read.params, x)
    far = float(np.abs(y - want).max() / np.abs(want).max())
    return f"{PASSED if y.shape == want.shape and far < RTOL else FAILED}, {far:.0e} apart"


def _gradient(read: Read, x: Array) -> str:
    """The slope along a step of descent on Σ w y, by the gradient and by differences, in float64."""
    params = tree.cast(read.net.init(rng.key(2), read.shape), np.float64)
    x = x.astype(np.float64)
    weight = rng.normal(rng.key(1), (1, *read.net.shape(read.shape)), np.float64)

    def loss(prediction: Array, target: Array) -> losses.LossValue:
        return float((prediction * target).sum()), lambda dv: dv * target

    _, grads, _ = training.value_and_grad(read.net, loss)(params, x, weight)
    optimizer = optim.sgd(1.0)
    updates, _ = optimizer.update(grads, optimizer.init(params), params)
    slope = sum(float((g * u).sum()) for g, u in zip(_arrays(grads), _arrays(updates), strict=True))
    step = 1e-7 / max(float(np.abs(u).max()) for u in _arrays(updates))

    def at(t: float) -> float:
        moved = optim.apply_updates(params, tree.map(lambda u: t * u, updates))
        return loss(read.net.apply(moved, x)[0], weight)[0]

    by_differences = (at(step) - at(-step)) / (2 * step)
    far = abs(slope - by_differences) / abs(slope)
    return f"{PASSED if far < 1e-3 else FAILED}, {far:.0e} apart"


def _arrays(params: Any) -> list[Array]:
    return [leaf for leaf in tree.leaves(params) if isinstance(leaf, np.ndarray)]


def _stored(path: Path) -> Array:
    onnx = library()
    proto = onnx.TensorProto()
    proto.ParseFromString(path.read_bytes())
    return np.asarray(onnx.numpy_helper.to_array(proto))


def _data() -> Path:
    """Where the package keeps its tests."""
    onnx = library()
    return Path(onnx.__file__).parent / "backend" / "test" / "data"
