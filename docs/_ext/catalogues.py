"""The catalogues of the Chinese site, brought up to date with the pages: docs/locale/zh_CN/LC_MESSAGES/PAGE.po.

python docs/_ext/catalogues.py
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

DOCS = Path(__file__).resolve().parents[1]
LOCALE = "zh_CN"
CATALOGUES = DOCS / "locale" / LOCALE / "LC_MESSAGES"
WRITTEN = ("api", "derivations", "tutorials", "gallery", "results", "locale")  # by a build, or no pages
OTHERS = ("api/index", "derivations/index", "results/RESULTS")
# Pages that stay English.
ENGLISH = (
    "beyond-one-machine",
    "course-mistakes",
    "experiments",
    "faq",
    "findings",
    "glossary",
    "layers",
    "onnx-suite",
)
CODE = re.compile(r"(:\w+:)?(`+)[^<]+?\2")
HEADER = """\
msgid ""
msgstr ""
"Project-Id-Version: fnnet\\n"
"Language: zh_CN\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def extracted() -> dict[str, Catalog]:
    """The messages of every page that is translated, as Sphinx finds them: page -> template; no tutorial runs."""
    with tempfile.TemporaryDirectory() as folder:
        pages, out = Path(folder) / "docs", Path(folder) / "out"
        shutil.copytree(DOCS, pages, ignore=lambda at, names: set(names) & set(WRITTEN) if Path(at) == DOCS else ())
        for page in OTHERS:  # which are named, but whose messages are not asked for
            (pages / page).parent.mkdir()
            (pages / f"{page}.md").write_text("# Of another builder\n", encoding="utf-8")
        settings = ["extensions=myst_parser,sphinx_gallery.gen_gallery", "plot_gallery=0"]
        settings.append("exclude_patterns=_ext,lessons,pictures,README.md,**sg_execution_times.rst")
        options = [word for setting in settings for word in ("-D", setting)]
        subprocess.run(
            [sys.executable, "-m", "sphinx", "-b", "gettext", "-Q", *options, str(pages), str(out)], check=True
        )
        found = {path.relative_to(out).with_suffix("").as_posix(): path for path in sorted(out.rglob("*.pot"))}
        return {page: worded(read(path)) for page, path in found.items() if page not in ("sphinx", *OTHERS, *ENGLISH)}


def worded(template: Catalog) -> Catalog:
    """A template without the messages that are the same in every language: code and numbers."""
    for message in [message for message in template if message.id and not re.search("[a-z]", CODE.sub("", message.id))]:
        template.delete(message.id)
    return template


def read(path: Path) -> Catalog:
    """A catalogue from its file."""
    return read_po(io.BytesIO(path.read_bytes()), locale=LOCALE)


def text(catalogue: Catalog) -> str:
    """A catalogue as its file has it: the same for the same messages, whoever wrote it and when."""
    out = io.BytesIO()
    write_po(out, catalogue, width=120, omit_header=True, ignore_obsolete=True)
    return HEADER + out.getvalue().decode("utf-8").strip() + "\n"


def renewed(template: Catalog, catalogue: Catalog) -> Catalog:
    """A catalogue with the messages of the template: old translations, and guesses marked `fuzzy`."""
    catalogue.update(template)
    return catalogue


def main() -> None:
    """Write every catalogue, and say what is to be translated."""
    templates = extracted()
    for page, template in templates.items():
        path = CATALOGUES / f"{page}.po"
        catalogue = renewed(template, read(path) if path.is_file() else Catalog(LOCALE))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(catalogue), encoding="utf-8")
        missing = [message for message in catalogue if message.id and (message.fuzzy or not message.string)]
        if missing:
            print(f"{path.relative_to(DOCS.parent)}: {len(missing)} of {len(catalogue)} messages to translate")
    for path in CATALOGUES.rglob("*.po"):
        page = path.relative_to(CATALOGUES).with_suffix("").as_posix()
        if page not in (*templates, "sphinx"):
            path.unlink()
            print(f"{path.relative_to(DOCS.parent)}: no such page any more")


if __name__ == "__main__":
    main()
