import io
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fnnet.data import read_classes, read_image
from fnnet.errors import ConfigError, DataError
from tests.data.files import picture, ramp, write, zipped
from tests.memory import at_most

GREY = ramp((4, 3))
COLOUR = ramp((4, 3, 3))


def numbered(value: int) -> bytes:
    return picture(np.full((4, 3, 3), value, np.uint8))  # 102 bytes


NAMES = {"2/10.bmp": 3, "10/1.bmp": 4, "2/9.bmp": 2, "2/1.bmp": 1}  # in no order; the values say the order wanted


@pytest.fixture(params=["folder", "zip"])
def make(request, tmp_path):
    """Write entries as a folder or as a zip file."""

    def folder(entries: dict[str, bytes]) -> Path:
        for name, content in entries.items():
            if name.endswith("/"):
                (tmp_path / "set" / name).mkdir(parents=True)
            else:
                write(tmp_path / "set" / name, content)
        return tmp_path / "set"

    def archive(entries: dict[str, bytes]) -> Path:
        return write(tmp_path / "set.zip", zipped(entries))

    return folder if request.param == "folder" else archive


def test_natural_order(make):
    images, labels, classes = read_classes(make({name: numbered(value) for name, value in NAMES.items()}))
    assert classes == ("2", "10")
    assert images[:, 0, 0].tolist() == [1, 2, 3, 4]
    assert labels.tolist() == [0, 0, 0, 1]
    assert images.shape == (4, 4, 3)
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


def test_numbers_of_any_length(make):
    names = ["0", "7", "007", "10", "10x", "1" * 200, "2" + "0" * 199, "x9", "x10"]
    entries = {f"{name}/{name}": numbered(1) for name in reversed(names)}
    assert read_classes(make(entries)).classes == ("0", "007", "7", *names[3:])


def test_numbers_beyond_python(tmp_path):
    """A zip may hold names of more digits than `int` reads."""
    content = zipped({"a/" + "9" * 5000: numbered(2), "a/1": numbered(1)})
    assert read_classes(write(tmp_path / "set.zip", content)).images[:, 0, 0].tolist() == [1, 2]


def test_modes(make):
    path = make({"a/1.png": picture(GREY, "PNG"), "a/2.bmp": picture(COLOUR)})
    images = read_classes(path).images
    np.testing.assert_array_equal(images[0], GREY)
    np.testing.assert_array_equal(images[1], Image.fromarray(COLOUR).convert("L"))
    images = read_classes(path, mode="RGB").images
    np.testing.assert_array_equal(images[0], np.stack([GREY] * 3))
    np.testing.assert_array_equal(images[1], COLOUR.transpose(2, 0, 1))
    assert images.flags.c_contiguous
    with pytest.raises(ConfigError, match="mode: expected 'L' or 'RGB', got 'CMYK'"):
        read_classes(path, mode="CMYK")


def test_hidden_entries_are_no_data(make):
    entries = {"a/1.bmp": numbered(1), "a/.DS_Store": b"x", ".git/config": b"x", "__MACOSX/a/._1.bmp": b"x"}
    images, _, classes = read_classes(make(entries))
    assert classes == ("a",)
    assert len(images) == 1


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({".hidden": b""}, r"expected a folder of pictures for every class, got none"),
        ({"a/1.bmp": numbered(1), "b/": b""}, r"class b: expected at least one picture, got none"),
        (
            {"a/1.bmp": numbered(1), "1.bmp": numbered(1)},
            r"(1.bmp: expected folders|entry '1.bmp': expected CLASS/PICTURE)",
        ),
        (
            {"set/a/1.bmp": numbered(1)},
            r"(set/a: expected a picture, got a folder|'set/a/1.bmp': expected CLASS/PICTURE)",
        ),
        (
            {"a/1.bmp": numbered(1), "a/2.bmp": picture(GREY.T)},
            r"a/2.bmp: expected 3×4 pixels as a/1.bmp, got 4×3 pixels",
        ),
        (
            {"a/1.bmp": numbered(1), "a/2.txt": b"text"},
            r"a/2.txt: picture: expected an intact BMP, PNG or JPEG, got another",
        ),
        (
            {"a/1.gif": picture(GREY, "GIF")},
            r"a/1.gif: picture: expected an intact BMP, PNG or JPEG, got another format",
        ),
        (
            {"a/1.bmp": b""},
            r"a/1.bmp: picture: expected an intact BMP, PNG or JPEG, got another format or a damaged header",
        ),
        (
            {"a/1.bmp": numbered(1)[:-4]},
            r"a/1.bmp: picture: expected an intact BMP, PNG or JPEG, got OSError: .*truncated",
        ),
    ],
)
def test_wrong_sets(make, entries, message):
    with pytest.raises(DataError, match=message):
        read_classes(make(entries))


def test_total_size(make):
    path = make({f"a/{i}.bmp": numbered(1) for i in range(100)})
    assert read_classes(path, max_bytes=10_200).images.nbytes == 1200
    with pytest.raises(
        DataError, match=r"(at most 1199 bytes unpacked, got 10200|at most 1199 bytes, got 100 pictures of 12)"
    ):
        read_classes(path, max_bytes=1199)


def test_missing(tmp_path):
    with pytest.raises(DataError, match="none: expected a directory or a zip file, got No such file"):
        read_classes(tmp_path / "none")
    with pytest.raises(
        DataError, match=r"text.zip: expected an intact zip file, got BadZipFile: File is not a zip file"
    ):
        read_classes(write(tmp_path / "text.zip", b"text"))


@pytest.mark.parametrize(
    "name",
    [
        "../1.bmp",
        "a/../../1.bmp",
        "/a/1.bmp",
        "a//1.bmp",
        "./1.bmp",
        "a\\1.bmp",
        "C:/1.bmp",
        "a/1.bmp\0.txt",
        "..",
        "/",
        "a//",
    ],
)
def test_paths_that_lead_out(tmp_path, name):
    plain, trick = b"~" * len(name), name.encode()
    content = zipped({"a/0.bmp": numbered(1), plain.decode(): numbered(1)}, zipfile.ZIP_STORED).replace(plain, trick)
    path = write(tmp_path / "set.zip", content)
    with pytest.raises(
        DataError, match=r"entry .*: expected a plain path below the archive, got one that may lead out"
    ):
        read_classes(path)


def entry(name: str = "a/1.bmp", **fields: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def test_links(tmp_path):
    content = zipped([(entry(external_attr=(stat.S_IFLNK | 0o777) << 16), b"/etc/passwd")])
    with pytest.raises(DataError, match=r"entry 'a/1.bmp': expected a file or a folder, got a link"):
        read_classes(write(tmp_path / "set.zip", content))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_duplicates(tmp_path):
    content = zipped([("a/1.bmp", numbered(1)), ("a/1.bmp", numbered(2))])
    with pytest.raises(DataError, match=r"entry 'a/1.bmp': expected one of this name, got a second one"):
        read_classes(write(tmp_path / "set.zip", content))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(tmp_path, method):
    content = zipped({"a/1.bmp": numbered(1)}, method)
    with pytest.raises(
        DataError, match=rf"'a/1.bmp': expected stored or deflated content, got compression method {method}"
    ):
        read_classes(write(tmp_path / "set.zip", content))


def patched(content: bytes, field: int, size: int, value: int) -> bytes:
    """A zip file of one entry with a field of its directory (at this offset of the directory entry) changed."""
    at = content.rindex(b"PK\x01\x02") + field
    return content[:at] + value.to_bytes(size, "little") + content[at + size :]


@pytest.mark.parametrize(
    ("field", "size", "value", "message"),
    [
        (8, 2, 1, r"entry 'a/1.bmp': expected plain content, got encrypted content"),
        (16, 4, 1, r"entry 'a/1.bmp': expected intact content, got BadZipFile: Bad CRC-32"),
        (20, 4, 5000, r"expected entries within its \d+ bytes, got 5000 bytes of them, overlapping"),
        (24, 4, 101, r"entry 'a/1.bmp': expected (101 bytes, got|intact content, got BadZipFile: Bad CRC-32)"),
        (24, 4, 103, r"entry 'a/1.bmp': expected 103 bytes, got 102"),
        (24, 4, 2**32 - 2, r"expected at most 1073741824 bytes unpacked, got 4294967294"),
        (24, 4, 2**29, r"expected at most 200 bytes unpacked for each of its own, got 536870912 bytes"),
        (42, 4, 7, r"entry 'a/1.bmp': expected intact content, got BadZipFile"),
    ],
)
def test_lies_in_the_directory(tmp_path, field, size, value, message):
    content = patched(zipped({"a/1.bmp": numbered(1)}), field, size, value)
    with pytest.raises(DataError, match=message):
        read_classes(write(tmp_path / "set.zip", content))


def test_bombs(tmp_path):
    bomb = zipped({"a/1.bmp": bytes(80_000_000)})
    path = write(tmp_path / "bomb.zip", bomb)
    hidden = write(tmp_path / "hidden.zip", patched(bomb, 24, 4, 1000))  # says that it unpacks to 1,000 bytes
    with at_most(2**21):
        with pytest.raises(DataError, match=r"bomb.zip: expected at most 200 bytes unpacked for each of its own"):
            read_classes(path)
        with pytest.raises(DataError, match=r"entry 'a/1.bmp': expected intact content, got BadZipFile: Bad CRC-32"):
            read_classes(hidden)


def test_too_many_entries(tmp_path, monkeypatch):
    monkeypatch.setattr("fnnet.data._zip._MAX_FILES", 3)
    path = write(tmp_path / "set.zip", zipped({name: numbered(1) for name in NAMES}))
    with pytest.raises(DataError, match=r"set.zip: expected at most 3 entries, got 4"):
        read_classes(path)


def test_zip_cut_off(tmp_path):
    content = zipped({"a/1.bmp": numbered(1), "b/1.bmp": numbered(2)})
    for cut in range(len(content)):
        with pytest.raises(DataError, match=r"cut.zip: expected an intact zip file, got BadZipFile"):
            read_classes(write(tmp_path / "cut.zip", content[:cut]))


@pytest.mark.parametrize(
    ("content", "mode", "expected"),
    [
        (picture(GREY, "PNG"), "L", GREY),
        (picture(GREY, "BMP"), "L", GREY),
        (picture(COLOUR, "PNG"), "RGB", COLOUR.transpose(2, 0, 1)),
        (picture(GREY > 5, "BMP"), "L", np.where(GREY > 5, 255, 0)),
        (picture(GREY, "PNG", mode="P"), "L", GREY),
        (picture(np.full((8, 8), 77, np.uint8), "JPEG", quality=100), "L", np.full((8, 8), 77)),
    ],
)
def test_pictures(tmp_path, content, mode, expected):
    read = read_image(write(tmp_path / "picture", content), mode)
    np.testing.assert_array_equal(read, expected)
    assert read.dtype == np.uint8


DEEP = io.BytesIO()
Image.fromarray(GREY.astype(np.uint16) * 257).save(DEEP, "PNG")


def deep_colour() -> bytes:
    """A PNG of 16 bits a channel, which Pillow reads but does not write: one pixel."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(7))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (picture(np.dstack([COLOUR, GREY]), "PNG"), "got mode RGBA; convert it"),
        (picture(GREY, "PNG", transparency=3), "got mode L, transparency; convert it"),
        (picture(GREY, "PNG", mode="P", transparency=3), "got mode P, transparency; convert it"),
        (DEEP.getvalue(), "got mode I;16, 16 bits a channel; convert it"),
        (deep_colour(), "got mode RGB, 16 bits a channel; convert it"),
        (picture(COLOUR, "JPEG", mode="CMYK"), "got mode CMYK; convert it"),
    ],
)
def test_pictures_that_would_lose(tmp_path, content, message):
    with pytest.raises(DataError, match=f"picture: expected black and white, grey, a palette or RGB, .*, {message}"):
        read_image(write(tmp_path / "picture", content))


def bmp_of(width: int, height: int) -> bytes:
    content = bytearray(picture(GREY))
    content[18:26] = width.to_bytes(4, "little") + height.to_bytes(4, "little")
    return bytes(content)


def test_pictures_that_promise_too_much(tmp_path):
    for width, height, message in (
        (2**15, 2**15, "picture: expected an intact BMP, PNG or JPEG, got DecompressionBomb(Error|Warning)"),
        (9_000, 9_000, "picture: expected an intact BMP, PNG or JPEG, got OSError: .*truncated"),
    ):
        path = write(tmp_path / "promise.bmp", bmp_of(width, height))
        with pytest.raises(DataError, match=message):
            read_image(path)
    with pytest.raises(
        DataError, match="picture: expected at most 80000000 bytes, got 9000×9000 pixels; raise max_bytes"
    ):
        read_image(path, max_bytes=80_000_000)
    with pytest.raises(DataError, match="file: expected at most 50 bytes, got 102; raise max_bytes"):
        read_image(write(tmp_path / "1.bmp", numbered(1)), max_bytes=50)


@pytest.mark.parametrize("format", ["BMP", "PNG", "JPEG"])
def test_picture_cut_off(tmp_path, format):
    content = picture(ramp((16, 16)), format)
    lost = 12 if format == "PNG" else 2 if format == "JPEG" else 0  # only the mark of the end is missing
    for cut in range(0, len(content) - lost, 7):
        with pytest.raises(DataError, match="picture: expected an intact BMP, PNG or JPEG"):
            read_image(write(tmp_path / "cut", content[:cut]))


def test_png_with_flipped_bits(tmp_path):
    """PNG chunks carry checksums, and they are looked at."""
    content = picture(ramp((5, 5)), "PNG")
    for bit in range(8 * (len(content) - 12)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DataError, match="picture: expected"):
            read_image(write(tmp_path / "flipped.png", bytes(damaged)))


SEEDS = [
    zipped({"a/1.bmp": numbered(1), "b/1.png": picture(GREY, "PNG")}),
    zipped({"a/": b"", "a/1.bmp": numbered(1)}, zipfile.ZIP_STORED),
]


@settings(derandomize=True, deadline=None, max_examples=300, database=None)
@given(data=st.data(), content=st.sampled_from(SEEDS))
def test_damaged_zip(tmp_path_factory, data, content):
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    path = write(tmp_path_factory.getbasetemp() / "damaged.zip", bytes(damaged))
    try:
        images, labels, classes = read_classes(path, max_bytes=2**20)
    except DataError:
        return
    assert len(images) == len(labels) > 0
    assert set(labels.tolist()) == set(range(len(classes)))
