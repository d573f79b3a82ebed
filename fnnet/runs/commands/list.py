"""`list`: what can be trained by name."""

from fnnet.runs.registry import EXPERIMENTS


def main(args: list[str]) -> int:
    """Name what can be trained."""
    if args and args[0] in ("-h", "--help"):
        print("usage: fnnet list\n\nName what can be trained, with what it asks.")
        return 0
    if args:
        from fnnet.errors import ConfigError, expected

        raise ConfigError(expected("list", "no further words", " ".join(args)))
    width = max(map(len, EXPERIMENTS))
    for name, (_, asks) in EXPERIMENTS.items():
        print(f"{name:{width}}  {asks}")
    return 0
