"""What a built wheel and its sources must hold; and a page read with the fnnet that is installed."""

import doctest
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def tracked(*under: str) -> set[str]:
    """Files that git tracks, below the root."""
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files", *under], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def look(folder: Path) -> None:
    """The wheel holds fnnet as it stands and nothing else; the sources hold all that the tests need."""
    (wheel,), (sources,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == tracked("fnnet"), held ^ tracked("fnnet")
    assert "fnnet/py.typed" in held
    with tarfile.open(sources) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    missing = {name for name in tracked() if name not in inside and not name.startswith(".git")}
    assert not missing, missing
    print(f"{wheel.name}: {len(held)} files; {sources.name}: {len(inside)} files")


def read(page: Path) -> None:
    """Run the examples of a page."""
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    found = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert found.attempted > 10
    assert not found.failed
    print(f"{page.name}: {found.attempted} examples")


if __name__ == "__main__":
    if sys.argv[1] == "--read":
        read(Path(sys.argv[2]))
    else:
        look(Path(sys.argv[1]))
