"""Videos are read as players show them, frame by frame."""

from __future__ import annotations

import gc
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from qfusion.plugins.recordings import media_probe, video_frames
from tests.support import recordings
from tests.support.quarters import corners, quarters

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
    (whole,) = video_frames.read_frames(path, 0, 1, times=[0.5])
    (small,) = video_frames.read_frames(path, 0, 1, times=[0.5], side=32)
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
    (seen,) = video_frames.read_frames(path, 0, 1, times=[0.5])
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
            video_frames.read_frames(
                path, 0.0, end, times=np.linspace(0, end, 30).tolist(), side=32
            )
        )
        frames = [one for one in gc.get_objects() if type(one) is av.VideoFrame]
        decoded = [one for one in frames if one.format.name != "rgb24"]  # the others are shown
    finally:
        gc.enable()
    assert len(shown) == 30
    assert len(decoded) < 5
