"""The archive of runs: what goes in comes out, nothing is written over, damage is said."""

import io
import tarfile

import pytest

from experiments.cli import main
from experiments.engine import archive, store
from fnnet.errors import DataError
from fnnet.runs import files


@pytest.fixture
def made(tmp_path):
    out = tmp_path / "made"
    out.mkdir()
    for name in ("tasks-train-1-seed0", "tasks-train-1-seed1"):
        files.write(store.path(out, name), files.to_json({"run": name, "rows": [{"epoch": 1, "loss": 0.1 + 0.2}]}))
    store.log(out, {"runs": 2, "seconds": 1.5})
    return out


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.json")}


def test_what_goes_in_comes_out(made, tmp_path):
    file, other = tmp_path / "runs.tar.xz", tmp_path / "other"
    assert archive.pack(made, file) == 2
    assert archive.unpack(other, file) == 2
    assert contents(other) == contents(made)
    assert archive.unpack(other, file) == 0


def test_the_same_runs_make_the_same_bytes(made, tmp_path):
    first, second = tmp_path / "1.tar.xz", tmp_path / "2.tar.xz"
    archive.pack(made, first)
    archive.unpack(tmp_path / "other", first)
    archive.pack(tmp_path / "other", second)
    assert first.read_bytes() == second.read_bytes()


def test_packing_keeps_what_the_folder_has_not_and_takes_what_it_has_anew(made, tmp_path):
    file, more = tmp_path / "runs.tar.xz", tmp_path / "more"
    archive.pack(made, file)
    more.mkdir()
    files.write(store.path(more, "tasks-train-1-seed1"), "{}")
    files.write(store.path(more, "tasks-train-2-seed0"), "{}")
    store.log(more, {"runs": 1, "seconds": 2.5})
    assert archive.pack(more, file) == 3
    archive.unpack(tmp_path / "other", file)
    assert store.path(tmp_path / "other", "tasks-train-1-seed1").read_text() == "{}"
    assert [session["seconds"] for session in store.sessions(tmp_path / "other")] == [1.5, 2.5]


def test_unpacking_leaves_runs_that_are_there(made, tmp_path):
    file, other = tmp_path / "runs.tar.xz", tmp_path / "other"
    archive.pack(made, file)
    other.mkdir()
    files.write(store.path(other, "tasks-train-1-seed0"), "mine")
    assert archive.unpack(other, file) == 1
    assert store.path(other, "tasks-train-1-seed0").read_text() == "mine"


@pytest.mark.parametrize("name", ["../a-seed0.json", "notes.txt"])
def test_an_archive_of_other_files_is_refused(tmp_path, name):
    file = tmp_path / "runs.tar.xz"
    with tarfile.open(file, "w:xz") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(DataError, match="expected an archive of runs"):
        archive.unpack(tmp_path / "out", file)
    assert not (tmp_path / "out").exists()


def test_a_cut_archive_is_refused_and_kept(made, tmp_path, capsys):
    file = tmp_path / "runs.tar.xz"
    archive.pack(made, file)
    cut = file.read_bytes()[:-40]
    file.write_bytes(cut)
    with pytest.raises(DataError, match="expected an archive of runs"):
        archive.pack(made, file)
    assert file.read_bytes() == cut
    assert main(["archive", "unpack", "--file", str(file), "--out", str(tmp_path / "out")]) == 1
    assert "expected an archive of runs" in capsys.readouterr().err


def test_the_command_packs_and_unpacks(made, tmp_path, capsys):
    file = str(tmp_path / "runs.tar.xz")
    assert main(["archive", "pack", "--out", str(made), "--file", file]) == 0
    assert main(["archive", "unpack", "--out", str(tmp_path / "other"), "--file", file]) == 0
    told = capsys.readouterr().out
    assert "holds 2 runs" in told
    assert "2 runs taken into" in told
