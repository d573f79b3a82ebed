"""A folder of pages that other code makes."""

from collections.abc import Mapping
from pathlib import Path


def written(folder: Path, pages: Mapping[str, str]) -> None:
    """The folder holds these pages, name -> text, and no others of their kinds; one that stays alike keeps its time."""
    folder.mkdir(exist_ok=True)
    kinds = {Path(name).suffix for name in pages}
    for path in folder.iterdir():
        if path.suffix in kinds and path.name not in pages:
            path.unlink()
    for name, content in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
