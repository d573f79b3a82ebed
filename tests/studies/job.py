"""A command that makes a study of `tests.studies.tasks`, for tests that end it, limit it or start it twice.

python -m tests.studies.job make TASK FOLDER
"""

import sys
from pathlib import Path

import attrs

from experiments.engine import conduct
from fnnet.runs import cli
from tests.studies import tasks


def main(args: list[str]) -> int:
    """The files of the second setting are longer: they have 300 rows."""
    task, out = args
    study = tasks.study(getattr(tasks, task))
    one, two = study.settings
    longer = attrs.evolve(two, config=attrs.evolve(two.config, epochs=300))
    return conduct.run_studies([attrs.evolve(study, settings=(one, longer))], Path(out), jobs=1)


if __name__ == "__main__":
    sys.exit(cli.run({"make": ("tests.studies.job", "a study")}, "python -m tests.studies.job", sys.argv[1:]))
