"""Tasks that end in every way a run can end. In a module of their own, so that worker processes find them."""

import os
import time
from pathlib import Path

import attrs

from experiments.engine.study import Measure, Result, Run, Setting, Study, final


@attrs.frozen
class Config:
    value: float = 1.0
    epochs: int = 3


def good(config, seed, data, tell):
    tell(0.5)
    rows = [{"epoch": n, "value": config.value * n + seed} for n in range(1, config.epochs + 1)]
    return Result(rows, {"value": rows[-1]["value"]})


def breaks(config, seed, data, tell):
    if config.value == 2.0 and seed == 1:
        raise ArithmeticError("no such number")
    return good(config, seed, data, tell)


def knows_nothing(config, seed, data, tell):
    if config.value == 2.0 and seed == 0:
        return Result([], {"value": float("nan")})
    return good(config, seed, data, tell)


def dies(config, seed, data, tell):
    if config.value == 2.0 and seed == 0:
        os.kill(os.getpid(), 9)
    return good(config, seed, data, tell)


def lasts(config, seed, data, tell):
    if config.value == 2.0:
        time.sleep(600)
    return good(config, seed, data, tell)


def tells(config, seed, data, tell):
    """Says once a tenth of a second how far it is, for two seconds."""
    for i in range(20):
        time.sleep(0.1)
        tell(i / 20)
    return good(config, seed, data, tell)


def run(value, seed=0):
    return Run(seed, [{"epoch": 1, "value": value}], {"value": value}, 1.0, "code", {})


def study(task, **changes):
    settings = (Setting("one", Config(1.0), 3.5), Setting("two", Config(2.0), 3.0))
    given = {"report": "R1", "asks": "What?", "seeds": range(2), "measure": Measure("value", final("value"))}
    return Study("a-study", task=task, **{"settings": settings, **given, **changes})


def dies_once(config, seed, data, tell):
    """Notes the process of every try in the folder `data`, and ends it at the first of one run."""
    tries = Path(data) / f"{config.value:g}-{seed}"
    with tries.open("a") as file:
        file.write(f"{os.getpid()} ")
    if config.value == 2.0 and seed == 0 and tries.read_text() == f"{os.getpid()} ":
        os.kill(os.getpid(), 9)
    return good(config, seed, data, tell)
