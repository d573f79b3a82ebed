"""Pictures as cameras, phones and programs write them."""

import io
import itertools
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from fnnet.data import read_image
from fnnet.errors import ConfigError, DataError
from tests.data.files import picture, ramp, write

GREY = ramp((4, 3))
COLOUR = ramp((4, 3, 3))
PHOTO = (np.indices((16, 24)).sum(0) * 6).astype(np.uint8)
ORIENTATION = 0x0112


def exif(orientation: object) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def deep_png(values: np.ndarray, kind: int, *chunks: bytes) -> bytes:
    """A PNG of 16 bits a channel, of a kind that Pillow reads but does not write: (H, W, channels)."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)), *chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")])


@pytest.mark.parametrize(
    ("content", "mode", "expected"),
    [
        (picture(GREY, "PNG"), "L", GREY),
        (picture(GREY, "BMP"), "L", GREY),
        (picture(COLOUR, "PNG"), "RGB", COLOUR.transpose(2, 0, 1)),
        (picture(GREY > 5, "BMP"), "L", np.where(GREY > 5, 255, 0)),
        (picture(GREY, "PNG", mode="P"), "L", GREY),
        (picture(np.full((8, 8), 77, np.uint8), "JPEG", quality=100), "L", np.full((8, 8), 77)),
        (picture(GREY, "GIF"), "L", GREY),
        (picture(GREY, "TIFF"), "L", GREY),
        (picture(GREY > 5, "TIFF", compression="group4"), "L", np.where(GREY > 5, 255, 0)),
        (picture(COLOUR, "TIFF", compression="tiff_lzw"), "RGB", COLOUR.transpose(2, 0, 1)),
        (picture(COLOUR, "WEBP", lossless=True), "RGB", COLOUR.transpose(2, 0, 1)),
    ],
)
def test_pictures(tmp_path, content, mode, expected):
    read = read_image(write(tmp_path / "picture", content), mode)
    np.testing.assert_array_equal(read, expected)
    assert read.dtype == np.uint8
    assert read.flags.writeable


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_transparency_lies_over_white_or_black(tmp_path, format):
    opacity = np.array([[0, 51, 102], [153, 204, 255], [0, 255, 0], [255, 0, 255]], np.uint8)
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    path = write(tmp_path / "picture", picture(np.dstack([COLOUR, opacity]), format, **options))
    share = opacity[..., None] / 255
    for over, ground in (("white", 255), ("black", 0)):
        wanted = share * COLOUR + (1 - share) * ground
        read = read_image(path, "RGB", over=over).transpose(1, 2, 0).astype(float)
        assert np.abs(read - wanted).max() <= 1
        np.testing.assert_array_equal(read[opacity == 255], COLOUR[opacity == 255])
        assert (read[opacity == 0] == ground).all()
    np.testing.assert_array_equal(read_image(path, "RGB"), read_image(path, "RGB", over="white"))


@pytest.mark.parametrize(
    "content",
    [
        picture(GREY, "PNG", transparency=3),
        picture(GREY, "PNG", mode="P", transparency=3),
        picture(GREY, "GIF", transparency=3),
        picture(np.dstack([GREY, np.where(GREY == 3, 0, 255).astype(np.uint8)]), "PNG"),
        deep_png(GREY[..., None].astype(np.uint16) * 257, 0, chunk(b"tRNS", struct.pack(">H", 3 * 257))),
        deep_png(np.dstack([GREY, np.where(GREY == 3, 0, 255)]).astype(np.uint16) * 257, 4),
    ],
    ids=["grey", "palette", "gif", "LA", "grey of 16 bits", "LA of 16 bits"],
)
def test_one_transparent_value(tmp_path, content):
    path = write(tmp_path / "picture", content)
    for over, ground in (("white", 255), ("black", 0)):
        np.testing.assert_array_equal(read_image(path, over=over), np.where(GREY == 3, ground, GREY))


DEEP = np.array([[0, 255, 256], [257, 32767, 65535]], np.uint16)


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (saved(Image.fromarray(DEEP), "PNG"), "L"),
        (saved(Image.fromarray(DEEP), "TIFF"), "L"),
        (saved(Image.fromarray(0xFFFF - DEEP), "TIFF", tiffinfo={262: 0}), "L"),  # white is zero
        (deep_png(np.dstack([DEEP] * 3), 2), "RGB"),
        (deep_png(np.dstack([*[DEEP] * 3, np.full_like(DEEP, 65535)]), 6), "RGB"),
    ],
)
def test_of_16_bits_the_high_ones_are_kept(tmp_path, content, mode):
    read = read_image(write(tmp_path / "picture", content), mode)
    np.testing.assert_array_equal(read if mode == "L" else read[0], DEEP >> 8)


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk(tmp_path, format):
    """Red is no cyan; black is ink of every kind, or of the fourth."""
    inks = np.zeros((8, 32, 4), np.uint8)
    inks[:, 8:16, 1:3], inks[:, 16:24, 3], inks[:, 24:, :3] = 255, 255, 255
    image = Image.frombytes("CMYK", (32, 8), inks.tobytes())
    read = read_image(write(tmp_path / "picture", saved(image, format)), "RGB")
    for column, colour in ((4, (255, 255, 255)), (12, (255, 0, 0)), (20, (0, 0, 0)), (28, (0, 0, 0))):
        np.testing.assert_allclose(read[:, 4, column], colour, atol=3)


@pytest.mark.parametrize("format", ["GIF", "TIFF", "WEBP", "PNG"])
def test_the_first_frame_counts(tmp_path, format):
    frames = [Image.fromarray(np.full((4, 3, 3), value, np.uint8)) for value in (10, 200, 90)]
    content = saved(
        frames[0], format, save_all=True, append_images=frames[1:], **{"lossless": True} if format == "WEBP" else {}
    )
    np.testing.assert_array_equal(read_image(write(tmp_path / "picture", content)), np.full((4, 3), 10))


UPRIGHT = {  # what a camera stored -> what it saw, by the picture of the TIFF standard: a row of a letter F
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.T,
    6: lambda stored: stored[::-1].T,
    7: lambda stored: stored[::-1, ::-1].T,
    8: lambda stored: stored.T[::-1],
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_are_turned_upright(tmp_path, format, orientation):
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(format, {})
    path = write(tmp_path / "picture", picture(PHOTO, format, exif=exif(orientation), **options))
    wanted = UPRIGHT[orientation](PHOTO)
    read = read_image(path)
    assert read.shape == wanted.shape
    assert np.abs(read.astype(int) - wanted).max() <= (2 if format == "JPEG" else 0)


@pytest.mark.parametrize(
    "content",
    [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\xff\xff", b"Exif\0\0" + b"\xff" * 40, b"Exif\0\0II*\0\x08\0\0\0\xff\xff"],
)
def test_a_damaged_exif_says_nothing(tmp_path, content):
    """An intact picture is read, whatever the tags beside it are worth."""
    plain = picture(PHOTO, "JPEG", quality=100)
    damaged = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + plain[2:]
    np.testing.assert_array_equal(
        read_image(write(tmp_path / "a.jpg", damaged)), read_image(write(tmp_path / "b.jpg", plain))
    )


@pytest.mark.parametrize("orientation", [0, 9, 77, 65535])
def test_an_orientation_that_is_none(tmp_path, orientation):
    path = write(tmp_path / "a.png", picture(PHOTO, "PNG", exif=exif(orientation)))
    np.testing.assert_array_equal(read_image(path), PHOTO)


def test_flipped_bits_in_tags_leave_the_pixels(tmp_path):
    content = picture(PHOTO, "JPEG", quality=100, exif=exif(1))
    start = content.index(b"Exif\0\0") + 6
    for bit in range(0, 8 * 26, 3):
        damaged = bytearray(content)
        damaged[start + bit // 8] ^= 1 << bit % 8
        read = read_image(write(tmp_path / "a.jpg", bytes(damaged)))
        assert sorted(read.shape) == [16, 24]


@pytest.mark.parametrize("truncated", [False, True])
@pytest.mark.parametrize("format", ["BMP", "PNG", "JPEG", "GIF", "TIFF", "WEBP"])
def test_picture_cut_off(tmp_path, monkeypatch, format, truncated):
    """Also where a program has told Pillow to make do with half a picture, and that setting is left as it was."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", truncated)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
    content = picture(ramp((16, 16)), format)
    lost = {"PNG": 4, "GIF": 2}.get(format, 0)  # only the mark of the end, or its checksum, is missing
    for cut in range(0, len(content) - lost, 7):
        with pytest.raises(DataError, match=r"picture: expected an intact BMP, PNG, .* or WebP"):
            read_image(write(tmp_path / "cut", content[:cut]))
    assert read_image(write(tmp_path / "whole", content)).shape == (16, 16)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is truncated
    assert Image.MAX_IMAGE_PIXELS == 7


def test_settings_of_pillow_stay_for_readers_side_by_side(tmp_path, monkeypatch):
    """What one thread puts back is not put back under another one's hands."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    cut = write(tmp_path / "cut.jpg", picture(ramp((64, 64)), "JPEG")[:-300])
    faults = []

    def read() -> None:
        for _ in range(30):
            try:
                read_image(cut)
            except DataError as error:
                faults.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(faults) == 120
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_resize(tmp_path, fit, mode):
    """A grey square on a wide white page: squeezed, cut out, or with bands above and below."""
    page = np.full((20, 40), 255, np.uint8)
    page[:, 10:30] = 100
    path = write(tmp_path / "page.png", picture(page, "PNG"))
    read = read_image(path, mode, resize=(20, 20), fit=fit, over="black")
    read = read if mode == "L" else read[0]
    assert read.shape == (20, 20)
    if fit == "crop":
        assert (read == 100).all()
    elif fit == "pad":
        assert not read[:5].any()
        assert not read[15:].any()
        assert read[10, 10] == 100
        assert read[10, 1] == 255
    else:
        assert (read[:, 7:13] == 100).all()
        assert (read[:, :3] == 255).all()
    assert read_image(path, mode, resize=(5, 7)).shape[-2:] == (5, 7)
    np.testing.assert_array_equal(read_image(path, resize=(20, 40), fit=fit), page)


def test_a_picture_made_smaller_is_averaged(tmp_path):
    """Every pixel counts: fine stripes become grey, and not what every tenth column happens to be."""
    stripes = np.tile(np.array([0, 200], np.uint8), (40, 20))
    read = read_image(write(tmp_path / "a.png", picture(stripes, "PNG")), resize=(4, 4))
    assert np.abs(read.astype(int) - 100).max() <= 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "CMYK"}, "mode: expected 'L' or 'RGB', got 'CMYK'"),
        ({"mode": None}, "mode: expected 'L' or 'RGB', got None"),
        ({"over": "grey"}, "over: expected 'white' or 'black', got 'grey'"),
        ({"fit": ["pad"]}, r"fit: expected 'stretch' or 'crop' or 'pad', got \['pad'\]"),
        ({"resize": 28}, r"resize: expected a pair \(height, width\), got 28"),
        ({"resize": (28,)}, r"resize: expected a pair \(height, width\), got \(28,\)"),
        ({"resize": (28, 0)}, r"resize\[1\]: expected a whole number ≥ 1, got 0"),
        ({"max_bytes": 0}, "max_bytes: expected a whole number ≥ 1, got 0"),
    ],
)
def test_options(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        read_image(write(tmp_path / "a.png", picture(GREY, "PNG")), **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "channels of 8 or 16 bits, got mode F; convert it"),
        (saved(Image.fromarray(GREY.astype(np.int32)), "TIFF"), "channels of 8 or 16 bits, got mode I; convert it"),
        (
            deep_png(np.dstack([DEEP] * 3), 2, chunk(b"tRNS", bytes(6))),
            "channels of 8 or 16 bits, without one colour that is transparent, got mode RGB; convert it",
        ),
        (saved(Image.new("LAB", (4, 4)), "TIFF"), "channels of 8 or 16 bits, got mode LAB; convert it"),
        (picture(GREY, "ICO"), "an intact BMP, PNG, .* or WebP, got another format or a damaged header"),
        (b"text", "an intact BMP, PNG, .* or WebP, got another format or a damaged header"),
    ],
)
def test_pictures_that_cannot_be_read(tmp_path, content, message):
    with pytest.raises(DataError, match=f"a.png: picture: expected {message}"):
        read_image(write(tmp_path / "a.png", content))


def bmp_of(width: int, height: int) -> bytes:
    content = bytearray(picture(GREY))
    content[18:26] = width.to_bytes(4, "little") + height.to_bytes(4, "little")
    return bytes(content)


def test_pictures_that_promise_too_much(tmp_path):
    path = write(tmp_path / "promise.bmp", bmp_of(2**15, 2**15))
    with pytest.raises(DataError, match="picture: expected at most 268,435,456 pixels, got 32768 × 32768; raise max_b"):
        read_image(path)
    path = write(tmp_path / "promise.bmp", bmp_of(9_000, 9_000))
    with pytest.raises(DataError, match=r"picture: expected an intact BMP, PNG, .* or WebP, got OSError: .*truncated"):
        read_image(path)
    with pytest.raises(DataError, match="picture: expected at most 20,000,000 pixels, got 9000 × 9000; raise max_b"):
        read_image(path, max_bytes=80_000_000)
    with pytest.raises(DataError, match="file: expected at most 50 bytes, got 102; raise max_bytes"):
        read_image(write(tmp_path / "1.bmp", picture(COLOUR)), max_bytes=50)


def test_png_with_flipped_bits(tmp_path):
    """PNG chunks carry checksums, and they are looked at."""
    content = picture(ramp((5, 5)), "PNG")
    for bit in range(8 * (len(content) - 12)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DataError, match="picture: expected"):
            read_image(write(tmp_path / "flipped.png", bytes(damaged)))


def test_orientations_are_all_different():
    """The oracle above tells all eight apart."""
    letter = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 0, 0]])
    seen = [turn(letter) for turn in UPRIGHT.values()]
    assert not any(np.array_equal(a, b) for a, b in itertools.combinations(seen, 2))
