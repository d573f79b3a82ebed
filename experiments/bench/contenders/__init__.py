"""Contenders: each module builds a `Work` with one library, in a process of its own.

A module may have `begin()`, settings of its process. It has `versions() -> {name: version}`, `trainer(work, n)`, which
returns a function that makes one training step on a batch of n and gives the loss before it, and `predictor(work, n)`,
which returns a function that gives the scores of n examples; it may have `puller(work, n)`, which returns a function
that goes once forward and back through a layer and gives its values, the gradients of its params, and that of its
input, None for ids. Each raises `NotImplementedError` for what the library
does not have. Scores of many examples are made in batches of `PREDICTED`, by every contender.
"""

PREDICTED = 250
