"""The Chinese site: every message of its pages is translated, and says what the English one says.

Where one of these fails: `make docs-po` brings docs/locale up to date and names what is to be translated.
"""

import doctest
import importlib
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the site's tools: pip install '.[docs]'")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))
catalogues, chinese = map(importlib.import_module, ("catalogues", "chinese"))
PAGES = sorted(
    path.relative_to(catalogues.CATALOGUES).with_suffix("").as_posix() for path in catalogues.CATALOGUES.rglob("*.po")
)
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
SPAN = r"`+[^`<]+`+"
# Words of everyday English too, or of names that stay as they are.
LOOSE = {"activation", "augmentation", "key", "label", "sample, example", "state", "step", "weight"}


def messages(page):
    """English and Chinese, for each message of a page."""
    catalogue = catalogues.read(catalogues.CATALOGUES / f"{page}.po")
    return [(message.id, message.string or "") for message in catalogue if message.id]


def terms():
    """English -> what may stand for it in Chinese, for each row of the glossary, the longest first."""
    rows = [line.split("|") for line in GLOSSARY.splitlines() if re.match(r"\| [a-z]", line)]
    found = {row[1].strip(): [row[2].strip(" ·"), *re.findall("[\u4e00-\u9fff]+", row[3])] for row in rows}
    found["loss"].append("损失")  # the number, where 损失函数 is the function
    return {term: found[term] for term in sorted(found.keys() - LOOSE, key=len, reverse=True)}


@pytest.fixture(scope="module")
def templates():
    return catalogues.extracted()


def test_every_page_has_its_catalogue(templates):
    assert {*templates, "sphinx"} == set(PAGES), "run `make docs-po`"


@pytest.mark.parametrize("page", PAGES)
def test_a_catalogue_fits_its_page_and_nothing_is_left(page, templates):
    path = catalogues.CATALOGUES / f"{page}.po"
    left = [message.id for message in catalogues.read(path) if message.id and (message.fuzzy or not message.string)]
    assert not left, f"translate these in {path.name}, and take `fuzzy` away where it stands"
    if page != "sphinx":
        renewed = catalogues.renewed(templates[page], catalogues.read(path))
        assert catalogues.text(renewed) == path.read_text(encoding="utf-8"), "run `make docs-po`, and translate"


@pytest.mark.parametrize("page", PAGES)
def test_code_links_and_numbers_stay_as_they_are(page):
    for english, translated in messages(page):
        for pattern in (SPAN, r"\]\([^)]+\)", r":\w+:(?=`)", r"<[^>]+>(?=`)"):
            assert sorted(re.findall(pattern, translated)) == sorted(re.findall(pattern, english)), english
        ours, theirs = (
            Counter(re.findall(r"\d[\d.,]*\d|\d", re.sub(SPAN, "", text))) for text in (translated, english)
        )
        assert not theirs - ours, english
        assert all(len(number) == 1 for number in ours - theirs), english  # a word such as *zeros* may become a digit


@pytest.mark.parametrize("page", PAGES)
def test_terms_are_those_of_the_glossary(page):
    for english, translated in messages(page):
        words = re.sub(rf"{SPAN}|\"[^\"]+\"|\]\([^)]+\)|<[^>]+>", "", english).lower()
        for term, ours in terms().items():
            words, times = re.subn(rf"\b{re.escape(term)}s?\b", "", words)
            assert not times or any(word in translated for word in ours), (term, ours, english)


@pytest.mark.parametrize("page", PAGES)
def test_marks_are_chinese_ones(page):
    for _, translated in messages(page):
        assert not re.search(r"[\u4e00-\u9fff][,;:?!](?!\w)", translated), translated


def test_the_tools_own_examples():
    assert not doctest.testmod(chinese).failed


def test_messages_without_words_are_left_out():
    template = catalogues.Catalog()
    for text in ("`dense(3)`", "0.96", ":doc:`/tutorials/plot_mnist`", "`x` is x", ":download:`Get it <a.py>`"):
        template.add(text)
    assert [message.id for message in catalogues.worded(template) if message.id] == [
        "`x` is x",
        ":download:`Get it <a.py>`",
    ]


def test_captions_of_small_pictures_are_translated():
    source = '<div tooltip="A net &amp; more."><div class="sphx-glr-thumbnail-title">Digits</div>'
    known = {"A net & more.": "网络", "Digits": "数字"}
    assert chinese.captioned(source, known) == '<div tooltip="网络"><div class="sphx-glr-thumbnail-title">数字</div>'
    assert chinese.captioned(source, {}) == source


def test_messages_that_are_gone_or_changed_are_seen():
    catalogue, template = catalogues.Catalog("zh_CN"), catalogues.Catalog()
    for english, ours in (("A net is a value.", "网络是一个值。"), ("Gone for good", "没有了")):
        catalogue.add(english, ours)
    for english in ("A net is a value, too.", "New words of another kind"):
        template.add(english)
    found = {
        message.id: (message.string or "", message.fuzzy)
        for message in catalogues.renewed(template, catalogue)
        if message.id
    }
    assert found == {"A net is a value, too.": ("网络是一个值。", True), "New words of another kind": ("", False)}
    assert "没有了" not in catalogues.text(catalogue)
