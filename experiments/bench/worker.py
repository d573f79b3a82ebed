"""The process of one contender: reads one JSON request a line, answers with one JSON line.

`{"do": "prepare", "work": […], "mode": "train" | "infer" | "both", "batch": n}` -> `{"checks": […]}`, the loss before
the first step, or the mean size of the scores, or the sizes of a layer's values and gradients; or `{"lacks": why}`.
`{"do": "run", "times": k}` -> `{"seconds": […]}`, `{"do": "traced"}` -> `{"bytes": b}`, the most that Python and NumPy
take in one more run. `{"do": "resident", "work": […], "mode": …, "batch": n}` -> `{"bytes": b}`, the pages that a work
takes at most beside those that are there before it, or `{"lacks": why}`. `{"do": "facts"}` -> versions. `{"do":
"peak"}` -> multiply-adds a second of the fastest square matrix product. To fnnet alone: `{"do": "profile", "work":
[…]}` -> where a training step spends its time, and `{"do": "products", "work": […], "mode": …, "batch": n}` ->
`{"seconds": s}` of its bare products.
"""

import ctypes
import gc
import importlib
import json
import os
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.bench.growth import resident
from experiments.bench.products import bare, peak, timed
from experiments.bench.works import Work


def main(name: str) -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints does not disturb the answers
    contender: Any = importlib.import_module(f"experiments.bench.contenders.with_{name}")
    getattr(contender, "begin", dict)()
    task: Callable[[], Any] = dict  # nothing is prepared yet
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "prepare":
            try:
                task, answer = _prepare(contender, request)
            except NotImplementedError as lack:
                answer = {"lacks": str(lack)}
        elif request["do"] == "resident":
            try:
                answer = {"bytes": _resident(contender, request)}
            except NotImplementedError as lack:
                answer = {"lacks": str(lack)}
        elif request["do"] == "run":
            answer = {"seconds": [timed(task) for _ in range(request["times"])]}
        elif request["do"] == "traced":
            answer = {"bytes": _traced(task)}
        elif request["do"] == "peak":
            answer = {"rate": peak()}
        elif request["do"] == "profile":
            profile = importlib.import_module("experiments.bench.profile").profile
            answer = {"rows": profile(Work(*request["work"]))}
        elif request["do"] == "products":
            contender.share_products()
            answer = {"seconds": bare(Work(*request["work"]), request["mode"], request["batch"])}
        else:
            answer = {"versions": contender.versions()}
        print(json.dumps(answer), file=answers, flush=True)


def _built(contender: Any, request: dict[str, Any]) -> Callable[[], Any]:
    """What does the work once."""
    build = {"train": "trainer", "both": "puller", "infer": "predictor"}[request["mode"]]
    if not hasattr(contender, build):
        raise NotImplementedError("layers alone are not built with it")
    task: Callable[[], Any] = getattr(contender, build)(Work(*request["work"]), request["batch"])
    return task


def _prepare(contender: Any, request: dict[str, Any]) -> tuple[Callable[[], Any], dict[str, Any]]:
    task = _built(contender, request)
    made = task()
    if request["mode"] == "train":
        return task, {"checks": [made]}
    if request["mode"] == "both":
        return task, {"checks": _sizes(*made)}
    return task, {"checks": [float(np.abs(made).mean()), float(made.std())]}


def _traced(task: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        task()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _resident(contender: Any, request: dict[str, Any]) -> int:
    """Of three runs beside what is there before: the net, its params and data, and the pages of code.

    Runs of a batch of 2 go ahead, for what is made once; what the allocator holds of them is given back.
    """
    few, task = (_built(contender, {**request, "batch": n}) for n in (2, request["batch"]))
    few()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # VmHWM counts from now on
    held = resident("VmRSS")
    for _ in range(3):
        task()
    return resident("VmHWM") - held


def _sizes(y: Any, dparams: Any, dx: Any) -> list[float]:
    """Mean sizes of a layer's values and gradients; of params those with most axes, as biases may be there twice."""
    grads, most = [np.asarray(g) for g in dparams], max((g.ndim for g in dparams), default=0)
    total = sum(float(np.abs(g).sum(dtype=np.float64)) for g in grads if g.ndim == most)
    return [total, *(float(np.abs(np.asarray(a)).mean(dtype=np.float64)) for a in (y, dx) if a is not None)]


if __name__ == "__main__":
    main(sys.argv[1])
