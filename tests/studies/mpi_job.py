"""What the tests run under `mpiexec`: a study by the processes of an MPI job, or two runs that tell how far they are.

mpiexec -n 3 python -m mpi4py -m tests.studies.mpi_job [FOLDER]
"""

import sys
from pathlib import Path

from experiments.engine import conduct, engines
from experiments.engine.pool import Advanced, Done, Job
from tests.studies import tasks


def told():
    """Two runs, and what of them was heard."""
    with engines.opened("mpi", 2, 1) as site:
        if site is None:
            return
        events = list(site.engine([Job(tasks.tells, tasks.Config(), seed, None) for seed in (0, 1)], 2))
    done, heard = (sorted({event.job for event in events if isinstance(event, kind)}) for kind in (Done, Advanced))
    print(f"{done} are done, {heard} told how far they were")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(told())
    sys.exit(conduct.run_studies([tasks.study(tasks.good)], Path(sys.argv[1]), on="mpi"))
