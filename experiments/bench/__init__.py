"""`python -m experiments bench`: fnnet against other libraries on this machine, in one run.

This file and `works`, `worker` and `contenders` are also read by the peers' own interpreters, so nothing beyond the
standard library is imported here.
"""


def main(args: list[str]) -> int:
    """Time what the words after `bench` ask for, print the table, and return the exit code."""
    from experiments.bench.command import main

    return main(args)
