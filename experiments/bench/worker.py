"""The process of one contender: reads one JSON request a line, answers with one JSON line.

`{"do": "prepare", "work": […], "mode": "train" | "infer" | "both", "batch": n}` -> `{"checks": […]}`, the loss before
the first step, or the mean size of the scores, or the sizes of a layer's values and gradients; or `{"lacks": why}`.
`{"do": "run", "times": k}` -> `{"seconds": […]}`. `{"do": "facts"}` -> versions and peak memory. `{"do": "peak"}` ->
multiply-adds a second of the fastest square matrix product. To fnnet alone: `{"do": "profile", "work": […]}` -> where
a training step spends its time, and `{"do": "products", "work": […], "mode": …, "batch": n}` -> `{"seconds": s}` of its
bare products.
"""

import importlib
import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

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
        elif request["do"] == "run":
            answer = {"seconds": [timed(task) for _ in range(request["times"])]}
        elif request["do"] == "peak":
            answer = {"rate": peak()}
        elif request["do"] == "profile":
            profile = importlib.import_module("experiments.bench.profile").profile
            answer = {"rows": profile(Work(*request["work"]))}
        elif request["do"] == "products":
            contender.share_products()
            answer = {"seconds": bare(Work(*request["work"]), request["mode"], request["batch"])}
        else:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
            answer = {"versions": contender.versions(), "peak_bytes": memory}
        print(json.dumps(answer), file=answers, flush=True)


def _prepare(contender: Any, request: dict[str, Any]) -> tuple[Callable[[], Any], dict[str, Any]]:
    work = Work(*request["work"])
    if request["mode"] == "train":
        step = contender.trainer(work, request["batch"])
        return step, {"checks": [step()]}
    if request["mode"] == "both":
        if not hasattr(contender, "puller"):
            raise NotImplementedError("layers alone are not built with it")
        pull = contender.puller(work, request["batch"])
        return pull, {"checks": _sizes(*pull())}
    predict = contender.predictor(work, request["batch"])
    y = predict()
    return predict, {"checks": [float(np.abs(y).mean()), float(y.std())]}


def _sizes(y: Any, dparams: Any, dx: Any) -> list[float]:
    """Mean sizes of a layer's values and gradients; of params those with most axes, as biases may be there twice."""
    grads, most = [np.asarray(g) for g in dparams], max((g.ndim for g in dparams), default=0)
    total = sum(float(np.abs(g).sum(dtype=np.float64)) for g in grads if g.ndim == most)
    return [total, *(float(np.abs(np.asarray(a)).mean(dtype=np.float64)) for a in (y, dx) if a is not None)]


if __name__ == "__main__":
    main(sys.argv[1])
