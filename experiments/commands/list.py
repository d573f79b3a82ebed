"""`list`: the experiments and studies, and what they ask."""

from experiments.registry import EXPERIMENTS, REPORTS, STUDIES


def main(args: list[str]) -> int:
    """Name the experiments and the studies."""
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
    return 0
