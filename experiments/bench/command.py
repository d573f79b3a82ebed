"""The command `bench`: options, races, the table and the JSON."""

import argparse
import json
import os
import platform
import statistics
import sys
from pathlib import Path
from typing import Any, NamedTuple

from experiments.bench import growth, slopes, startup, works
from experiments.bench import race as races
from experiments.bench.layer_works import IMPORTED, LAYERS, STEPS
from experiments.bench.works import Work, multiply_adds
from fnnet.arguments import one_of, whole
from fnnet.errors import ConfigError, expected

PEERS = ("torch", "compiled", "jax", "sklearn", "thinc", "onnxruntime")
WORKS = {**works.WORKS, **STEPS, **LAYERS, **IMPORTED}
GROUPS = {"nets": tuple(works.WORKS), "layers": (*LAYERS, *STEPS, *IMPORTED)}
MORE = ("slopes", "startup")  # what is no race
LATENCY, TEST_SET = 1, 10_000


def main(args: list[str]) -> int:
    """Race, print, write; 0 if all went well."""
    options = _options(args)
    more = [word for word in options.work if word in MORE and not (options.no_slopes and word == "slopes")]
    options.work = [name for word in options.work if word not in MORE for name in GROUPS.get(word, (word,))]
    for name in options.work:
        if name not in WORKS:
            raise ConfigError(expected("work", one_of((*GROUPS, *MORE, *WORKS)), repr(name)))
        if options.profile and not WORKS[name].optimizer:
            raise ConfigError(expected("work", "one that is trained, to profile", repr(name)))
    for name in ("threads", "starts", "rounds"):
        whole(f"--{name}", getattr(options, name), 1)
    if options.before and not (options.before / "fnnet" / "__init__.py").is_file():
        raise ConfigError(expected("--before", "a checkout, a folder with fnnet in it", str(options.before)))
    pythons = dict.fromkeys(races.MODULES, options.peer_python or sys.executable)
    with_fnnet = (*races.OWN, *races.BEFORE, "onnxruntime")  # which reads what fnnet writes
    pythons |= dict.fromkeys(with_fnnet, sys.executable)
    if options.profile:
        return _profile(options, pythons)
    if options.growth is not None:
        return _growth(options)
    found = [name for name in options.against if races.installed(name, pythons[name])]
    missing = [name for name in options.against if name not in found]
    own = [*races.OWN, *(races.BEFORE if options.before else ())]
    results = _all(options, [*own, *found], pythons) | {"missing": missing} if options.work else {}
    if options.work:
        print(_facts(results), flush=True)
    results |= {"machine": platform.processor() or platform.machine(), "threads": options.threads}
    results |= {what: _more(what, options.threads) for what in more}
    _write(options, results)
    return 0


def _write(options: argparse.Namespace, results: dict[str, Any]) -> None:
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _more(what: str, threads: int) -> Any:
    """How cost grows, or what it takes to begin, printed as it comes."""
    if what == "startup":
        found = startup.measured()
        print(startup.line(found), flush=True)
        return found
    print("exponents of the time and the memory of a step, measured of asked for by the arithmetic")
    rows = []
    for row in slopes.measured(slopes.ROWS, threads):
        rows.append(row)
        print(slopes.line(row), flush=True)
    return rows


def _profile(options: argparse.Namespace, pythons: dict[str, str]) -> int:
    """Print and write a table for each work, see `experiments.bench.profile`."""
    found = {}
    with races.running(["fnnet"], pythons, options.threads) as (fnnet,):
        for name in options.work:
            found[name] = fnnet.ask(do="profile", work=WORKS[name])["rows"]
            print(_shares(name, found[name]), flush=True)
    _write(options, {"threads": options.threads, "profile_seconds": found})
    return 0


def _growth(options: argparse.Namespace) -> int:
    """Print and write peaks and steps of a large net, see `experiments.bench.growth`."""
    found = []
    for row in growth.grown(whole("--growth", options.growth, 4)):
        found.append(row)
        print(growth.line(row), flush=True)
    _write(options, {"params": options.growth, "growth": found})
    return 0


def _shares(name: str, rows: list[tuple[str, float, float]]) -> str:
    forward, backward = sum(row[1] for row in rows), sum(row[2] for row in rows)
    lines = [f"{name + ' train':42}{'forward':>10}{'backward':>10}{'share':>7}"]
    for what, there, back in [*rows, ("milliseconds a step", forward, backward)]:
        lines.append(f"  {what:40}{1e3 * there:10.3f}{1e3 * back:10.3f}{(there + back) / (forward + backward):7.0%}")
    return "\n".join(lines)


def _options(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments bench", description=__doc__)
    parser.add_argument(
        "work",
        nargs="*",
        default=[*GROUPS, *MORE],
        help=f"what to time, by default all: {', '.join(WORKS)}; or nets, layers: all of the kind; "
        "slopes: how cost grows with size; startup: what it takes to begin",
    )
    parser.add_argument("--against", nargs="*", default=list(PEERS), choices=PEERS, help="peers, by default all")
    parser.add_argument("--peer-python", help="the interpreter that has the peers, by default this one")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="race the fnnet of another checkout, too")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="of every contender")
    parser.add_argument("--starts", type=int, default=6, help="sets of fresh processes at most; 3 where all agree")
    parser.add_argument("--rounds", type=int, default=4, help="turns of each contender in one set of processes")
    parser.add_argument("--turn", type=float, default=0.1, help="seconds of a turn")
    parser.add_argument("--no-slopes", action="store_true", help="all but slopes")
    parser.add_argument("--profile", action="store_true", help="race nobody: show where fnnet's step spends its time")
    parser.add_argument(
        "--growth",
        type=int,
        metavar="PARAMS",
        help="race nobody: peaks of memory and steps of a net of so many (Linux)",
    )
    parser.add_argument("--json", help="also write everything to this file")
    return parser.parse_args(args)


def _all(options: argparse.Namespace, names: list[str], pythons: dict[str, str]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    peak, facts = 0.0, dict[str, dict[str, str]]()
    print(_line("work", {name: name for name in names}, "products", "to fastest", "at best", "of peak"), flush=True)
    for name in options.work:
        work = WORKS[name]
        found = {task: _Found({}, {}, []) for task in _tasks(name, work)}
        for start in range(options.starts):
            with races.running(names, pythons, options.threads, options.before) as contenders:
                facts |= {
                    c.name: c.ask(do="facts")["versions"] for c in contenders
                }  # once all have imported what they need
                peak = max(peak, contenders[0].ask(do="peak")["rate"])  # again and again: the machine may be shared
                for (mode, n), (turns, lacks, bare) in found.items():
                    bare.append(contenders[0].ask(do="products", work=work, mode=mode, batch=n)["seconds"])
                    more, why = races.race(contenders, work, mode, n, options.turn, options.rounds)
                    for peer, seconds in more.items():
                        turns.setdefault(peer, []).extend(seconds)
                    lacks.update(why)
            if start >= 2 and all(races.settled(s) for turns, *_ in found.values() for s in turns.values()):
                break
        for (mode, n), (turns, lacks, bare) in found.items():
            if "fnnet" not in turns:
                print(f"{name} {mode} {n}: left out, as fnnet lacks: {lacks['fnnet']}", flush=True)
                continue
            timings = {peer: races.timing(seconds) for peer, seconds in turns.items()}
            rows.append(_row(name, mode, n, timings, lacks, multiply_adds(work, mode, n)))
            rows[-1]["products_seconds"] = statistics.median(bare)
            rows[-1]["peak_bytes"] = races.peaks([*turns], pythons, options.threads, work, mode, n, options.before)
            print(_shown(rows[-1], names, peak), flush=True)
    for row in rows:
        row["share_of_gemm_peak"] = row["multiply_adds_per_second"] / peak
    return {
        "gemm_multiply_adds_per_second": peak,
        "rows": rows,
        "versions": {k: v for versions in facts.values() for k, v in versions.items()},
    }


def _tasks(name: str, work: Work) -> list[tuple[str, int]]:
    """Modes and batches that a work is raced in."""
    if work.imported:
        return [("infer", LATENCY), ("infer", work.batch)]
    if not work.optimizer:
        return [("both", work.batch)]
    tasks = [("train", work.batch), ("infer", LATENCY), ("infer", TEST_SET)]
    return tasks[: 3 if name in ("lenet5", "mlp-256") else 2]


class _Found(NamedTuple):
    """Of one work and mode: the turns of each contender, why others cannot do it, and what the products alone take."""

    turns: dict[str, list[float]]
    lacks: dict[str, str]
    bare: list[float]


def _row(
    name: str, mode: str, n: int, timings: dict[str, races.Timing], lacks: dict[str, str], work: int
) -> dict[str, Any]:
    own, peers = timings["fnnet"], races.of_peers(timings)
    return {
        "work": name,
        "mode": mode,
        "batch": n,
        "seconds": {peer: t._asdict() for peer, t in timings.items()},
        "lacks": lacks,
        "ratio_to_fastest_peer": own.median / min(t.median for t in peers) if peers else None,
        "ratio_at_best": own.least / min(t.least for t in peers) if peers else None,
        "multiply_adds_per_second": work / own.median,
    }


def _shown(row: dict[str, Any], names: list[str], peak: float) -> str:
    cells = {}
    for name in names:
        t = row["seconds"].get(name)
        cells[name] = "-" if t is None else f"{1e3 * t['median']:.3f} ±{50 * (t['high'] - t['low']) / t['median']:.0f}%"
    median, least = ("-" if r is None else f"{r:.2f}" for r in (row["ratio_to_fastest_peer"], row["ratio_at_best"]))
    what = f"{row['work']} {row['mode']} {row['batch']}"
    products, share = f"{1e3 * row['products_seconds']:.3f}", f"{row['multiply_adds_per_second'] / peak:.0%}"
    return _line(what, cells, products, median, least, share)


def _line(what: str, cells: dict[str, str], products: str, ratio: str, best: str, share: str) -> str:
    middle = "".join(f"{cell:>17}" for cell in cells.values())
    return f"{what:24}{middle}{products:>10}{ratio:>12}{best:>9}{share:>9}"


def _facts(results: dict[str, Any]) -> str:
    lines = ["milliseconds: median of turns ± half the distance of the quartiles; work, mode and batch on the left"]
    lines.append("versions: " + ", ".join(f"{k} {v}" for k, v in results["versions"].items()))
    if results["missing"]:
        lines.append(f"not installed: {', '.join(results['missing'])}")
    lines += dict.fromkeys(f"- of {n}: {why}" for row in results["rows"] for n, why in row["lacks"].items())
    lines.append("to fastest, at best: of medians, and of the least turns, which other processes disturb less")
    lines += dict.fromkeys(f"- {row['work']}: {WORKS[row['work']].says}" for row in results["rows"])
    lines.append("fnnet: as it comes; kept: after runtime.keep_memory(), which fnnet train calls")
    lines.append("both: a layer by itself, forward and back, on arrays in C order")
    lines.append("products: the matrix products alone, in NumPy on all threads, convolutions as direct ones;")
    lines.append(
        "  of layers without, a pass of NumPy that reads x and writes y, and one that reads x and dy and writes dx"
    )
    peak = f"{results['gemm_multiply_adds_per_second'] / 1e9:.0f} G multiply-adds a second"
    lines.append(f"of peak: multiply-adds of direct convolution against the fastest of 512³, 1024³ and 2048³: {peak}")
    for row in results["rows"]:
        memory = ", ".join(f"{n} {b / 1e6:.1f}" for n, b in row["peak_bytes"].items())
        if memory:
            lines.append(f"peak memory of {row['work']} {row['mode']} {row['batch']}, MB: {memory}")
    return "\n".join(lines)
