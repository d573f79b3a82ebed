"""What the tests run under `mpiexec`: a study by the processes of an MPI job.

mpiexec -n 3 python -m mpi4py -m tests.studies.mpi_job FOLDER
"""

import sys
from pathlib import Path

from experiments.engine import conduct
from tests.studies import tasks

if __name__ == "__main__":
    sys.exit(conduct.run_studies([tasks.study(tasks.good)], Path(sys.argv[1]), on="mpi"))
