"""`show`: a run as it stands, or examples of data, with what a run's net makes of them, in the terminal or as a PNG."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import attrs
import tyro
from rich.table import Table

from fnnet import summary
from fnnet.data._zip import NAMES
from fnnet.errors import ConfigError, expected
from fnnet.runs import cli, folder
from fnnet.runs.answers import Answers
from fnnet.runs.folder import Run, opened
from fnnet.runs.page import PARTS
from fnnet.runs.settings import by_default
from fnnet.runs.trained import load_trained
from fnnet.types import Layer, Params, Shapes
from fnnet.words import counted

if TYPE_CHECKING:
    from fnnet.runs.shown import Shown

EPOCHS = 10  # the last so many are shown


def main(args: list[str]) -> int:
    """Print what is known of a run without its data, or examples."""
    return cli.parse(show, args, "fnnet show")


def show(
    what: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="WHAT")],
    examples: int | None = None,
    part: Literal["train", "test", "validation"] = "test",
    only: Annotated[str | None, tyro.conf.arg(metavar="CLASS")] = None,
    wrong: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    seed: int | None = None,
    resize: tuple[int, int] | None = None,
    colours: bool = True,
    names: str | None = None,
    data: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None,
    png: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
) -> int:
    """Show a run, or examples of data.

    A run without its data: settings, the last epochs, how it ended or goes on, and the net layer by layer. With
    --examples, or any other word on which: examples of its data, what they are and what its net reads.

    Args:
        what: a run folder; a data set, mnist, digits or hanzi; or a folder or zip of pictures with a folder for each
            class.
        examples: how many are shown; by default 10.
        part: of the data.
        only: examples of this class alone.
        wrong: of a run, those that are misread, the surest mistakes first.
        seed: draw them by this number; by default the first.
        resize: height and width that pictures of a folder are brought to; by default they are of one size.
        colours: read those in colours; else grey.
        names: how names in a zip are encoded that does not say it, such as gbk.
        data: data directory, or the folder that a run was trained on.
        png: draw them into this file in place of the terminal.
    """
    from fnnet.runs import class_folders, shown

    of_run = (Path(what) / folder.CONFIG).is_file()
    choice = shown.Choice(part=part, only=only, wrong=wrong, seed=seed)
    asked = any(word is not None for word in (examples, png, data)) or choice != shown.Choice()
    if examples is not None:
        choice = attrs.evolve(choice, examples=examples)
    reading = {"resize": resize, "no-colours": not colours, "names": names}
    if what in shown.DATA_SETS:
        shown.refused(what, reading, "a folder or zip of pictures, which it says how to read")
        return _draw(shown.of_data_set(what, data, choice), png)
    if of_run:
        shown.refused(what, reading, "a folder or zip of pictures; a run reads them as its settings say")
    if of_run and asked:
        return _draw(shown.of_run(Path(what), data, choice), png)
    if of_run or not Path(what).exists():
        return _tell(what, shown.DATA_SETS)
    shown.refused(what, {"data": data}, "a data set or a run, whose data are elsewhere")
    names = NAMES if names is None else names
    config = class_folders.Config(resize=resize, colours=colours, names=names)
    return _draw(shown.of_folder(what, config, choice), png)


def _draw(found: "Shown", png: Path | None) -> int:
    """Examples into a file, or side by side into the terminal."""
    print(found.said)
    if not len(found.pictures):
        return 0  # nothing is misread
    if png is not None:
        from fnnet.runs import files, plots

        files.write(png, plots.titled(found.pictures, found.titles))
        print(f"written: {png}")
        return 0
    from fnnet.runs import terminal

    console = cli.console()
    for line in terminal.rows(found.pictures, found.titles, console):
        console.print(line, soft_wrap=True)
    return 0


def _tell(run: str, data_sets: Iterable[str]) -> int:
    """What is known of a run."""
    if not Path(run).exists() and not Path(run).parent.name:
        wanted = f"a run folder, a folder or zip of pictures, or one of {', '.join(data_sets)}"
        raise ConfigError(expected("show", wanted, repr(run)))
    shown, console = opened(Path(run)), cli.console()
    print(f"{shown.experiment.name} on {shown.identity.source}, seed {shown.settings.seed}: {_state(shown)}")
    print(f"settings: {_settings(shown)}")
    if rows := shown.metrics():
        print()
        console.print(_epochs(rows[-EPOCHS:], shown.experiment.answers))
    print()
    if shown.finished:
        trained = load_trained(Path(run))
        console.print(layer_table(trained.net, trained.params, trained.shape))
    elif shown.experiment.net is None:
        print(f"its net depends on the data; it is shown once {folder.PARAMS} is there")
    else:
        print(shown.experiment.net(shown.settings))
    return 0


def _state(run: Run) -> str:
    """How far a run is, in words."""
    made, sessions = len(run.metrics()), run.sessions()
    if run.finished:
        return f"finished after {counted(made, 'epoch')}, test {run.tested()}"
    if (step := folder.non_finite(sessions)) is not None:
        return f"ended at step {step:,}, at a number that is not finite"
    again = cli.command("train", run.experiment.name, "--out", run.folder, "--resume")
    return f"{made} of {counted(run.settings.epochs, 'epoch')} made; go on with: {again}"


def _settings(run: Run) -> str:
    """Those that are not the default."""
    usual = by_default(run.settings)
    values = {name: getattr(run.settings, name) for name in usual}
    return ", ".join(f"{name} {values[name]}" for name in usual if values[name] != usual[name]) or "all as by default"


def _epochs(rows: list[dict[str, float]], answers: Answers) -> Table:
    """The lines of metrics.jsonl, losses and what else is measured."""
    columns = [(part, name) for part in PARTS for name in answers.texts if f"{part}_{name}" in rows[0]]
    table = Table("epoch", *(f"{part} {name.replace('_', ' ')}" for part, name in columns), "seconds", box=None)
    for row in rows:
        figures = [answers.texts[name](row[f"{part}_{name}"]) for part, name in columns]
        table.add_row(f"{row['epoch']}", *figures, f"{row['seconds']:.1f}")
    return table


def layer_table(net: Layer, params: Params, shape: Shapes) -> Table:
    """A net layer by layer."""
    rows = summary.summary(net, shape, params)
    table = Table("layer", "output shape", "parameters", "multiply-adds", box=None)
    for row in (*rows, summary.total(rows)):
        adds = "–" if row.multiply_adds is None else f"{row.multiply_adds:,}"
        table.add_row(row.path or row.kind, str(row.out_shape or ""), f"{row.parameters:,}", adds)
    return table
