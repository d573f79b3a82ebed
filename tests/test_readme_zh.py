"""README.zh-CN.md says what README.md says: its code to the letter, its links, numbers and parts."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGLISH, CHINESE = (ROOT.joinpath(name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
BLOCK = r"^```.*?^```$"


def found(pattern: str, page: str) -> list[str]:
    return re.findall(pattern, page, re.MULTILINE | re.DOTALL)


def without_code(page: str) -> str:
    return re.sub(BLOCK, "", page, flags=re.MULTILINE | re.DOTALL)


def tables(page: str) -> list[str]:
    return [line for line in without_code(page).splitlines() if line.startswith("|")]


def test_code_is_the_same_to_the_letter():
    assert len(found(BLOCK, ENGLISH)) > 10
    assert found(BLOCK, CHINESE) == found(BLOCK, ENGLISH)


def test_parts_stand_in_the_same_order():
    ours, theirs = ([line.split()[0] for line in found(r"^#+ .*?$", without_code(page))] for page in (CHINESE, ENGLISH))
    assert ours == theirs


@pytest.mark.parametrize("pattern", [r"\]\(([^)]+)\)", r"(?<!`)`([^`\n]+)`"], ids=["links", "code in lines"])
def test_what_is_named_is_the_same(pattern):
    ours, theirs = (sorted(set(found(pattern, without_code(page)))) for page in (CHINESE, ENGLISH))
    assert [name for name in ours if name != "README.md"] == [name for name in theirs if name != "README.zh-CN.md"]


def test_tables_have_the_same_numbers():
    ours, theirs = ([re.findall(r"\d[\d,.]*\d|\d", line) for line in tables(page)] for page in (CHINESE, ENGLISH))
    assert ours == theirs


def test_terms_are_those_of_the_glossary():
    """Every Chinese term stands there once, and none of its usual rivals is used."""
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    terms = [line.split("|")[2].strip(" ·") for line in glossary.splitlines() if re.match(r"\| [a-z]", line)]
    assert len(terms) > 40
    assert len(set(terms)) == len(terms)
    for rival, term in (("批标准化", "批归一化"), ("损失方程", "损失函数"), ("反传播", "反向传播"), ("精度", "准确率")):
        assert term in glossary
        assert rival not in CHINESE


def test_each_leads_to_the_other():
    assert "(README.zh-CN.md)" in ENGLISH
    assert "(README.md)" in CHINESE
