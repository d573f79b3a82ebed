"""`explain`: what a layer computes on a small case, where each number comes from, and that its derivative is right."""

import inspect
from collections.abc import Iterator, Mapping
from textwrap import dedent
from typing import Any

import attrs
import numpy as np

from fnnet import rng, tree
from fnnet.arrays import Shapes, example_shape, flat, is_discrete, places
from fnnet.errors import ConfigError, expected
from fnnet.explain import text
from fnnet.explain.of_losses import of_loss
from fnnet.recipe import recipe_of
from fnnet.testing.case import (
    Case,
    Claims,
    Results,
    as_one,
    by_place,
    direction,
    draw_whole,
    floats,
    named_leaves,
    replaced,
    sealed,
    trained_leaves,
)
from fnnet.types import Array, Layer, check_net

MOST = 4096  # entries of a Jacobian that is looked into
SAME = 1e-9  # differences below it are of rounding
STEP = 1e-6  # of the differences that a derivative is shown beside


@attrs.frozen(eq=False)
class Step:
    """One step of a derivation.

    Args:
        prose: what is done and why, in Markdown.
        code: the same in NumPy, as it was run.
        made: the arrays that the code named, by name.
    """

    prose: str
    code: str
    made: Mapping[str, Array]


@attrs.frozen(eq=False)
class Reads:
    """What one element of y reads of x.

    Args:
        index: of the element of y.
        slopes: its derivative by every element of x, in x's shape.
    """

    index: tuple[int, ...]
    slopes: Array


@attrs.frozen
class Slope:
    """The derivative along a random direction, found in two ways.

    Args:
        by: what is moved, such as "x" or "params.weight".
        pulled: ⟨vjp(dy), u⟩.
        differences: (⟨f(· + hu), dy⟩ - ⟨f(· - hu), dy⟩) / 2h.
    """

    by: str
    pulled: float
    differences: float


@attrs.frozen(eq=False)
class Explanation:
    """A layer explained on one case; `str` is what a terminal shows.

    Args:
        name: of the layer.
        call: the Python that makes it.
        about: its docstring up to the arguments: what it is, its formula, what it keeps.
        case: the layer with params, a batch and a cotangent of small numbers.
        inputs: x, or its parts, by the names that the steps use.
        found: what the layer itself gives: y, dx as "x", and the gradient of each leaf.
        steps: the derivation, run; empty where none is written.
        remark: why there are no steps, or "".
        off: the largest difference between the steps' results and the layer's, by name.
        code: where the source stands, and its lines.
        readings: what the first and the last element of y read, where x and y are one small array each.
        slopes: the derivative beside differences.
    """

    name: str
    call: str
    about: str
    case: Case
    inputs: Mapping[str, Array]
    found: Results
    steps: tuple[Step, ...]
    remark: str
    off: Mapping[str, float]
    code: tuple[tuple[str, str], ...]
    readings: tuple[Reads, ...]
    slopes: tuple[Slope, ...]

    @property
    def agrees(self) -> bool:
        """Whether every result of the layer came out of the steps too, up to rounding."""
        return bool(self.off) and max(self.off.values()) < SAME

    def __str__(self) -> str:
        from fnnet.explain.telling import in_terminal

        return in_terminal(self)


def explain(
    layer: Layer,
    shape: Shapes,
    *,
    key: rng.Key = rng.key(0),
    batch: int | None = None,
    mode: str | None = None,
    within: Mapping[str, Any] | None = None,
    domain: tuple[float, float] | None = None,
) -> Explanation:
    """Explain a layer, ours or yours, on a case of small numbers.

    Args:
        layer: any layer.
        shape: of one example; a few elements are enough, and can be followed by hand.
        key: the case is drawn from it.
        batch: examples; by default as many as the derivation likes, or 2.
        mode: "evaluation" or "training"; by default the one that the derivation is about, or evaluation.
        within: as in `fnnet.testing.check_layer`: what whole numbers in x are drawn from.
        domain: as there: an open interval in which the floats of x lie.

    Raises:
        ConfigError: an unknown mode.
        ShapeError: the layer does not fit the shape.

    >>> from fnnet import layers
    >>> told = explain(layers.relu(), (4,), batch=1)
    >>> print(*(f"{part} {array.tolist()}" for step in told.steps for part, array in step.made.items()), sep="; ")
    y [[0.0, 0.0, 1.0, 0.0]]; open [[False, False, True, False]]; dx [[0.0, -0.0, 4.0, -0.0]]
    """
    check_net(layer, "layer")
    made_by = _maker(layer)
    ours = made_by is not None and made_by.__module__.startswith("fnnet.")  # and no other of the same name
    written = text.of(made_by) if ours else None
    head: Mapping[str, str] = written.head if written else {}
    mode = mode or head.get("mode", "evaluation")
    if mode not in ("evaluation", "training"):
        raise ConfigError(expected("mode", '"evaluation" or "training"', repr(mode)))
    claims = Claims(within=within or {}, domain=domain)
    case = _case(layer, example_shape(shape), mode, batch or int(head.get("batch", 2)), key, head, claims)
    found = case.run()
    steps, remark = _derivation(written, case)
    return Explanation(
        name=layer.name,
        call=_call(layer),
        about=_about(layer),
        case=case,
        inputs=dict(zip(_words(case, head), flat(case.x), strict=True)),
        found=found,
        steps=steps,
        remark=remark,
        off=_differences(steps, found, case, head),
        code=_sources(layer, head),
        readings=_readings(case),
        slopes=tuple(_slopes(case, found)),
    )


def _case(
    layer: Layer, shape: Shapes, mode: str, batch: int, key: rng.Key, head: Mapping[str, str], claims: Claims
) -> Case:
    """Distinct whole numbers, made smaller where a derivation asks for it."""
    case = draw_whole(layer, mode, shape, batch, key, claims)
    scale = float(head.get("scale", 1))
    if scale == 1:
        return case
    params = tree.map_arrays(lambda array: array * scale, case.params)
    return attrs.evolve(case, params=tree.seal(params), x=sealed(floats(lambda x: x * scale, case.x)))


# The derivation


def _derivation(written: text.Text | None, case: Case) -> tuple[tuple[Step, ...], str]:
    """The steps, run one after the other in one namespace."""
    if written is None:
        return (), "No derivation is written for this layer; the rest of the page is what it computes itself."
    given = written.head.get("given", "True")
    if not eval(given, {"np": np, "x": case.x} | arguments(case.layer)):
        return (), f"The derivation is written for the case `{given}`."
    if written.head.get("mode", case.mode) != case.mode:
        return (), f"The derivation is about {written.head['mode']}."
    space, steps = _namespace(case, written.head), []
    for prose, code in written.steps:
        before = dict(space)
        exec(compile(code, f"<derivation of {case.layer.name}>", "exec"), space)
        new = {name: value for name, value in space.items() if value is not before.get(name)}
        made = {path: array for name, value in new.items() for path, array in arrays_of(name, value)}
        steps.append(Step(prose, code, made))
    return tuple(steps), ""


def arrays_of(name: str, value: Any) -> Iterator[tuple[str, Array]]:
    """The arrays that a name stands for: one, those of a tuple or list by their places, gradients by their leaves."""
    if isinstance(value, np.ndarray | np.generic):
        yield name, np.asarray(value)
    elif type(value) in (tuple, list):
        for i, part in enumerate(value):
            yield from arrays_of(f"{name}[{i}]", part)
    elif name == "dparams":
        for path, leaf in named_leaves(value).items():
            yield _name_of_gradient(path, leaf), tree.array(leaf)


def _namespace(case: Case, head: Mapping[str, str]) -> dict[str, Any]:
    """What a derivation's code may name: x and dy, params and its leaves, the layer's arguments and children, a key."""
    space = {"parts": dict(case.layer), "params": case.params, "x": case.x} | arguments(case.layer)
    space |= {path.replace(".", "_"): tree.array(leaf) for path, leaf in tree.items(case.params)}
    space |= {
        "np": np,
        "rng": rng,
        "tree": tree,
        "key": rng.fold_in(case.key, "train"),
        "sliding": np.lib.stride_tricks.sliding_window_view,
        "dy": case.dy,
    }
    return space | dict(zip(_words(case, head), flat(case.x), strict=True))


def _words(case: Case, head: Mapping[str, str]) -> list[str]:
    """What x, or each of its parts, is called."""
    return head["x"].split() if "x" in head else [place for place, _ in places(case.x, "x")]


def arguments(layer: Layer) -> dict[str, Any]:
    """What the layer was made with; of a loss with its targets, what the loss was made with too."""
    recipe = recipe_of(layer)
    if recipe is None:
        return {}
    own = recipe_of(recipe.arguments["loss"]) if recipe.factory is of_loss else None
    return dict(recipe.arguments) | ({} if own is None else dict(own.arguments))


def _differences(steps: tuple[Step, ...], found: Results, case: Case, head: Mapping[str, str]) -> Mapping[str, float]:
    """How far the steps' results are from the layer's; infinitely where one is missing."""
    if not steps:
        return {}
    made = {name: array for step in steps for name, array in step.made.items()}
    off = {}
    for name, leaf in found.items():
        expected_value = tree.array(leaf)
        if expected_value is None:
            continue
        own = _own_name(name, leaf, case, head)
        ours = made.get(own)
        same = ours is not None and ours.shape == expected_value.shape
        off[own] = float(np.abs(ours - expected_value).max(initial=0)) if same else np.inf
    return off


def _own_name(name: str, leaf: tree.Leaf, case: Case, head: Mapping[str, str]) -> str:
    """What a derivation calls a result of the layer: y, dx, dweight; next_mean for a successor."""
    if name.startswith("params"):
        return _name_of_gradient(name, leaf)
    if name.startswith("y"):
        return name
    parts = [place for place, _ in places(case.x, "x")]
    return f"d{_words(case, head)[parts.index(name)]}"


def _name_of_gradient(name: str, leaf: tree.Leaf) -> str:
    """dweight for `params.weight`; next_mean for the successor of what runs."""
    own = name.removeprefix("params.").replace(".", "_")
    return f"next_{own}" if isinstance(leaf, tree.Running) else f"d{own}"


# What the layer itself shows


def _maker(layer: Layer) -> Any:
    """The function whose docstring and source explain the layer: its factory, or the loss that it is; or None."""
    recipe = recipe_of(layer)
    if recipe is None:
        return None
    if recipe.factory is not of_loss:
        return inspect.unwrap(recipe.factory)
    own = recipe_of(recipe.arguments["loss"])
    return recipe.arguments["loss"] if own is None else inspect.unwrap(own.factory)


def _call(layer: Layer) -> str:
    """The Python that makes the layer, or the loss that it is."""
    recipe = recipe_of(layer)
    if recipe is None or recipe.factory is not of_loss:
        return repr(layer)
    loss = recipe.arguments["loss"]
    return f"losses.{layer.name}" if recipe_of(loss) is None else repr(loss)


def _about(layer: Layer) -> str:
    """The docstring of what made it, up to its arguments."""
    made_by = _maker(layer)
    doc = inspect.getdoc(made_by) if made_by else None
    if doc is None:
        return ""
    kept = []
    for block in doc.split("\n\n"):
        if block.startswith((">>>", "Args:", "Shapes:", "Raises:")):
            break
        kept.append(block)
    return "\n\n".join(kept)


def _sources(layer: Layer, head: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Where the code stands, and its lines without docstrings."""
    made_by = _maker(layer)
    functions: list[Any] = [made_by] if made_by else []
    for full in head.get("code", "").split():
        module, _, name = full.rpartition(".")
        functions.append(inspect.unwrap(getattr(__import__(module, fromlist=[name]), name)))
    if not functions and inspect.isfunction(layer._apply) and layer._apply.__closure__:
        inside = [cell.cell_contents for cell in layer._apply.__closure__ if inspect.isfunction(cell.cell_contents)]
        functions = inside[:1]  # that of a user's own pair, which `layers.layer` holds to its promises
    return tuple(found for function in functions if (found := _source(function)))


def _source(function: Any) -> tuple[str, str] | None:
    try:
        lines, number = inspect.getsourcelines(function)
    except OSError:
        return None
    doc = function.__doc__
    source = dedent("".join(lines))
    if doc:
        source = source.replace(f'    """{doc}"""\n', "", 1)
    return f"{function.__module__.replace('.', '/')}.py, line {number}", source.rstrip()


def _readings(case: Case) -> tuple[Reads, ...]:
    """The first and the last element of y, each by a cotangent that is 1 there and 0 elsewhere."""
    y, vjp = case.net.apply(case.params, case.x)
    plain = isinstance(y, np.ndarray) and isinstance(case.x, np.ndarray) and not is_discrete(case.x)
    if not plain or y.size * case.x.size > MOST:
        return ()
    readings = []
    for index in dict.fromkeys([(0,) * y.ndim, (0, *(n - 1 for n in y.shape[1:]))]):
        unit = np.zeros_like(y)
        unit[index] = 1
        readings.append(Reads(index, vjp(unit)[1]))
    return tuple(readings)


def _slopes(case: Case, found: Results) -> list[Slope]:
    """⟨vjp(dy), u⟩ beside differences of the value, for x and for every trained leaf."""
    moved = {name: array for name, array in places(case.x, "x") if not is_discrete(array)}
    moved |= trained_leaves(case.params)
    slopes = []
    for name, at in moved.items():
        u = direction(rng.fold_in(case.key, name), at.shape)
        pulled = float((np.asarray(found[name]) * u).sum())
        ahead, behind = (_weighed(case, name, at, at + h * u) for h in (STEP, -STEP))
        slopes.append(Slope(name, pulled, (ahead - behind) / (2 * STEP)))
    return slopes


def _weighed(case: Case, name: str, at: Array, moved: Array) -> float:
    """⟨f(…), dy⟩ with something else in one place."""
    if name in named_leaves(case.params):
        y, _ = case.net.apply(replaced(case.params, at, moved), case.x)
    else:
        y, _ = case.net.apply(case.params, by_place(lambda place, x: moved if place == name else x, case.x, "x"))
    return float((as_one(y) * as_one(case.dy)).sum())
