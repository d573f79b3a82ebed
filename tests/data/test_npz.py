import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet.data import read_npz
from fnnet.errors import ConfigError, DataError
from tests.data.files import ramp, write, zipped
from tests.memory import at_most

X = ramp((3, 4))


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("kind", ["?", "i1", "u1", ">i2", "<u4", "i8", ">f4", "f8", "c16"])
def test_reads_what_numpy_writes(tmp_path, save, kind):
    array = X.astype(kind)
    save(tmp_path / "a.npz", rows=array, columns=np.asfortranarray(array), scalar=array[1, 1], other=np.array([None]))
    found = read_npz(tmp_path / "a.npz", ["rows", "columns", "scalar"])
    assert list(found) == ["rows", "columns", "scalar"]
    for name, wanted in (("rows", array), ("columns", array), ("scalar", array[1, 1])):
        np.testing.assert_array_equal(found[name], wanted)
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].dtype.isnative
        assert found[name].flags.writeable


class Trap:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was read",))


PICKLED = npy(np.array([1])).replace(b"'<i8'", b"'|O' ")[:-8] + pickle.dumps(Trap())
HUGE = npy(X).replace(b"(3, 4)", b"(3, 2**40)".replace(b"2**40", b"9" * 13))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text", "expected an intact zip file, got BadZipFile"),
        (zipped({}), "arrays: expected one called x, got none of this name"),
        (zipped({"y.npy": npy(X)}), "arrays: expected one called x, got none of this name"),
        (zipped({"x.npy": b""}), "array x: expected the header of a .npy file of version 1 or 2, got ValueError"),
        (zipped({"x.npy": npy(X)[:20]}), "array x: expected the header of a .npy file of version 1 or 2, got"),
        (zipped({"x.npy": npy(X)[:-1]}), r"array x: expected items for uint8 of shape \(3, 4\), got 11 bytes"),
        (zipped({"x.npy": npy(X) + b"0"}), r"array x: expected items for uint8 of shape \(3, 4\), got 13 bytes"),
        (zipped({"x.npy": npy(X[:0])}), r"array x: expected items for uint8 of shape \(0, 4\), got 0 bytes"),
        (zipped({"x.npy": PICKLED}), "array x: expected numbers, got object"),
        (zipped({"x.npy": npy(np.array(["a"]))}), "array x: expected numbers, got <U1"),
        (zipped({"x.npy": npy(np.zeros(2, "i4,f4"))}), "array x: expected numbers, got"),
        (zipped({"x.npy": HUGE}), r"array x: expected items for uint8 of shape \(3, 9999999999999\), got"),
        (zipped({"x.npy": b"\x93NUMPY\x03\0" + npy(X)[8:]}), "array x: expected .* version 1 or 2, got KeyError"),
    ],
)
def test_wrong_files(tmp_path, content, message):
    with at_most(2**22), pytest.raises(DataError, match=f"a.npz: {message}"):
        read_npz(write(tmp_path / "a.npz", content), ["x"])


def test_limits(tmp_path):
    path = write(tmp_path / "a.npz", zipped({"x.npy": npy(np.zeros(10**6, np.uint8))}))
    with pytest.raises(DataError, match="at most 1000 bytes unpacked, got 1000128; raise max_bytes"):
        read_npz(path, ["x"], max_bytes=1000)
    with pytest.raises(ConfigError, match="max_bytes: expected a whole number ≥ 1, got 0"):
        read_npz(path, ["x"], max_bytes=0)


@settings(derandomize=True, deadline=None, max_examples=200, database=None)
@given(data=st.data())
def test_damage_is_found_or_harmless(tmp_path_factory, data):
    content = bytearray(zipped({"x.npy": npy(X)}, zipfile.ZIP_STORED))
    at = data.draw(st.integers(0, len(content) - 4))
    content[at : at + 4] = struct.pack("<I", data.draw(st.integers(0, 2**32 - 1)))
    path = write(tmp_path_factory.getbasetemp() / "damaged.npz", bytes(content))
    try:
        found = read_npz(path, ["x"], max_bytes=2**20)["x"]
    except DataError:
        return
    np.testing.assert_array_equal(found, X)
