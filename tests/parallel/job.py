"""What the tests run under `mpiexec`: every process prints one line that has to be the line of one process alone.

mpiexec -n 3 python -m mpi4py -m tests.parallel.job train
"""

import os
import signal
import sys

import numpy as np

from fnnet import data, metrics, optim, parallel, rng, training
from fnnet.parallel.arrays import tree_digest
from tests.parallel.cases import CASES, KEY, LOSS


def main(word: str, team: parallel.Team) -> list[str]:
    """The digests of a short training of every case, with an evaluation and predictions."""
    found = []
    for net, arrays in CASES.values():
        optimizer = optim.adam(0.01)
        step = training.make_step(net, LOSS, optimizer, {"accuracy": metrics.accuracy}, micro_batch=2, team=team)
        state = training.init(net, optimizer, KEY, arrays[0].shape[1:])
        for epoch in range(2):
            for batch in data.batches(rng.fold_in(KEY, epoch), arrays, 9, micro_batch=2, team=team):
                if word == "fault" and team.rank == 1 and state.step == 2:
                    arrays[1][:] = 7  # a label that is no class, and only here
                if word == "kill" and team.rank == 1 and state.step == 2:
                    os.kill(os.getpid(), signal.SIGKILL)
                state, _ = step(state, batch)
        values = training.evaluate(net, state.params, arrays, {"accuracy": metrics.accuracy}, LOSS, 4, team=team)
        predictions = training.predict(net, state.params, arrays[0], 4, team=team)
        found.append(tree_digest((state, tuple(values.values()), np.asarray(predictions))))
    return found


if __name__ == "__main__":
    team = parallel.mpi()
    found = main(sys.argv[1], team)
    sys.stdout.write(f"{team.size} {' '.join(found)}\n")  # in one piece, whoever writes beside
