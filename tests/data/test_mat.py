import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet.data import Variable, read_mat
from fnnet.errors import DataError
from tests.data.files import MAT_CLASSES, mat, mat_element, mat_packed, mat_variable, ramp, write
from tests.memory import at_most

X, Y = ramp((5, 3)), ramp((5, 1))
WANTED = {"X": Variable((None, 3), "uint8"), "y": Variable((None, 1), "uint8")}


def plain(order: str = "<") -> bytes:
    return mat(mat_variable("X", X, order), mat_variable("y", Y, order), order=order)


def packed(order: str = "<") -> bytes:
    return mat(*(mat_packed(mat_variable(n, a, order), order) for n, a in (("X", X), ("y", Y))), order=order)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("file", [plain, packed])
def test_reads(tmp_path, file, order):
    read = read_mat(write(tmp_path / "a.mat", file(order)), WANTED)
    assert list(read) == ["X", "y"]
    for name, array in (("X", X), ("y", Y)):
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == np.uint8
        assert read[name].flags.c_contiguous
        assert read[name].flags.owndata


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("kind", MAT_CLASSES)
def test_reads_what_scipy_writes(tmp_path, kind, compress):
    array = np.array([[1, 2], [3, 4], [5, 100]]).astype(kind)
    scipy.io.savemat(
        tmp_path / "a.mat", {"other": "text", "cell": np.array([1, "a"], object), "A": array}, do_compression=compress
    )
    read = read_mat(tmp_path / "a.mat", {"A": Variable((3, 2), array.dtype.name)})["A"]
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype


def test_doubles_stored_as_bytes(tmp_path):
    path = write(tmp_path / "a.mat", mat(mat_variable("X", X, matlab_class="f8")))
    for dtype in ("uint8", "float64", "int16"):
        read = read_mat(path, {"X": Variable((5, 3), dtype)})["X"]
        np.testing.assert_array_equal(read, X.astype(dtype), strict=True)


def test_cut_off_anywhere(tmp_path):
    for content in (plain(), packed()):
        for cut in range(len(content)):
            path = write(tmp_path / "cut.mat", content[:cut])
            with pytest.raises(DataError, match=r"cut.mat: (header|element at byte \d+|variables)"):
                read_mat(path, WANTED)


HEADER = 128
TITLE = mat_variable("X", X)[8:56]  # flags, axes and name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"header: expected 128 bytes, got 0; this is not a MATLAB file"),
        (
            b"\x89HDF\r\n\x1a\n" + bytes(200),
            r"header: expected MATLAB 4 or 5 format, got HDF5 \(MATLAB 7.3\); save it with -v7 in MATLAB; or .*h5py",
        ),
        (
            b"MATLAB 7.3 MAT-file".ljust(200),
            r"header: expected MATLAB 4 or 5 format, got HDF5 \(MATLAB 7.3\); save it with -v7 in MATLAB; or .*h5py",
        ),
        (b" " * 200, r"byte order \(bytes 126-127\): expected 'IM' or 'MI', got '  '"),
        (plain()[:124] + b"\x00\x02IM", r"version \(bytes 124-125\): expected 00 01, got 00 02"),
        (mat(), r"variables: expected one called X, got none of this name"),
        (mat(mat_variable("X", X)), r"variables: expected one called y, got none of this name"),
        (
            mat(mat_variable("X", X), mat_variable("X", X)),
            r"variable X \(byte 208\): expected one of this name, got a sec",
        ),
        (plain() + b"1234", r"element at byte \d+: expected 8 bytes of type and size, got 4"),
        (mat(mat_element(9, bytes(8))), r"type of the element at byte 128: expected 14 or 15, got 9"),
        (mat(struct.pack("<II", 14, 2**32 - 1)), r"element at byte 128: expected 4294967295 bytes, got only 0"),
        (
            mat(mat_element(15, b"12345678")),
            r"packed element at byte 128: expected an intact zlib stream, got Error -3",
        ),
        (mat(mat_packed(b"123")), r"packed element at byte 128: expected 8 bytes of type and size, got 3"),
        (mat(mat_packed(mat_element(9, bytes(8)))), r"type inside the packed element at byte 128: expected 14, got 9"),
        (
            mat(mat_packed(struct.pack("<II", 14, 2**32 - 1) + TITLE)),
            r"size inside the packed element at byte 128: expected at most \d+ bytes, got 4294967295",
        ),
        (
            mat(mat_packed(struct.pack("<II", 14, 99) + TITLE + bytes(98 - 48))),
            r"packed element at byte 128: expected 99 bytes and the end of its stream, got 98, cut off",
        ),
        (
            mat(mat_packed(struct.pack("<II", 14, 99) + TITLE + bytes(100 - 48))),
            r"packed element at byte 128: expected 99 bytes and the end of its stream, got more",
        ),
        (
            mat(mat_element(15, zlib.compress(struct.pack("<II", 14, 48) + TITLE) + b"tail")),
            r"packed element at byte 128: expected 48 bytes and the end of its stream, got more",
        ),
    ],
)
def test_wrong_file(tmp_path, content, message):
    with pytest.raises(DataError, match=f"wrong.mat: {message}"):
        read_mat(write(tmp_path / "wrong.mat", content), WANTED)


def short(kind: int, content: bytes) -> bytes:
    """An element in the short form."""
    return struct.pack("<HH", kind, len(content)) + content.ljust(4, b"\0")


INT = struct.Struct("<i").pack


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (mat_element(14, b""), r"flags of the variable at byte 128: expected 8 bytes of type and size, got 0"),
        (
            mat_variable("X", X, flags=mat_element(5, bytes(8))),
            r"type of the flags of the variable .*: expected 6, got 5",
        ),
        (
            mat_variable("X", X, flags=mat_element(6, bytes(16))),
            r"flags of variable X \(byte 128\): expected 8 bytes, got 16",
        ),
        (
            mat_variable("X", X, flags=mat_element(6, bytes(7))),
            r"size of the flags .*: expected a multiple of 4 .*, got 7",
        ),
        (mat_variable("X", X, bits=0x0800), r"X \(byte 128\): expected a full array of real numbers, .*flags 0x0809"),
        (
            mat_variable("X", X, flags=mat_element(6, INT(5) + INT(0))),
            r"X \(byte 128\): expected a full array of real numbers, got a sparse matrix .*flags 0x0005",
        ),
        (mat_variable("X", X, axes=mat_element(4, bytes(8))), r"type of the axes .*: expected 5 or 6, got 4"),
        (mat_variable("X", X, axes=mat_element(6, INT(-5) + INT(3))), r"expected shape \(N, 3\), got|4294967291"),
        (mat_variable("X", X, axes=mat_element(5, b"")), r"variable X \(byte 128\): expected shape \(N, 3\), got \(\)"),
        (mat_variable("X", X, axes=mat_element(5, INT(15))), r"X \(byte 128\): expected shape \(N, 3\), got \(15,\)"),
        (mat_variable("X", X, axes=mat_element(5, INT(3) + INT(5))), r"expected shape \(N, 3\), got \(3, 5\)"),
        (mat_variable("X", X, axes=mat_element(5, INT(-5) + INT(3))), r"expected shape \(N, 3\), got \(-5, 3\)"),
        (mat_variable("X", X, axes=mat_element(5, INT(0) + INT(3))), r"expected shape \(N, 3\), got \(0, 3\)"),
        (
            mat_variable("X", X, axes=mat_element(5, INT(2**31 - 1) + INT(3))),
            r"expected 6442450941 for shape .*, got 15",
        ),
        (
            mat_variable("X", X, axes=mat_element(5, INT(4) + INT(3))),
            r"items of variable X .*: expected 12 for shape \(4, 3\)",
        ),
        (
            mat_variable("X", X, title=mat_element(2, b"X")),
            r"type of the name of the variable at byte 128: expected 1 or 16, got 2",
        ),
        (mat_variable("X", X, title=short(1, b"X" * 5)[:8]), r"size of the name of the variable .*, got 5"),
        (mat_variable("X", X, title=mat_element(1, b"Z")), r"variables: expected one called X, got none"),
        (
            mat_variable("X", X, items=mat_element(14, bytes(15))),
            r"type of the items of variable X .*: expected 1 or 2 .*, got 14",
        ),
        (
            mat_variable("X", X, items=b""),
            r"items of variable X \(byte 128\): expected 8 bytes of type and size, got 0",
        ),
        (
            mat_variable("X", X, items=struct.pack("<II", 2, 999) + bytes(16)),
            r"size of the items of variable X .*, got 999",
        ),
        (
            mat_variable("X", X, items=mat_element(2, bytes(15)) + bytes(8)),
            r"variable X \(byte 128\): expected \d+ bytes, got \d+",
        ),
        (
            mat_variable("X", X, matlab_class="f8", items=mat_element(4, b"\1" * 30)),
            r"items of .*: expected numbers that fit into uint8, got others, in uint16",
        ),
        (
            mat_variable("X", -X.astype("i2"), matlab_class="f8"),
            r"expected numbers that fit into uint8, got others, in int16",
        ),
        (mat_variable("X", X / 2), r"expected numbers that fit into uint8, got others, in float64"),
        (mat_variable("X", X, matlab_class="i1"), r"expected numbers that fit into int8, got uint8"),
    ],
)
@pytest.mark.parametrize("pack", [lambda element: element, mat_packed], ids=["plain", "packed"])
def test_wrong_variable(tmp_path, variable, message, pack):
    path = write(tmp_path / "wrong.mat", mat(pack(variable)))
    wanted = {"X": WANTED["X"]}
    with pytest.raises(DataError, match=f"wrong.mat: .*{message}"):
        read_mat(path, wanted)


def test_short_elements(tmp_path):
    pair = np.array([[7, 9]], np.uint8)
    content = mat(mat_variable("X", pair, title=short(1, b"X"), items=short(2, b"\x07\x09")))
    np.testing.assert_array_equal(
        read_mat(write(tmp_path / "a.mat", content), {"X": Variable((1, 2), "uint8")})["X"], pair
    )


def test_unpacks_no_more_than_promised(tmp_path):
    zeros = bytes(50_000_000)
    bombs = {
        "more than the tag says": struct.pack("<II", 14, 100) + TITLE + zeros,
        "more than max_bytes": struct.pack("<II", 14, 48 + len(zeros)) + TITLE + zeros,
    }
    for name, bomb in bombs.items():
        path = write(tmp_path / f"{name}.mat", mat(mat_packed(bomb)))
        with at_most(2**20), pytest.raises(DataError, match="packed element at byte 128: expected"):
            read_mat(path, WANTED, max_bytes=2**20)


def test_limit(tmp_path):
    path = write(tmp_path / "a.mat", plain())
    with pytest.raises(DataError, match="file: expected at most 100 bytes, got 280; raise max_bytes"):
        read_mat(path, WANTED, max_bytes=100)
    zeros = np.zeros((1000, 3), np.uint8)
    many = mat(*(mat_packed(mat_variable(name, zeros)) for name in ("X", "Z", "y")))
    wanted = {name: Variable((None, 3), "uint8") for name in ("X", "y")}
    path = write(tmp_path / "many.mat", many)
    assert read_mat(path, wanted, max_bytes=7000)["y"].shape == (1000, 3)  # Z is not unpacked
    with pytest.raises(DataError, match=r"size inside the packed element at byte \d+: expected at most"):
        read_mat(path, wanted, max_bytes=6000)


OPAQUE = mat_element(14, b"".join((  # a string, table or datetime: no axes before the name
    mat_element(6, struct.pack("<II", 17, 0)), mat_element(1, b"s"), mat_element(1, b"MCOS"), mat_element(1, b"string")
)))  # fmt: skip
NEIGHBOURS = {
    "an object": OPAQUE,
    "no content": mat_element(14, b""),
    "no name": mat_element(14, TITLE[:32]),
    "a name in UTF-8": mat_variable("Z", X, title=mat_element(16, "größe".encode())),
    "axes in uint32": mat_variable("Z", X, axes=mat_element(6, INT(5) + INT(3))),
    "complex": mat_variable("Z", X, bits=0x0800),
    "logical": mat_variable("Z", (X > 3).astype("u1"), bits=0x0200),
    "items of no kind": mat_variable("Z", X, items=mat_element(99, bytes(15))),
    "fewer items": mat_variable("Z", X, axes=mat_element(5, INT(99) + INT(3))),
    "a twin of its own": mat_variable("Z", X) * 2,
}


@pytest.mark.parametrize("pack", [lambda element: element, mat_packed], ids=["plain", "packed"])
@pytest.mark.parametrize("name", NEIGHBOURS)
def test_neighbours_do_not_matter(tmp_path, name, pack):
    elements = [mat_variable("X", X), mat_variable("y", Y)]
    other = NEIGHBOURS[name] if name == "a twin of its own" else pack(NEIGHBOURS[name])
    for place in range(3):
        content = mat(*elements[:place], other, *elements[place:])
        read = read_mat(write(tmp_path / "a.mat", content), WANTED)
        np.testing.assert_array_equal(read["X"], X)
        np.testing.assert_array_equal(read["y"], Y)


def test_a_neighbour_whose_stream_is_damaged(tmp_path):
    damaged = bytearray(mat_packed(mat_variable("Z", ramp((500, 9)))))
    damaged[-3] ^= 0xFF
    for other in (bytes(damaged), mat_element(15, b"12345678")):
        read = read_mat(
            write(tmp_path / "a.mat", mat(other, *(mat_variable(n, a) for n, a in (("X", X), ("y", Y))))), WANTED
        )
        np.testing.assert_array_equal(read["X"], X)


def test_asked_for_in_other_words(tmp_path):
    """Axes in uint32 and a name in UTF-8 are as good where the variable itself is asked for."""
    content = mat(mat_variable("X", X, axes=mat_element(6, INT(5) + INT(3)), title=mat_element(16, "größe".encode())))
    read = read_mat(write(tmp_path / "a.mat", content), {"größe": WANTED["X"]})
    np.testing.assert_array_equal(read["größe"], X)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32", "int64"])
def test_logical(tmp_path, dtype):
    scipy.io.savemat(tmp_path / "a.mat", {"X": X > 3, "y": Y})
    read = read_mat(tmp_path / "a.mat", {"X": Variable((None, 3), dtype)})["X"]
    np.testing.assert_array_equal(read, (X > 3).astype(dtype), strict=True)
    with pytest.raises(
        DataError, match=r"items of variable y .*: expected numbers that fit into bool, got others, in uint8"
    ):
        read_mat(tmp_path / "a.mat", {"y": Variable((None, 1), "bool")})


def test_numbers_that_fit(tmp_path):
    """Whole numbers in doubles are whole numbers; what would be cut, rounded or turned over is refused."""
    scipy.io.savemat(
        tmp_path / "a.mat",
        {"X": X.astype(float), "h": X / 2, "n": np.where(X == 3, np.nan, X), "m": -1.0 * X, "b": X * 2.0**60},
    )
    np.testing.assert_array_equal(read_mat(tmp_path / "a.mat", {"X": WANTED["X"]})["X"], X, strict=True)
    for name in "hnmb":
        with pytest.raises(
            DataError, match=f"items of variable {name} .*: expected numbers that fit into uint8, got oth"
        ):
            read_mat(tmp_path / "a.mat", {name: WANTED["X"]})
    with pytest.raises(DataError, match="expected numbers that fit into float32, got others, in float64"):
        read_mat(tmp_path / "a.mat", {"h": Variable((None, 3), "float32")})


SAMPLES = sorted((Path(scipy.io.__file__).parent / "matlab" / "tests" / "data").glob("*.mat"))


def test_scipys_own_samples(tmp_path):
    """Every full numeric array in them is read as SciPy reads it, and nothing else is."""
    if not SAMPLES:
        pytest.skip("needs the test files that SciPy's wheels hold")
    read = 0
    for path in SAMPLES:
        try:
            found = scipy.io.loadmat(path)
        except Exception:
            found = {}  # what SciPy refuses is asked for below under a name that nothing has
        for name, array in found.items():
            if (
                isinstance(array, np.ndarray)
                and array.dtype.kind in "biuf"
                and array.size
                and not name.startswith("__")
            ):
                ours = read_mat(path, {name: Variable(array.shape, array.dtype.name)})[name]
                np.testing.assert_array_equal(ours, array)
                read += 1
        with pytest.raises(DataError):
            read_mat(path, {"klingon": Variable((None, 1), "float64")})
    assert read >= 30


# Version 4


def mat4(called: str, array: np.ndarray, order: str = "<", kind: int = 0, imaginary: int = 0, **header: int) -> bytes:
    """A variable of a file of version 4."""
    storage = ("f8", "f4", "i4", "i2", "u2", "u1").index(array.dtype.str[1:])
    fields = {"type": 1000 * (order == ">") + 10 * storage + kind, "rows": array.shape[0], "columns": array.shape[1]}
    fields |= {"imaginary": imaginary, "name": len(called) + 1} | header
    items = array.astype(order + array.dtype.str[1:]).tobytes(order="F") * (1 + imaginary)
    return struct.pack(f"{order}5I", *fields.values()) + called.encode() + b"\0" + items


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["f8", "f4", "i4", "i2", "u2", "u1"])
def test_version_4(tmp_path, kind, order):
    content = mat4("X", X.astype(kind), order) + mat4("text", Y, order, kind=1) + mat4("y", Y.astype(kind), order)
    path = write(tmp_path / "a.mat", content)
    np.testing.assert_array_equal(scipy.io.loadmat(path)["X"], X)
    read = read_mat(path, WANTED)
    np.testing.assert_array_equal(read["X"], X, strict=True)
    np.testing.assert_array_equal(read["y"], Y, strict=True)


def test_what_scipy_writes_as_version_4(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"X": X, "note": "text"}, format="4")
    np.testing.assert_array_equal(read_mat(tmp_path / "a.mat", {"X": WANTED["X"]})["X"], X)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(200), "header of the variable at byte 0: expected that of a MATLAB 4 variable, got type 0, 0 bytes of"),
        (mat4("X", X, type=3), "header of the variable at byte 0: .*, got type 3, 2 bytes of name; this is no MATLAB"),
        (mat4("X", X, type=60), "header of the variable at byte 0: .*, got type 60, 2 bytes of name"),
        (mat4("X", X, type=150), "header of the variable at byte 0: .*, got type 150, 2 bytes of name"),
        (mat4("X", X, type=2050), "header of the variable at byte 0: .*, got type"),
        (mat4("X", X, imaginary=0, name=1), "header of the variable at byte 0: .*, got type 50, 1 bytes of name"),
        (mat4("X", X) + b"123", "variable at byte 37: expected 20 bytes of header, got 3; get the file again"),
        (mat4("X", X, rows=2**31), "variable at byte 0: expected 6442450966 bytes, got only 37; get the file again"),
        (mat4("X", X)[:-1], "variable at byte 0: expected 37 bytes, got only 36; get the file again"),
        (mat4("X", X) * 2, r"variable X \(byte 37\): expected one of this name, got a second one"),
        (mat4("X", X, kind=1), r"variable X \(byte 0\): expected a full array of real numbers, got text"),
        (mat4("X", X, kind=2), r"variable X \(byte 0\): expected a full array of real numbers, got a sparse matrix"),
        (mat4("X", X, imaginary=1), r"variable X \(byte 0\): expected a full array of real numbers, got complex n"),
        (mat4("X", X.T.copy()), r"variable X \(byte 0\): expected shape \(N, 3\), got \(3, 5\)"),
        (mat4("X", X / 2), r"items of variable X \(byte 0\): expected numbers that fit into uint8, got others, in f"),
        (mat4("Z", X), "variables: expected one called X, got none of this name"),
    ],
)  # fmt: skip
def test_wrong_version_4(tmp_path, content, message):
    with pytest.raises(DataError, match=f"wrong.mat: {message}"):
        read_mat(write(tmp_path / "wrong.mat", content), {"X": WANTED["X"]})


def test_no_file(tmp_path):
    with pytest.raises(DataError, match=r"none.mat: expected a MATLAB file, got No such file or directory"):
        read_mat(tmp_path / "none.mat", WANTED)


@pytest.mark.parametrize("file", [plain, packed])
def test_flipped_bits(tmp_path, file):
    """A bit or two of every byte: our own error, or the very numbers, or (unprotected) others of the same form."""
    content = file()
    path, unchanged = tmp_path / "flipped.mat", 0
    for bit in range(8 * 116, 8 * len(content), 5):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            read = read_mat(path, WANTED)
        except DataError:
            continue
        same = np.array_equal(read["X"], X) and np.array_equal(read["y"], Y)
        assert same or file is plain  # packed variables carry a checksum
        assert read["X"].shape[1:] + read["y"].shape[1:] == (3, 1)
        unchanged += same
    assert unchanged < 100  # the subsystem offset, padding, unused flags


@settings(derandomize=True, deadline=None, max_examples=300, database=None)
@given(data=st.data(), file=st.sampled_from([plain, packed]))
def test_damage_is_found_or_harmless(tmp_path_factory, data, file):
    content = bytearray(file())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    path = write(tmp_path_factory.getbasetemp() / "damaged.mat", bytes(content))
    try:
        read = read_mat(path, WANTED, max_bytes=2**20)
    except DataError:
        return
    again = scipy.io.loadmat(io.BytesIO(bytes(content)), variable_names=["X", "y"])  # and SciPy agrees on what it says
    for name, array in read.items():
        np.testing.assert_array_equal(array, again[name])
