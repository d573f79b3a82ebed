"""`list`: the experiments and what they ask."""

from experiments.registry import EXPERIMENTS


def main(args: list[str]) -> int:
    """Name the experiments."""
    if args:
        from fnnet.errors import ConfigError, expected

        raise ConfigError(expected("list", "no further words", " ".join(args)))
    width = max(len(name) for name in EXPERIMENTS)
    for name, (_, asks) in EXPERIMENTS.items():
        print(f"{name:{width}}  {asks}")
    return 0
