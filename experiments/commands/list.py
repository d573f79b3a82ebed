"""`list`: the experiments and studies, and what they ask."""

from experiments.registry import REPORTS, STUDIES
from fnnet.runs.registry import EXPERIMENTS


def main(args: list[str]) -> int:
    """Name the experiments and the studies."""
    if args and args[0] in ("-h", "--help"):
        print("usage: python -m experiments list\n\nName the experiments, and the studies with what they ask.")
        return 0
    if args:
        from fnnet.errors import ConfigError, expected

        raise ConfigError(expected("list", "no further words", " ".join(args)))
    width = max(map(len, (*EXPERIMENTS, *STUDIES)))
    for name, (_, asks) in EXPERIMENTS.items():
        print(f"{name:{width}}  {asks}")
    print("\nStudies, each of several settings and seeds; `run all` runs them all:")
    for name, asks in STUDIES.items():
        report = REPORTS[name.partition("-")[0]]
        print(f"{name:{width}}  {asks} ({report})")
    print("\nR1–R5: five course reports that these experiments reproduce, see README; best: what goes beyond them.")
    return 0
