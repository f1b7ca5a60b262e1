"""WAV files written to a pipe, whose header has no length, are read to the end."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from qfusion.data import media_probe, sound_reader
from qfusion.errors import InvalidInput

RATE = 16_000
INFO = b"LIST" + struct.pack("<I", 26) + b"INFOISFT" + struct.pack("<I", 14) + b"a recorder\0\0\0\0"
UNKNOWN = 2**32 - 1


def tone(seconds: float) -> np.ndarray:
    """Samples (n,) whose last tenth of a second is loud."""
    t = np.arange(round(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * 440 * t) * np.where(t < seconds - 0.1, 0.1, 0.8)


def wav(riff: int, data: int, sound: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    """A .wav file of 16-bit samples whose header declares these sizes."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    head = b"RIFF" + struct.pack("<I", riff) + b"WAVE" + b"fmt " + form + before
    return head + b"data" + struct.pack("<I", data) + sound + after


def samples(seconds: float) -> bytes:
    return np.round(20_000 * tone(seconds)).astype("<i2").tobytes()


def assert_heard(path: Path, seconds: float, within: float = 1e-3) -> None:
    """A recording is as long as it is, and its loud end is there."""
    facts = media_probe.probe(path)
    assert facts.seconds == pytest.approx(seconds, abs=within)
    heard = sound_reader.read_sound(path, rate=RATE).samples
    assert len(heard) == pytest.approx(seconds * RATE, abs=within * RATE + 1)
    assert np.abs(heard[-1200:]).max() > 4 * np.abs(heard[:1200]).max()


@pytest.mark.parametrize("seconds", [0.4, 2.0, 31.0])
@pytest.mark.parametrize(
    ("riff", "data"),
    [
        (UNKNOWN, UNKNOWN),  # FFmpeg
        (0, 0),  # GStreamer
        (36, 0),  # Python's `wave`
        (0x7FFFF024, 0x7FFFF000),  # SoX
        (0x80000024, 0x80000000),  # arecord
        (0, UNKNOWN),
    ],
)
def test_sound_without_a_length_is_read_to_the_end(
    tmp_path: Path, riff: int, data: int, seconds: float
) -> None:
    path = tmp_path / "piped.wav"
    for before in (b"", INFO):
        path.write_bytes(wav(riff, data, samples(seconds), before))
        assert_heard(path, seconds)


class Pipe:
    """Takes what is written, and cannot go back."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, part: bytes) -> int:
        """Takes a part."""
        self.content += part
        return len(part)


@pytest.mark.parametrize("sizes", ["never", "always"])  # of 64 bits (RF64)
@pytest.mark.parametrize(
    ("codec", "layout"),
    [("pcm_s16le", "mono"), ("pcm_f32le", "stereo"), ("pcm_u8", "mono"), ("libmp3lame", "mono")],
)
def test_ffmpeg_pipe_output_is_read(tmp_path: Path, codec: str, layout: str, sizes: str) -> None:
    pipe = Pipe()
    with av.open(pipe, "w", format="wav", options={"rf64": sizes}) as out:
        stream: Any = out.add_stream(codec, rate=RATE, layout=layout)
        sound = np.repeat(
            np.round(20_000 * tone(3)).astype(np.int16), stream.codec_context.channels
        )
        frame = av.AudioFrame.from_ndarray(sound[None], "s16", layout)
        frame.sample_rate, frame.pts = RATE, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    (tmp_path / "ffmpeg.wav").write_bytes(bytes(pipe.content))
    assert_heard(tmp_path / "ffmpeg.wav", 3, within=0.12 if codec == "libmp3lame" else 1e-3)


def test_valid_headers_are_used(tmp_path: Path) -> None:
    path, sound = tmp_path / "true.wav", samples(2)
    path.write_bytes(wav(36 + len(sound) + len(INFO), len(sound), sound, b"", INFO))
    assert_heard(path, 2)  # what follows is no sound
    for name, content, words in (
        ("none.wav", wav(36, 0, b""), "is of no length"),
        ("nothing.wav", wav(36 + len(INFO), 0, b"", b"", INFO), "is cut short"),
        ("cut.wav", wav(36 + 2 * len(sound), 2 * len(sound), sound), "is cut short"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidInput, match=words):
            media_probe.probe(tmp_path / name)
