"""`fnnet` under `mpiexec`, of whose processes the second is killed in the middle of a step.

mpiexec -n 2 python -m mpi4py -m tests.runs.dying_job train …
"""

import os
import signal
import sys
from itertools import count

from fnnet.parallel import arrays
from fnnet.runs.cli import main
from fnnet.training import part_sums

STEP = 5  # of the job, from 0

if __name__ == "__main__":
    steps = count()

    def added(team, *words):
        if next(steps) == STEP and team.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return arrays.added(team, *words)

    part_sums.added = added
    sys.exit(main())
