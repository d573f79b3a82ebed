"""Look at the built site: every internal link leads somewhere, every public name has its place, no page is heavy.

python docs/_ext/look.py build/docs
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

HEAVIEST = 1_000_000  # bytes of a page
SITES = ("docs", "docs-zh")  # in English and in Chinese, side by side


class Reader(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.foreign: list[str] = []  # what a page would load from elsewhere
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what leads away, and what can be led to."""
        for name, value in attrs:
            if value is None:
                continue
            if name in ("href", "src"):
                self.links.append(value)
                if tag != "a" and urlsplit(value).netloc:
                    self.foreign.append(value)
            elif name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)


def read(site: Path) -> dict[Path, Reader]:
    """Every page of a site."""
    pages = {}
    for path in sorted(site.rglob("*.html")):
        if "_static" not in path.parts:
            pages[path.resolve()] = reader = Reader()
            reader.feed(path.read_text(encoding="utf-8"))
    return pages


def faults(site: Path, pages: dict[Path, Reader]) -> Iterator[str]:
    """What is wrong with a site, a line each."""
    for path, reader in pages.items():
        here = path.relative_to(site.resolve())
        if path.stat().st_size > HEAVIEST:
            yield f"{here}: {path.stat().st_size} bytes"
        for link in reader.foreign:
            yield f"{here}: loads {link} from elsewhere"
        for link in reader.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link.startswith("data:"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            target = within(site.resolve(), target)
            if not target.is_file():
                yield f"{here}: {link} leads nowhere"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{here}: {link} leads to no place on its page"


def within(site: Path, target: Path) -> Path:
    """Where a link into the site in the other language, which lies beside and has the same pages, would lead here."""
    for other in (site.with_name(name) for name in SITES):
        if target.is_relative_to(other):
            return site / target.relative_to(other)
    return target


def unplaced(site: Path, pages: dict[Path, Reader]) -> Iterator[str]:
    """Public names without a place on their page."""
    from rooms import every_name

    for name, file in every_name().items():
        anchors = pages[(site / "api" / f"{file}.html").resolve()].anchors
        if name not in anchors and f"module-{name}" not in anchors:
            yield f"{name}: not on api/{file}.html"


def main(site: Path) -> int:
    """Print what is wrong, or how large the site is."""
    pages = read(site)
    found = [*faults(site, pages), *unplaced(site, pages)]
    print(*found, sep="\n", end="\n" if found else "")
    heaviest = max(pages, key=lambda path: path.stat().st_size)
    files = [path for path in site.rglob("*") if path.is_file() and ".doctrees" not in path.parts]
    size = sum(path.stat().st_size for path in files)
    links = sum(len(reader.links) for reader in pages.values())
    print(
        f"{len(pages)} pages, {size / 1e6:.1f} MB, {links} links followed, {len(found)} faults; "
        f"the heaviest page is {heaviest.name} with {heaviest.stat().st_size / 1e3:.0f} kB"
    )
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
