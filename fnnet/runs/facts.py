"""What a run's bytes depend on besides its configuration, as facts that can be compared."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import blake2b
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from fnnet.runs.threads import blas

_ROOT = Path(__file__).resolve().parents[2]  # the clone, or where packages are installed


def environment() -> dict[str, Any]:
    """Versions of everything that computes, threads and processor: flat, from words to words and numbers."""
    facts: dict[str, Any] = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "optree": metadata.version("optree"),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "processor features": processor_features(),
        "libc": libc(),
        "code": code_digest(),
        "commit": commit(),
    }
    pools = blas()
    named = (f"{pool['internal_api']} {pool['version']} {pool.get('architecture') or ''}".strip() for pool in pools)
    facts["blas"] = ", ".join(named) or "unknown"
    facts["blas threads"] = max((pool["num_threads"] for pool in pools), default="unknown")
    return facts


@cache
def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"


def processor_features() -> str:
    """Instructions that NumPy uses: those of the processor less those that NPY_DISABLE_CPU_FEATURES masks."""
    found = np.show_config(mode="dicts")["SIMD Extensions"]
    return " ".join([*found.get("baseline", []), *found.get("found", [])]) or "none"


def libc() -> str:
    """The C library, whose exp and log NumPy may call, and what masks the instructions that it uses."""
    masks = os.environ.get("GLIBC_TUNABLES")
    return " ".join([*filter(None, platform.libc_ver()), *([masks] if masks else [])]) or "unknown"


def in_clone() -> bool:
    """Whether fnnet is run from its sources, not installed among other packages."""
    return (_ROOT / "pyproject.toml").is_file()


@cache
def code_digest() -> str:
    """A digest of the sources of fnnet, and in a clone of the experiments, as this process found them."""
    return fresh_digest()


def fresh_digest() -> str:
    """A digest of the sources of fnnet, and in a clone of the experiments, as they lie on the disk."""
    packages = ("fnnet", "experiments") if in_clone() else ("fnnet",)
    return digest(_ROOT, [path for package in packages for path in sorted((_ROOT / package).rglob("*.py"))])


def digest(root: Path, paths: Iterable[Path], content: Callable[[Path], bytes] = Path.read_bytes) -> str:
    """A digest of files: of their names below `root` and of what counts of their content."""
    found = blake2b(digest_size=16)
    for path in paths:
        counts = content(path)
        found.update(f"{path.relative_to(root).as_posix()}\0{len(counts)}\0".encode())
        found.update(counts)
    return found.hexdigest()


@cache
def commit() -> str:
    """The commit of the sources, with `+` where files were changed since; "none" outside git."""
    if not in_clone():
        return "none"  # an environment may lie in the clone of something else
    command = ["git", "-C", str(_ROOT), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "none"
    return done.stdout.strip() if done.returncode == 0 else "none"


def array_digest(array: np.ndarray) -> str:
    """A digest of dtype, shape and content.

    >>> array_digest(np.zeros(2)) == array_digest(np.zeros(2, np.float32))
    False
    """
    digest = blake2b(f"{array.dtype.str} {array.shape} ".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def peak_memory() -> int | None:
    """The most memory this process has had so far, in bytes; None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def changed(
    before: dict[str, Any], now: dict[str, Any], names: tuple[str, str] = ("when the run began", "now")
) -> list[str]:
    """One phrase for every fact that differs.

    >>> changed({"numpy": "2.0", "python": "3.11"}, {"numpy": "2.1", "python": "3.11"})
    ['numpy: 2.0 when the run began, 2.1 now']
    """
    return [
        f"{fact}: {before.get(fact, 'not recorded')} {names[0]}, {now.get(fact, 'not recorded')} {names[1]}"
        for fact in {**before, **now}
        if before.get(fact) != now.get(fact)
    ]
