"""The picture in docs/tour-of-the-house.md is of this house."""

import re
import sys
from pathlib import Path

import numpy as np

import fnnet
from fnnet import data, layers, losses, metrics, optim, rng, training
from tests.test_architecture import ORDER, SHELL

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "tour-of-the-house.md").read_text(encoding="utf-8")
ROOMS, TRAVEL = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)


def drawn():
    """The picture from top to bottom: for each line the parts of fnnet that it names, and their subfolders."""
    lines = []
    for line in ROOMS.splitlines():
        if named := re.match(r" fnnet/(.*)", line):
            words = re.split(r"\s{2,}", named[1])[0] if "/" in named[1].split()[0] else named[1]
            parts = re.match(r"[\w_/]+(?:  [\w_]+)*", words)[0].split()
            lines.append(([part.strip("/") for part in parts], []))
        elif inside := re.match(r"   (\w+)/ ", line):
            lines[-1][1].append(inside[1]) if lines else None
    return lines


def test_every_room_is_drawn_and_every_drawn_room_is_there():
    parts = [part for names, _ in drawn() for part in names]
    assert sorted(parts) == sorted(set().union(*ORDER))
    for names, subfolders in drawn():
        for subfolder in subfolders:
            assert (ROOT / "fnnet" / names[0] / subfolder / "__init__.py").is_file()


def test_who_stands_below_may_be_imported():
    """The order of the lines is the order that the architecture tests hold every import to."""
    level = {part: i for i, parts in enumerate(ORDER) for part in parts}
    heights = [level[names[0]] for names, _ in drawn()]
    assert heights == sorted(heights, reverse=True)
    for names, _ in drawn():
        assert len({level[name] for name in names}) == 1, f"{names} do not stand side by side"


def test_subfolders_with_a_door_are_drawn():
    inside = {f"{names[0]}/{own}" for names, subfolders in drawn() for own in subfolders}
    found = {path.parent.relative_to(ROOT / "fnnet").as_posix() for path in (ROOT / "fnnet").glob("*/*/__init__.py")}
    assert inside == found


def test_the_floors_stand_where_the_lines_are():
    shell, core = re.split(r"^ ─+$", ROOMS, flags=re.MULTILINE)[1:]
    assert {name for name in SHELL if f"fnnet/{name}" in shell} == SHELL
    assert not any(f"fnnet/{name}/" in core for name in SHELL)
    for folder in re.findall(r"^   (\w+)/ ", ROOMS.split(" ─")[0], re.MULTILINE):
        assert (ROOT / "experiments" / folder / "__init__.py").is_file()


def test_a_batch_travels_as_it_is_told():
    """The functions that the page names, in the order in which a step of training enters them."""
    net = layers.serial(layers.dense(4), layers.dropout(0.5), layers.dense(2))
    optimizer, loss = optim.sgd(0.1), losses.softmax_cross_entropy
    step = training.make_step(net, loss, optimizer, {"accuracy": metrics.accuracy})
    state = training.init(net, optimizer, rng.key(0), (3,))
    batches = list(data.batches(rng.key(1), (np.ones((4, 3), np.float32), np.arange(4) % 2), 4))
    entered = []

    def watch(frame, event, argument):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(Path(fnnet.__file__).parent):
            room = path.relative_to(Path(fnnet.__file__).parent).with_suffix("").as_posix()
            entered.append(f"{room}:{frame.f_code.co_name}")

    sys.setprofile(watch)
    try:
        training.fold(step, state, batches)
    finally:
        sys.setprofile(None)
    way = ["training/fold:fold", "training/step:step", "kernels/affine:affine_map", "losses/softmax:"]
    way += ["optim/descend:descend", "metrics"]
    at = [next(i for i, call in enumerate(entered) if call.startswith(stop)) for stop in way]
    assert at == sorted(at), list(zip(way, at, strict=True))
    first_loss, last_kernel = at[3], max(i for i, call in enumerate(entered) if call.startswith("kernels/"))
    assert any(call.startswith("layers/") for call in entered[first_loss:last_kernel])  # the way back
    for name in ("data.batches", "training.fold", "training.make_step", "optim.descend", "net.train", "net.apply"):
        assert name in TRAVEL
