"""Pictures are read as viewers show them: bit depth, transparency, rotation."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qfusion.data import media_pictures
from tests.support.quarters import corners, quarters

GREY, COLOURS, PALETTE = 0, 2, 3  # of a PNG


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(place: Path, bits: int, kind: int, row: bytes, width: int, *more: bytes) -> Path:
    """Writes a PNG of one row, as its bytes are."""
    head = struct.pack(">IIBBBBB", width, 1, bits, kind, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" + row))
    parts = (b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", head), *more, body, chunk(b"IEND", b""))
    place.write_bytes(b"".join(parts))
    return place


@pytest.mark.parametrize("values", [(0, 257, 4095), (32768, 60000, 65535), (256, 1000, 30000)])
def test_grey_of_16_bits_keeps_its_brightness(tmp_path: Path, values: tuple[int, ...]) -> None:
    Image.fromarray(np.array([values, values], np.uint16)).save(tmp_path / "depth.png")
    seen = media_pictures.read_picture(tmp_path / "depth.png")
    assert seen.shape == (2, 3, 3)
    assert seen[0].tolist() == [[value // 256] * 3 for value in values]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
@pytest.mark.parametrize("hidden", [0, 77, 200])
def test_transparent_pixels_are_blended_with_white(tmp_path: Path, mode: str, hidden: int) -> None:
    """Whatever the colour is that a program left under a transparent pixel."""
    picture = np.full((1, 3, 4), hidden, np.uint8)
    picture[..., 3] = 0, 128, 255
    image = Image.fromarray(picture)
    if mode == "PA":
        image = image.quantize(4)
    else:
        image = image.convert(mode)
    image.save(tmp_path / "clear.png")
    seen = media_pictures.read_picture(tmp_path / "clear.png")[0, :, 0].astype(int)
    wanted = [255, (255 + hidden) / 2, hidden]
    assert np.abs(seen - wanted).max() <= 2


@pytest.mark.parametrize(
    ("bits", "kind", "row", "clear", "seen"),
    [
        (8, GREY, bytes([9, 200]), struct.pack(">H", 9), (255, 200)),
        (1, GREY, bytes([0b01000000]), struct.pack(">H", 0), (255, 255)),
        (8, COLOURS, bytes([40, 40, 40, 7, 7, 7]), struct.pack(">3H", 40, 40, 40), (255, 7)),
        (8, PALETTE, bytes([1, 0]), bytes([255, 0]), (255, 3)),
    ],
)
def test_a_value_that_is_declared_transparent_is_white(
    tmp_path: Path, bits: int, kind: int, row: bytes, clear: bytes, seen: tuple[int, int]
) -> None:
    palette = [chunk(b"PLTE", bytes([3, 3, 3, 90, 90, 90]))] if kind == PALETTE else []
    path = png(tmp_path / "keyed.png", bits, kind, row, 2, *palette, chunk(b"tRNS", clear))
    assert media_pictures.read_picture(path)[0].tolist() == [[value] * 3 for value in seen]


@pytest.mark.parametrize("ending", [".png", ".jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_picture_follows_its_exif_orientation(
    tmp_path: Path, ending: str, orientation: int
) -> None:
    stored = quarters(48, 32)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"shot{ending}"
    Image.fromarray(stored).save(path, exif=exif)
    turned = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1),
        7: np.rot90(stored, 2).transpose(1, 0, 2),
        8: np.rot90(stored),
    }
    assert corners(media_pictures.read_picture(path)) == corners(turned[orientation])
