"""What is fuzzed: each target reads a damaged file and may end in our own error or in a sound result, nothing else.

To add a reader, write a target and its seeds, and add a row to TARGETS.
"""

import io
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.io

from fnnet.data import Variable, read_classes, read_idx, read_image, read_mat, read_npz
from fnnet.errors import FnnetError
from tests.data.files import IDX_TYPES, gz, idx, mat, mat_packed, mat_variable, picture, ramp, zipped
from tests.fuzz import fuzz_checkpoint, fuzz_config

LIMIT = 2**20  # bytes a reader may unpack to


class Target(NamedTuple):
    """A reader under test."""

    check: Callable[[Path], None]  # reads a file, raises where the result is not sound
    seeds: Callable[[], Iterable[bytes]]  # small sound files to start from


def run(target: Target, content: bytes, path: Path) -> None:
    """Let a target read `content` from `path`; only an error of fnnet is swallowed."""
    path.write_bytes(content)
    try:
        target.check(path)
    except FnnetError as error:
        if not str(error):
            raise AssertionError("an error without a message") from error


def check_idx(path: Path) -> None:
    array = read_idx(path, max_bytes=LIMIT)
    assert 0 < array.nbytes <= LIMIT
    code = {np.dtype(kind).newbyteorder("="): code for code, kind in IDX_TYPES.items()}[array.dtype]
    content = path.read_bytes()
    assert content[:2] == b"\x1f\x8b" or content == idx(array, code)


def check_mat(path: Path) -> None:
    wanted = {"X": Variable((None, 3), "uint8"), "d": Variable((2, None), "float64")}
    arrays = read_mat(path, wanted, max_bytes=LIMIT)
    assert list(arrays) == ["X", "d"]
    assert (arrays["X"].dtype, arrays["d"].dtype) == (np.uint8, np.float64)
    assert (arrays["X"].shape[1:], arrays["d"].shape[:1]) == ((3,), (2,))


def check_images(path: Path) -> None:
    images, labels, classes = read_classes(path, max_bytes=LIMIT, told=str)
    assert images.dtype == np.uint8
    assert images.ndim == 3
    assert 0 < images.nbytes <= LIMIT
    assert len(images) == len(labels)
    assert sorted(set(labels.tolist())) == list(range(len(classes)))


def check_picture(path: Path) -> None:
    grey, colour = read_image(path, "L", max_bytes=LIMIT), read_image(path, "RGB", max_bytes=LIMIT)
    assert colour.shape == (3, *grey.shape)
    assert 0 < colour.nbytes <= LIMIT


def idx_seeds() -> Iterable[bytes]:
    for code in IDX_TYPES:
        yield idx(ramp((2, 3)), code)
        yield gz(idx(ramp((2, 1, 2)), code))


def check_npz(path: Path) -> None:
    found = read_npz(path, ["x"], max_bytes=LIMIT)["x"]
    assert found.dtype.kind in "biufc"
    assert found.dtype.isnative
    assert 0 < found.nbytes <= LIMIT


def mat_seeds() -> Iterable[bytes]:
    arrays = {"X": ramp((4, 3)), "d": ramp((2, 2)).astype("f8"), "other": ramp((1, 1))}
    for order in "<", ">":
        variables = [mat_variable(name, array, order) for name, array in arrays.items()]
        yield mat(*variables, order=order)
        yield mat(*(mat_packed(variable, order) for variable in variables), order=order)
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, arrays, format="4")
    yield buffer.getvalue()


def npz_seeds() -> Iterable[bytes]:
    for save in np.savez, np.savez_compressed:
        for array in ramp((2, 3)), np.asfortranarray(ramp((2, 3)).astype(">f4")), np.True_:
            buffer = io.BytesIO()
            save(buffer, x=array)
            yield buffer.getvalue()


def image_seeds() -> Iterable[bytes]:
    entries = {
        "a/1.bmp": picture(ramp((2, 3)) > 2),
        "a/2.png": picture(ramp((2, 3)), "PNG"),
        "b/1.bmp": picture(ramp((2, 3, 3))),
    }
    for method in zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED:
        yield zipped(entries, method)
        yield zipped({"b/": b""} | entries, method)
        yield zipped({"./a\\1.bmp": entries["a/1.bmp"], "cafe\u0301/1.bmp": entries["b/1.bmp"]}, method)


def picture_seeds() -> Iterable[bytes]:
    for pixels in ramp((3, 5)), ramp((3, 5)) > 7, ramp((3, 5, 3)):
        yield picture(pixels, "BMP")
        yield picture(pixels, "PNG")
    yield picture(ramp((3, 5)), "PNG", mode="P")
    yield picture(ramp((8, 8)), "JPEG")
    yield picture(ramp((8, 8, 3)), "JPEG", progressive=True)
    for format in "GIF", "TIFF", "WEBP":
        yield picture(ramp((3, 5, 3)), format)
    yield picture(ramp((3, 5, 4)), "PNG")
    yield picture(ramp((3, 5, 3)), "TIFF", compression="tiff_lzw")
    yield picture(
        ramp((8, 8, 3)), "JPEG", mode="CMYK", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    )


TARGETS = {
    "idx": Target(check_idx, idx_seeds),
    "mat": Target(check_mat, mat_seeds),
    "npz": Target(check_npz, npz_seeds),
    "images": Target(check_images, image_seeds),
    "picture": Target(check_picture, picture_seeds),
    "checkpoint": Target(fuzz_checkpoint.check, fuzz_checkpoint.seeds),
    "checkpoint_signed": Target(fuzz_checkpoint.check_signed, fuzz_checkpoint.seeds),
    "config": Target(fuzz_config.check, fuzz_config.seeds),
}
