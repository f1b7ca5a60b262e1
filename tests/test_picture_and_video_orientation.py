"""Pictures and videos are read as viewers show them: bit depth, transparency, rotation."""

from __future__ import annotations

import gc
import struct
import zlib
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from qfusion.data import frame_reader, media_probe, picture_reader
from tests.support import recordings

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
    seen = picture_reader.read_picture(tmp_path / "depth.png")
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
    seen = picture_reader.read_picture(tmp_path / "clear.png")[0, :, 0].astype(int)
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
    assert picture_reader.read_picture(path)[0].tolist() == [[value] * 3 for value in seen]


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
    assert corners(picture_reader.read_picture(path)) == corners(turned[orientation])


def quarters(width: int, height: int) -> np.ndarray:
    """A picture whose quarters differ in brightness: 0, 80, 160, 240, row by row."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, width // 2 :] = 80
    picture[height // 2 :, : width // 2] = 160
    picture[height // 2 :, width // 2 :] = 240
    return picture


def corners(picture: np.ndarray) -> tuple[int, ...]:
    """Width, height, and the brightness of the quarters in steps of 80, row by row."""
    height, width = picture.shape[:2]
    middles = [(height // 4, width // 4), (height // 4, 3 * width // 4)]
    middles += [(3 * height // 4, width // 4), (3 * height // 4, 3 * width // 4)]
    return width, height, *(round(picture[place].mean() / 80) for place in middles)


# Matrices of the display (a, b, c, d), by what players make of the quarters 0 1 / 2 3.
MATRICES = {
    "as stored": ((1, 0, 0, 1), (64, 48, 0, 1, 2, 3)),
    "a quarter with the clock": ((0, 1, -1, 0), (48, 64, 2, 0, 3, 1)),
    "half a turn": ((-1, 0, 0, -1), (64, 48, 3, 2, 1, 0)),
    "a quarter against the clock": ((0, -1, 1, 0), (48, 64, 1, 3, 0, 2)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_video_follows_its_display_matrix(tmp_path: Path, name: str) -> None:
    matrix, wanted = MATRICES[name]
    a, b, c, d = (65536 * number for number in matrix)
    path = recordings.write(tmp_path / "phone.mp4", np.stack([quarters(64, 48)] * 12), None)
    raw = path.read_bytes()
    at = raw.index(b"tkhd") + 44  # the matrix of a track
    path.write_bytes(
        raw[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + raw[at + 36 :]
    )
    assert media_probe.probe(path).size == wanted[:2]
    (whole,) = frame_reader.read_frames(path, 0, 1, times=[0.5])
    (small,) = frame_reader.read_frames(path, 0, 1, times=[0.5], side=32)
    assert corners(whole) == wanted
    assert corners(small)[2:] == wanted[2:]


@pytest.mark.parametrize("name", ["a.avi", "b.webm", "c.mov"])
def test_video_without_a_display_matrix_is_unchanged(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as out:
        codec = "libvpx" if name.endswith("webm") else "mpeg4"
        stream: Any = out.add_stream(codec, rate=12)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(12):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(quarters(64, 48), "rgb24")))
        out.mux(stream.encode(None))
    (seen,) = frame_reader.read_frames(path, 0, 1, times=[0.5])
    assert corners(seen) == (64, 48, 0, 1, 2, 3)


def test_frames_are_released_one_by_one(tmp_path: Path) -> None:
    """PyAV keeps a frame whose side data were asked for until Python collects its garbage, so that a long video would
    fill the memory."""
    film = np.random.default_rng(0).integers(0, 255, (40, 32, 48, 3), np.uint8)
    path = recordings.write(tmp_path / "long.mp4", film, np.zeros(8000, np.float32))
    end = media_probe.probe(path).seconds
    gc.collect()
    gc.disable()
    try:
        shown = list(
            frame_reader.read_frames(
                path, 0.0, end, times=np.linspace(0, end, 30).tolist(), side=32
            )
        )
        frames = [one for one in gc.get_objects() if isinstance(one, av.VideoFrame)]
        decoded = [one for one in frames if one.format.name != "rgb24"]  # the others are shown
    finally:
        gc.enable()
    assert len(shown) == 30
    assert len(decoded) < 5
