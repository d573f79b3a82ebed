import stat
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fnnet.data import read_classes
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


LEFT_BEHIND = {
    "Thumbs.db": b"x",
    ".DS_Store": b"x",
    "a/.DS_Store": b"x",
    "a/Thumbs.db": b"x",
    "a/desktop.ini": b"x",
    "b/ehthumbs.db": b"x",
    "b/THUMBS.DB": b"x",
    "__MACOSX/a/._1.bmp": b"x",
    ".git/config": b"x",
    "a/@eaDir/1.bmp": b"x",
    "a/Icon\r": b"x",
}


def test_what_systems_leave_behind_is_passed_over_and_told_once(make):
    path = make({"a/1.bmp": numbered(1), "b/1.bmp": numbered(2), **LEFT_BEHIND})
    said = []
    images, labels, classes = read_classes(path, told=said.append)
    assert (images[:, 0, 0].tolist(), labels.tolist(), classes) == ([1, 2], [0, 1], ("a", "b"))
    (line,) = said
    assert line.startswith(f"{path}: what systems leave behind is passed over (11): ")
    assert line.endswith(" …")
    with pytest.warns(UserWarning, match=r"is passed over \(11\): ") as record:
        read_classes(path)
    assert [one.filename for one in record] == [__file__]


def test_files_that_are_no_pictures_by_their_names_are_left_aside_and_told_once(make):
    names = ("README", "labels.csv", "a/note.txt", "a/Notes.TXT")
    path = make({"a/1.BMP": numbered(1), "a/2": numbered(2), **dict.fromkeys(names, b"text")})
    said = []
    assert read_classes(path, told=said.append).images[:, 0, 0].tolist() == [1, 2]  # one by its first bytes
    (line,) = said
    assert line.startswith(f"{path}: files that are no pictures by their names are left aside (4): ")
    assert line.endswith(" …")


@pytest.mark.parametrize("around", ["set/", "set/pictures/", "train/"])
def test_folders_around_the_classes_are_passed_through(make, around):
    """As a zip of the folder itself has it."""
    entries = {f"{around}{name}": numbered(value) for name, value in NAMES.items()}
    images, _, classes = read_classes(make({"note.txt": b"", "__MACOSX/set/._1.bmp": b"", **entries}), told=str)
    assert classes == ("2", "10")
    assert images[:, 0, 0].tolist() == [1, 2, 3, 4]


def test_classes_whose_names_are_much_alike_are_told(tmp_path):
    entries = {f"{name}/1.bmp": numbered(1) for name in ("Cat", "dog", "cat ")}
    path, said = write(tmp_path / "set.zip", zipped(entries)), []
    assert read_classes(path, told=said.append).classes == ("Cat", "cat ", "dog")
    assert said == [f"{path}: Cat and cat  are classes of their own, though their names are much alike"]


def test_links_in_folders(tmp_path):
    """A class may lie elsewhere; a link that leads round and round is none, and one that leads nowhere is told."""
    write(tmp_path / "elsewhere/1.bmp", numbered(1))
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a").symlink_to("../elsewhere")
    assert read_classes(tmp_path / "set").classes == ("a",)
    (tmp_path / "set/a/2.bmp").symlink_to("none.bmp")
    with pytest.raises(DataError, match=r"set/a/2.bmp: expected a picture, got No such file"):
        read_classes(tmp_path / "set")
    (tmp_path / "set/a/set").symlink_to("../set")
    with pytest.raises(DataError, match=r"set/a/set: expected a folder of pictures, got a link to a folder around it"):
        read_classes(tmp_path / "set")


def test_nothing_is_told_where_nothing_was_passed_over(make):
    read_classes(make({"a/1.bmp": numbered(1)}), told=pytest.fail)


def test_pictures_of_all_kinds_at_one_size(make):
    """As people have them: formats, sizes, transparency and orientations side by side."""
    clear = np.dstack([COLOUR, np.zeros((4, 3), np.uint8)])
    upside_down = Image.Exif()
    upside_down[0x0112] = 3
    path = make({
        "a/1.gif": picture(GREY, "GIF"),
        "a/2.png": picture(clear, "PNG"),
        "a/3.tiff": picture(ramp((9, 5, 3)), "TIFF"),
        "b/1.jpg": picture(np.full((8, 30), 9, np.uint8), "JPEG", exif=upside_down, quality=100),
        "b/2.webp": picture(ramp((5, 9, 3)), "WEBP"),
    })  # fmt: skip
    images, labels, _ = read_classes(path, "RGB", resize=(6, 8), over="black")
    assert images.shape == (5, 3, 6, 8)
    assert labels.tolist() == [0, 0, 0, 1, 1]
    assert not images[1].any()
    assert (images[3] == 9).all()


def test_one_unreadable_picture_names_the_file(make):
    good = {f"a/{i}.png": picture(GREY, "PNG") for i in range(3)}
    with pytest.raises(DataError, match=r"set.*: a/4.png: picture: expected an intact BMP.*, got .+"):
        read_classes(make({**good, "a/4.png": picture(GREY, "PNG")[:-20]}))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({".hidden": b""}, r"set[.zip]*: expected pictures, got none$"),
        ({"a/1.txt": b"", "b/2.txt": b""}, r"expected pictures, got none, but a/1.txt, b/2.txt$"),
        ({"a/": b"", "a.zip": b""}, r"expected pictures, got none, but a.zip; unpack what is a zip in it"),
        ({"a/1.bmp": numbered(1), "b/": b""}, r"class b: expected at least one picture, got none; put some in, or"),
        ({"a/1.bmp": numbered(1), "b/1.txt": b""}, r"class b: expected at least one picture, got none"),
        (
            {"a/1.bmp": numbered(1), "1.bmp": numbered(1)},
            r": 1.bmp: expected CLASS/PICTURE, got a path of 1 name; put the pictures of each class into one folder",
        ),
        (
            {"a/1.bmp": numbered(1), "set/a/1.bmp": numbered(1)},
            r": set/a/1.bmp: expected CLASS/PICTURE, got a path of 3 names",
        ),
        (
            {"a/1.bmp": numbered(1), "a/2.bmp": picture(GREY.T)},
            r"a/2.bmp: expected 3×4 pixels as a/1.bmp, got 4×3 pixels; bring all to one size with resize=",
        ),
        (
            {"a/1.bmp": numbered(1), "a/2.HEIC": b"text"},
            r"a/2.HEIC: picture: expected an intact BMP, PNG, .* or WebP, got another",
        ),
        (
            {"a/1.ico": picture(GREY, "ICO")},
            r"a/1.ico: picture: expected an intact BMP, PNG, .* or WebP, got another format",
        ),
        (
            {"a/1.bmp": b""},
            r"a/1.bmp: picture: expected an intact BMP, PNG, .* or WebP, got another format or a damaged header",
        ),
        (
            {"a/1.bmp": numbered(1)[:-4]},
            r"a/1.bmp: picture: expected an intact BMP, PNG, .* or WebP, got OSError: .*truncated",
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
        "..\\1.bmp",
        "\\a\\1.bmp",
        "C:\\1.bmp",
        "./../1.bmp",
        ".",
        "./",
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


def test_slashes_of_other_systems(tmp_path):
    """As Windows' own packer and `zip -r set.zip ./a` write them."""
    names = {
        "a\\": b"",
        "a\\1.bmp": numbered(1),
        "./a/2.bmp": numbered(2),
        ".\\b\\1.bmp": numbered(3),
        "b/./2.bmp": numbered(4),
    }
    images, _, classes = read_classes(write(tmp_path / "set.zip", zipped(names)))
    assert classes == ("a", "b")
    assert images[:, 0, 0].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("first", "second"), [("a/1.bmp", "a\\1.bmp"), ("a/1.bmp", "./a/1.bmp"), ("a/é.bmp", "a/e\u0301.bmp")]
)
def test_two_names_for_one_picture(tmp_path, first, second):
    content = zipped({first: numbered(1), second: numbered(2)})
    with pytest.raises(DataError, match=r"a/.*.bmp: expected one of this name, got a second one"):
        read_classes(write(tmp_path / "set.zip", content))


def test_letters_with_marks_are_one_sign(make):
    """macOS keeps and packs two."""
    assert read_classes(make({"cafe\u0301/1.bmp": numbered(1)})).classes == ("café",)


def test_two_folders_for_one_name(tmp_path):
    for number, name in enumerate(("café", "cafe\u0301")):
        write(tmp_path / name / "1.bmp", numbered(number))
    with pytest.raises(DataError, match=r"1.bmp: expected one of this name, got a second one"):
        read_classes(tmp_path)


def entry(name: str = "a/1.bmp", **fields: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def in_bytes(name: bytes, extra: bytes = b"") -> bytes:
    """A zip of one picture whose name, as bytes, does not say how it is encoded."""
    plain = entry("~" * len(name))
    plain.extra = extra
    return zipped([(plain, numbered(1))]).replace(plain.filename.encode(), name)


def unicode_path(stored: bytes, name: str, version: int = 1) -> bytes:
    content = bytes([version]) + zlib.crc32(stored).to_bytes(4, "little") + name.encode()
    return b"\x99\x99\1\0x" + b"\x75\x70" + len(content).to_bytes(2, "little") + content


@pytest.mark.parametrize(
    ("content", "options", "name"),
    [
        (in_bytes("切/问.bmp".encode("gbk")), {"names": "gbk"}, "切"),
        (in_bytes("切/问.bmp".encode("gbk")), {}, "切".encode("gbk").decode("cp437")),
        (in_bytes(b"caf\x82/1.bmp"), {}, "café"),
        (in_bytes("功/1.bmp".encode("big5")), {"names": "big5"}, "功"),  # whose second byte is a backslash
        (in_bytes(b"??/1.bmp", unicode_path(b"??/1.bmp", "思/1.bmp")), {}, "思"),
        (in_bytes(b"??/1.bmp", unicode_path(b"??/1.bmp", "cafe\u0301/1.bmp")), {"names": "gbk"}, "café"),
        (in_bytes(b"xx/1.bmp", unicode_path(b"yy/1.bmp", "思/1.bmp")), {}, "xx"),  # of a name that was changed since
        (in_bytes(b"xx/1.bmp", unicode_path(b"xx/1.bmp", "思/1.bmp", version=2)), {}, "xx"),
        (zipped({"切/1.bmp": numbered(1)}), {"names": "gbk"}, "切"),  # says that it is UTF-8
    ],
)
def test_encodings_of_names(tmp_path, content, options, name):
    assert read_classes(write(tmp_path / "set.zip", content), **options).classes == (name,)


def test_names_in_another_encoding(tmp_path):
    path = write(tmp_path / "set.zip", in_bytes(b"\xff\xff/1.bmp"))
    for encoding in ("gbk", "utf-8"):
        with pytest.raises(
            DataError, match=rf"expected a name in {encoding}, got .* can't decode .*; say in which enc"
        ):
            read_classes(path, names=encoding)
    for encoding in ("klingon", None, "a\0"):
        with pytest.raises(ConfigError, match="names: expected an encoding that Python knows, such as 'gbk', got"):
            read_classes(path, names=encoding)


@pytest.mark.parametrize("name", ["set.zip", "a/SET.ZIP"])
def test_a_zip_in_the_set_is_not_looked_into(make, name):
    inner = {name: zipped({"a/1.bmp": numbered(1)})}
    with pytest.raises(DataError, match=rf"expected pictures, got none, but {name}; unpack what is a zip in it"):
        read_classes(make({**inner, "__MACOSX/._set.zip": b"x"}))
    said = []
    path = make({"a/1.bmp": numbered(1), **inner})
    assert len(read_classes(path, told=said.append).images) == 1
    assert said[-1] == f"{path}: files that are no pictures by their names are left aside (1): {name}"


def test_links(tmp_path):
    content = zipped([(entry(external_attr=(stat.S_IFLNK | 0o777) << 16), b"/etc/passwd")])
    with pytest.raises(DataError, match=r"entry 'a/1.bmp': expected a file or a folder, got a link"):
        read_classes(write(tmp_path / "set.zip", content))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_duplicates(tmp_path):
    content = zipped([("a/1.bmp", numbered(1)), ("a/1.bmp", numbered(2))])
    with pytest.raises(DataError, match=r"set.zip: a/1.bmp: expected one of this name, got a second one"):
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
