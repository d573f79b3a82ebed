"""`report`: a run's report again, or all runs side by side."""

import sys
from pathlib import Path
from typing import Annotated

import tyro

from fnnet.errors import expected
from fnnet.runs import cli
from fnnet.runs.commands.report import compare, rewrite, runs_below
from fnnet.runs.datasets import BUNDLED
from fnnet.runs.folder import RunError


def main(args: list[str]) -> int:
    """Write one report, or print a table of all runs."""
    return cli.parse(report, args, "python -m experiments report")


def report(
    run: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[RUN]", help_behavior_hint="")] = None,
    data: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None,
    among: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs"),
    quick: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
) -> int:
    """Write the figures and report.md of a finished run again.

    Without RUN, compare all runs below a folder, and build RESULTS.md and its figures from the studies there: as
    experiments/RESULTS.md where every run of every study is there, in full and on the real data, else in the studies'
    own folder.

    Args:
        run: a run folder.
        data: data directory, as for `run`.
        among: where to look for runs, without RUN; or the folder of the studies.
        quick: build from the quick runs of the studies, which answer nothing.
        out: file to build from the studies, in place of these.
    """
    if run is not None:
        return rewrite(run, data)
    folders = runs_below(among)
    studies = studies_in(among)
    if not folders and studies is None:
        raise RunError(expected(str(among), "a folder with runs in it", "none", "name one with --among"))
    if folders:
        compare(among, folders)
    built = studies is None or build(studies, quick, data == BUNDLED, out)
    return 0 if built or folders else cli.FAULT


def studies_in(among: Path) -> Path | None:
    """The folder with the run files of the studies: `studies` below this one, or this one; None where neither is."""
    if (among / "studies").is_dir():
        return among / "studies"
    return among if any(among.glob("*-seed*.json")) else None


def build(studies: Path, quick: bool, bundled: bool, out: Path | None) -> bool:
    """Build RESULTS.md and say where it is, or that no run is there for it, and return whether one is.

    Only what is whole goes into the sources by itself.
    """
    from experiments.engine import results, store
    from experiments.engine.study import studies as known

    found = {name: store.results_of(study, studies, quick, bundled) for name, study in known().items()}
    empty = [name for name, answers in found.items() if answers.empty]
    part = [name for name, answers in found.items() if not (answers.empty or answers.whole or quick)]
    if len(empty) == len(found):
        kind = f"{'quick' if quick else 'full'} run{' on the bundled digits' * bundled}"
        fix = "add --quick for quick runs, --data bundled for runs on the bundled digits, or run a study first"
        print(expected(str(studies), f"a finished {kind} of a study", "none", fix), file=sys.stderr)
        return False
    whole = not (quick or bundled or empty or part)
    path = out or (results.RESULTS if whole else studies / results.RESULTS.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    results.build_report(studies, path, quick=quick, bundled=bundled)
    print(f"written: {path}, figures in {path.parent / results.FIGURES}")
    if empty:
        print(f"not run yet: {', '.join(empty)}")
    if part:
        print(f"runs are missing in: {', '.join(part)}")
    return True
