"""Run one fuzzer; see the package."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import atheris

CORPUS = Path(__file__).parent / "corpus"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        path, work = Path(scratch) / "file", Path(scratch) / "work"
        work.mkdir()
        with atheris.instrument_imports():  # reading the seeds imports whatever is imported late
            from tests.fuzz.targets import TARGETS, run

            options = parse(sorted(TARGETS))
            target = TARGETS[options.target]
            for i, seed in enumerate(target.seeds()):
                (work / f"seed-{i}").write_bytes(seed)
                run(target, seed, path)
        found = CORPUS / options.target
        found.mkdir(parents=True, exist_ok=True)
        arguments = [
            "fuzz",
            f"-max_total_time={options.seconds}",
            f"-seed={options.seed}",
            "-max_len=4096",
            "-timeout=10",  # seconds for one file
            "-rss_limit_mb=2048",
            f"-artifact_prefix={found}/",
            "-print_final_stats=1",
            str(work),
            str(found),
        ]
        atheris.Setup(arguments, lambda content: run(target, content, path))
        child = os.fork()
        if child == 0:
            atheris.Fuzz()  # ends its process without another word, so it is not this one, which cleans up
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


def parse(targets: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz a reader of files.")
    parser.add_argument("target", choices=targets)
    parser.add_argument("--seconds", type=int, default=600, help="how long (default: 600)")
    parser.add_argument("--seed", type=int, default=1, help="of the fuzzer's own random numbers, ≥ 1 (default: 1)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
