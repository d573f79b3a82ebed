"""Training, evaluation and prediction by several processes, to the bytes that one would make.

team = parallel.mpi()                                                  # mpiexec -n 4 python -m mpi4py program.py
step = training.make_step(net, loss, optimizer, micro_batch=16, team=team)
epoch = data.batches(key, arrays, 64, micro_batch=16, team=team)       # each worker reads its own rows
state, history = training.fold(step, state, epoch)                     # all hold the same state, and
measured = training.evaluate(net, state.params, held_out, metrics, team=team)  # worker 0 writes it down
"""

from fnnet.parallel.mpi import mpi
from fnnet.parallel.team import Team, alone, share

__all__ = ["Team", "alone", "mpi", "share"]
