"""docs/findings.md says what is true: every test that it names is there, and every job takes the lines it says."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
FINDINGS, JOBS = TEXT.split("## Jobs of a newcomer")
ROWS = [re.split(r" *\| *", line.strip("| ")) for line in FINDINGS.splitlines() if re.match(r"\| [A-E]", line)]
TABLE = dict(re.findall(r"^\| ([a-z][^|]*?) \| [^|]* \| (\d+) \|$", JOBS, re.MULTILINE))
SETUP = re.search(r"```python\n(.*?)```", JOBS, re.DOTALL)[1]
BLOCKS = dict(re.findall(r"### (.*?)\n\n```python\n(.*?)```", JOBS, re.DOTALL))


def test_all_findings_are_there():
    words = {row[0].split()[0] for row in ROWS}
    assert words == {*(f"A{i}" for i in range(1, 12)), "B", "C", "D", *(f"E{i}" for i in range(1, 15))}
    assert all(len(row) == 4 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_named_test_exists(row):
    file = None
    named = re.findall(r"`(?:([\w/]+\.py)::)?(test_\w+)`", row[3])
    assert named
    for own, test in named:
        file = own or file
        assert re.search(rf"^ *def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), (file, test)


def test_every_job_has_its_lines():
    assert {job: str(len(lines.splitlines())) for job, lines in BLOCKS.items()} == TABLE


@pytest.mark.parametrize("job", BLOCKS)
def test_jobs_are_done_in_these_lines(job, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for kind in ("cat", "dog"):
        (tmp_path / "pictures" / kind).mkdir(parents=True)
        for i in range(2):
            Image.fromarray(np.full((9 + i, 12, 3), 40 * i, np.uint8)).save(tmp_path / "pictures" / kind / f"{i}.png")
    names = {}
    exec(SETUP + BLOCKS[job], names)
    for made in re.findall(r'"([\w.]+\.(?:safetensors|csv))"', BLOCKS[job]):
        assert (tmp_path / made).stat().st_size > 0
