"""The command line `python -m experiments`: the studies of the five reports."""

from fnnet.runs import cli

COMMANDS: cli.Commands = {
    "list": ("experiments.commands.list", "name the experiments and the studies"),
    "run": ("experiments.commands.run", "run NAME [options], run all; run NAME --help names the settings"),
    "report": ("experiments.commands.report", "RESULTS.md from the studies: report; a run's report again: report RUN"),
    "again": ("experiments.commands.again", "runs made again by the code as it stands: do they stay the same?"),
    "archive": ("experiments.commands.archive", "the runs that come with the clone: archive unpack, archive pack"),
    "onnx-suite": ("experiments.commands.onnx_suite", "how much of ONNX's own tests is read, computed and trained"),
    "bench": ("experiments.bench", "measure speed"),
}


def main(args: list[str]) -> int:
    """Run a command, given as the words after `python -m experiments`, and return its exit code."""
    return cli.run(COMMANDS, "python -m experiments", args)
