"""
From one core to many, with the same bytes
==========================================

Sums of floats depend on their order, so more workers usually mean other numbers. Here they do not: gradients of
micro-batches are added in a fixed tree. This page shows the tree, and what it is good for.
"""

import numpy as np

from fnnet import data, layers, losses, optim, parallel, plots, rng, training, tree
from fnnet.parallel import cost

# %%
# Why the order matters
# ---------------------
# The same thousand numbers, added up in a hundred orders. None of the sums is wrong; they are different.

numbers = rng.normal(rng.key(0), (1000,))
sums = {float(np.cumsum(numbers[rng.permutation(rng.key(i), 1000)], dtype=np.float32)[-1]) for i in range(100)}
print(len(sums), "different sums, from", min(sums), "to", max(sums))

# %%
# A tree that does not ask who adds
# ---------------------------------
# Parts 0 … n - 1 are split at the largest power of two below n, and so on: ((0 + 1) + (2 + 3)) + 4. Whoever has parts
# 2 and 3 can add them alone and send one sum. Which parts go to which worker changes who adds, never in which order.

for workers in (1, 2, 3):
    print(workers, "workers:", [list(parallel.share(8, rank, workers)) for rank in range(workers)])

# %%
# So the bytes of a step depend on the size of a micro-batch alone:

digits = data.small_digits()
batch = data.scale(digits.train.images[:64]), digits.train.labels[:64]
net = layers.serial(layers.flatten(), layers.dense(32), layers.batch_norm(), layers.relu(), layers.dense(10))
optimizer = optim.adam(0.01)
state = training.init(net, optimizer, rng.key(0), (1, 8, 8))


def after(workers, micro_batch=8):
    """The bytes of the params after a step."""
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer, micro_batch=micro_batch, workers=workers)
    return b"".join(tree.array(leaf).tobytes() for leaf in tree.leaves(step(state, batch)[0].params))


print("1, 2, 3 and 5 threads alike:", len({after(workers) for workers in (1, 2, 3, 5)}) == 1)
print("another micro-batch alike:", after(1) == after(1, micro_batch=16))

# %%
# Processes, on one machine or on many, go the same way: ``team=parallel.mpi()`` in a program that ``mpiexec`` starts,
# or from the shell, for whatever is trained by name:
#
# .. code-block:: sh
#
#    mpiexec -n 4 python -m mpi4py -m fnnet train lenet5 --micro-batch 16 --on mpi
#
# A run that 4 workers began may be resumed by 3, or by one, and ends with the bytes of a run that never stopped.
#
# When it pays
# ------------
# Work is shared, and gradients have to be exchanged. ``fnnet.parallel.cost`` has the model: with n workers a step
# takes t / n and 2 (n - 1) (α + S / (n β)), for latency α, bandwidth β, and S bytes of gradients. Here for a step of
# 100 ms in 64 micro-batches and 4 MB of params, by network:

workers = [2**k for k in range(7)]
speed = {
    name: [0.1 / cost.step_seconds(0.1, 64, n, cost.by_slices(link, n, 4e6)) for n in workers]
    for name, link in cost.NETWORKS.items()
}
figure = plots.curves(speed, at=workers, x="workers", y="times as fast as one")

# %%
# ``fnnet scaling NET --batch 512 --network 10GbE`` measures your net's step here, and says where the curve bends.
#
# Studies need no exchange at all
# -------------------------------
# Runs of a study are independent, so they are simply dealt out: the jobs of an array on a cluster each make one part,
# and any of them may die and be started again.
#
# .. code-block:: sh
#
#    python -m experiments run all --part $SLURM_ARRAY_TASK_ID/16 --out /shared/runs
#    python -m experiments run all --on dask:tcp://scheduler:8786
#
# Exercises
# ---------
# 1. Write the tree of 6 parts. Which sums does a worker send that has parts 2, 3 and 4?
# 2. Why does a batch norm see a micro-batch as its batch, and what would it cost to let it see all?
# 3. With which bandwidth would 64 workers be worth 32 in the figure? Solve the formula, then try it.
