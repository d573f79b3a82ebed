"""`again`: runs of the studies made once more by the code as it stands, and compared with what they were."""

import sys
from pathlib import Path
from typing import Annotated

import tyro

from experiments.engine import again as engine
from experiments.engine import conduct, pool, store
from experiments.engine.study import get, studies
from fnnet.arguments import real, whole
from fnnet.errors import ConfigError, expected
from fnnet.runs import cli, facts
from fnnet.runs.datasets import BUNDLED
from fnnet.words import counted, duration


def main(args: list[str]) -> int:
    """Make some runs again; the exit code is 1 where one comes out otherwise."""
    return cli.parse(again, args, "python -m experiments again")


def again(
    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[STUDY…]")] = (),
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = conduct.OUT,
    data: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None,
    most: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 600.0,
    jobs: int | None = None,
) -> int:
    """Make one run of each kind again, that were made by other code, and say whether every figure is the same.

    Runs of one task that the same code made are of a kind, whatever their settings; the quickest that did not diverge
    stands for them, and timed runs are left out. What comes out is kept beside the run files, where `report` finds it,
    and is not made once more while the code stands. On other processors last digits may be others, and what follows.

    Args:
        names: studies of whose runs one of each kind is made; all by default.
        out: folder of the run files.
        data: the directory with the data of the runs, as for `run`.
        most: leave out what took longer when it was made.
        jobs: processes at once; by default one for each core.
    """
    workers = facts.cores() if jobs is None else whole("jobs", jobs, 1)
    most = real("most", most, 0)
    if data == BUNDLED:
        raise ConfigError(expected("--data", "the data that the runs were made on", data))
    chosen, without = conduct.with_data([get(name) for name in names] or list(studies().values()), data)
    for study, reason in without:
        print(f"{study.name}: skipped, {reason}", file=sys.stderr, flush=True)
    with store.locked(out):
        found = engine.kinds([store.results_of(study, out) for study in chosen])
        kept = engine.entries(out)
        there = {kind: made for kind in found if (made := engine.made_before(kind, kept))}
        new = [kind for kind in found if kind not in there]
        todo = sorted((kind for kind in new if kind.run.seconds <= most), key=lambda kind: -kind.run.seconds)
        if not found:
            print(f"{out}: no runs by other code than that as it stands")
            return cli.FAULT if without else 0
        for kind, made in there.items():
            print(f"{_name(kind)}: {made.words} (made before)")
        left = f", {len(new) - len(todo)} that took longer left out" if len(todo) < len(new) else ""
        expected_time = duration(sum(kind.run.seconds for kind in todo) / workers)
        print(f"{counted(len(todo), 'run')} to make again{left}; {workers} at once, about {expected_time}", flush=True)
        others, failed = sum(bool(made.others) for made in there.values()), len(without)
        for event in pool.perform([kind.job(data) for kind in todo], workers):
            if isinstance(event, pool.Advanced):
                continue
            kind = todo[event.job]
            if isinstance(event, pool.Failed):
                failed += 1
                print(f"failed: {_name(kind)}: {event.reason}", file=sys.stderr, flush=True)
                continue
            made = engine.compared(kind, event.result)
            engine.note(out, kind, made, event.code, event.facts)
            others += bool(made.others)
            print(f"{_name(kind)}: {made.words} ({duration(event.seconds)})", flush=True)
    return cli.FAULT if others or failed else 0


def _name(kind: engine.Kind) -> str:
    return f"{kind.study.name} · {kind.setting.label} · seed {kind.run.seed}"
