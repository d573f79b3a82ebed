import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fnnet.data import read_idx
from fnnet.errors import ConfigError, DataError
from tests.data.files import IDX_TYPES, gz, idx, ramp, write
from tests.memory import at_most

IMAGES = ramp((3, 4, 2))  # header 16 bytes, data 24


@pytest.mark.parametrize("pack", [bytes, gz], ids=["plain", "gzip"])
@pytest.mark.parametrize("code", IDX_TYPES)
def test_reads_every_type(tmp_path, code, pack):
    array = np.array([[1, 2, 3], [-4, 5, 100]]).astype(np.dtype(IDX_TYPES[code]).newbyteorder("="))
    read = read_idx(write(tmp_path / "file", pack(idx(array, code))))
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    assert read.tolist() == array.tolist()
    assert read.flags.c_contiguous


@settings(derandomize=True, deadline=None, max_examples=50, database=None)
@given(array=hnp.arrays(np.uint8, hnp.array_shapes(max_dims=8, max_side=3)), packed=st.booleans())
def test_round_trip(tmp_path_factory, array, packed):
    content = idx(array)
    path = write(tmp_path_factory.getbasetemp() / "round-trip.idx", gz(content) if packed else content)
    np.testing.assert_array_equal(read_idx(path), array)


def field(cut: int) -> str:
    if cut < 4:
        return rf"magic number \(bytes 0-3\): expected 4 bytes, got {cut}"
    if cut < 16:
        return rf"lengths of 3 axes \(from byte 4\): expected 12 bytes, got {cut - 4}"
    return r"data \(from byte 16\): expected 24 bytes, as uint8 of shape \(3, 4, 2\) needs, got " + str(cut - 16)


@pytest.mark.parametrize("pack", [bytes, gz], ids=["plain", "gzip"])
@pytest.mark.parametrize("cut", range(40))
def test_cut_off(tmp_path, cut, pack):
    path = write(tmp_path / "cut.idx", pack(idx(IMAGES)[:cut]))
    with pytest.raises(DataError, match=f"cut.idx: {field(cut)}"):
        read_idx(path)


def test_cut_off_gzip(tmp_path):
    content = gz(idx(IMAGES))
    for cut in range(len(content)):
        path = write(tmp_path / "cut.gz", content[:cut])
        with pytest.raises(DataError, match=r"cut.gz: (.*intact gzip stream|magic number)"):
            read_idx(path)


def test_flipped_bits_of_gzip(tmp_path):
    content = gz(idx(IMAGES))
    path, refused = tmp_path / "flipped.gz", 0
    for bit in range(0, 8 * len(content), 3):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            np.testing.assert_array_equal(read_idx(path), IMAGES)
        except DataError:
            refused += 1
    assert refused > 8 * (len(content) - 10) // 3  # all but the time, the system and the flags in the header


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (0, 1, r"magic number \(bytes 0-1\): expected 00 00, got 01 00"),
        (1, 255, r"magic number \(bytes 0-1\): expected 00 00, got 00 ff"),
        (2, 0x0A, r"type code \(byte 2\): expected one of 08 \(uint8\), .*, 0e \(float64\), got 0a"),
        (3, 0, r"number of axes \(byte 3\): expected 1 to 8, got 0"),
        (3, 9, r"number of axes \(byte 3\): expected 1 to 8, got 9"),
        (7, 0, r"length of axis 0 \(byte 4\): expected at least 1, got 0"),
        (11, 0, r"length of axis 1 \(byte 8\): expected at least 1, got 0"),
        (15, 1, r"data \(from byte 16\): expected 12 bytes, as uint8 of shape \(3, 4, 1\) needs, got 24"),
        (15, 3, r"data \(from byte 16\): expected 36 bytes, as uint8 of shape \(3, 4, 3\) needs, got 24"),
        (2, 0x0B, r"data \(from byte 16\): expected 48 bytes, as int16 of shape \(3, 4, 2\) needs, got 24"),
    ],
)
def test_wrong_header(tmp_path, at, value, message):
    content = bytearray(idx(IMAGES))
    content[at] = value
    with pytest.raises(DataError, match=f"wrong.idx: {message}"):
        read_idx(write(tmp_path / "wrong.idx", bytes(content)))


@pytest.mark.parametrize("pack", [bytes, gz], ids=["plain", "gzip"])
def test_lengths_beyond_all_bounds(tmp_path, pack):
    content = bytes([0, 0, 0x0E, 4]) + b"\xff" * 16 + bytes(8)
    path = write(tmp_path / "huge.idx", pack(content))
    with pytest.raises(DataError, match=rf"expected at most {2**30} bytes, got {(2**32 - 1) ** 4 * 8} bytes"):
        read_idx(path)


@pytest.mark.parametrize("pack", [bytes, gz], ids=["plain", "gzip"])
def test_promises_are_not_believed(tmp_path, pack):
    """A header may promise 800 MB: nothing of that size is made before the file has been looked at."""
    path = write(tmp_path / "liar.idx", pack(bytes([0, 0, 8, 1]) + (800_000_000).to_bytes(4, "big") + bytes(100)))
    with (
        at_most(2**20),
        pytest.raises(DataError, match=r"expected 800000000 bytes, .* got (at most )?\d+; get the file again"),
    ):
        read_idx(path)


def test_unpacks_no_more_than_promised(tmp_path):
    path = write(tmp_path / "bomb.gz", gz(idx(IMAGES) + bytes(50_000_000)))
    with (
        at_most(2**20),
        pytest.raises(DataError, match=r"bomb.gz: byte 40: expected the end of the file, got more bytes"),
    ):
        read_idx(path)


def test_trailing_bytes(tmp_path):
    with pytest.raises(DataError, match=r"data \(from byte 16\): expected 24 bytes, .*, got 25"):
        read_idx(write(tmp_path / "long.idx", idx(IMAGES) + b"\0"))
    with pytest.raises(DataError, match=r"byte 40: expected the end of the file"):
        read_idx(write(tmp_path / "long.gz", gz(idx(IMAGES) + b"\0")))
    with pytest.raises(DataError, match=r"expected an intact gzip stream, got Not a gzipped file"):
        read_idx(write(tmp_path / "tail.gz", gz(idx(IMAGES)) + b"tail"))


def test_two_gzip_members_are_one_file(tmp_path):
    content = idx(IMAGES)
    path = write(tmp_path / "members.gz", gz(content[:10]) + gz(content[10:]))
    np.testing.assert_array_equal(read_idx(path), IMAGES)


def test_limit(tmp_path):
    path = write(tmp_path / "file.idx", idx(IMAGES))
    assert read_idx(path, max_bytes=24).shape == (3, 4, 2)
    with pytest.raises(DataError, match=r"expected at most 23 bytes, got 24 bytes.*; raise max_bytes"):
        read_idx(path, max_bytes=23)
    with pytest.raises(ConfigError, match="max_bytes: expected a whole number ≥ 1, got 0"):
        read_idx(path, max_bytes=0)


def test_no_regular_file(tmp_path):
    with pytest.raises(DataError, match=r"none.idx: expected an IDX file, got No such file or directory"):
        read_idx(tmp_path / "none.idx")
    with pytest.raises(DataError, match=r"expected an IDX file, got something that is not a regular file"):
        read_idx(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"pipe: expected an IDX file, got something that is not a regular file"):
        read_idx(tmp_path / "pipe")
    with pytest.raises(DataError, match="expected an IDX file, got embedded null"):
        read_idx("a\0b")
    with pytest.raises(DataError, match=r"magic number \(bytes 0-3\): expected 4 bytes, got 0"):
        read_idx(write(tmp_path / "empty.idx", b""))


@settings(derandomize=True, deadline=None, max_examples=300, database=None)
@given(data=st.data(), packed=st.booleans())
def test_damage_is_found_or_harmless(tmp_path_factory, data, packed):
    """Bytes replaced, left out or put in: our own error, or an array that is what the file then says."""
    content = bytearray(gz(idx(IMAGES)) if packed else idx(IMAGES))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    path = write(tmp_path_factory.getbasetemp() / "damaged.idx", bytes(content))
    try:
        array = read_idx(path, max_bytes=2**20)
    except DataError:
        return
    code = {np.dtype(kind).newbyteorder("="): code for code, kind in IDX_TYPES.items()}[array.dtype]
    assert idx(array, code) == (bytes(content) if content[:1] == b"\0" else idx(IMAGES))
