"""Hostile recordings, pictures and texts, made from code: small files that ask for much work or memory."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

PLACE = b"PLCE"  # stands for where the samples begin, until that is known


def box(name: bytes, *parts: bytes) -> bytes:
    """A box of an MP4 file."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def full(name: bytes, *numbers: int) -> bytes:
    """A box of version 0 that holds whole numbers of 32 bits."""
    return box(name, struct.pack(f">I{len(numbers)}I", 0, *numbers))


def index(declared: int, *, where: str = "sizes") -> bytes:
    """An MP4 file of some hundred bytes that declares so many samples of sound.

    Args:
        declared: how many. where: "sizes" (stsz), "times" (stts) or "fragment" (trun).
    """
    count = 2 if where != "sizes" else declared
    rate, lasting = 8000, min(2 * count, 2**32 - 1)
    entry = box(
        b"ulaw", bytes(6), struct.pack(">HIIHHIHH", 1, 0, 0, 1, 8, 0, rate >> 16, rate), bytes(2)
    )
    tables = [
        box(b"stsd", struct.pack(">II", 0, 1), entry),
        full(b"stts", 1, count, 2),
        full(b"stsc", 1, 1, count, 1),
        full(b"stsz", 1, count),
        full(b"stco", 1, int.from_bytes(PLACE, "big")),
    ]
    if where == "times":
        tables[1] = full(b"stts", 1, declared, 2)
    media = box(
        b"mdia",
        full(b"mdhd", 0, 0, rate, lasting, 0),
        box(b"hdlr", bytes(8), b"soun", bytes(13)),
        box(
            b"minf",
            full(b"smhd", 0),
            box(b"dinf", box(b"dref", struct.pack(">II", 0, 1), full(b"url "))),
            box(b"stbl", *tables),
        ),
    )
    movie = full(b"mvhd", 0, 0, rate, lasting, *[0] * 20)
    track = full(b"tkhd", 0, 0, 1, 0, lasting, *[0] * 15)
    more = box(b"mvex", full(b"trex", 1, 1, 2, 1, 0)) if where == "fragment" else b""
    moov = box(b"moov", movie, box(b"trak", track, media), more)
    file = [box(b"ftyp", b"isom\0\0\2\0isommp41"), moov]
    if where == "fragment":
        header = box(b"tfhd", struct.pack(">II", 0x20000, 1))
        run = box(b"trun", struct.pack(">II", 0, declared))
        file.append(box(b"moof", full(b"mfhd", 1), box(b"traf", header, run)))
    head = b"".join(file)
    place = struct.pack(">I", len(head) + 8)
    return head.replace(PLACE, place) + box(b"mdat", bytes(64))


def write(path: Path, tone: np.ndarray, film: np.ndarray | None = None) -> Path:
    """Writes sound (n,) at 8 kHz, and pictures (T, h, w, 3) at 6 a second, as the ending says."""
    codecs = {
        ".mp4": ("aac", "mpeg4"),
        ".m4a": ("aac", ""),
        ".webm": ("libopus", "libvpx"),
        ".avi": ("pcm_s16le", "mjpeg"),
        ".wav": ("pcm_s16le", ""),
        ".flac": ("flac", ""),
        ".ogg": ("libopus", ""),
        ".mp3": ("libmp3lame", ""),
    }
    heard, seen = codecs[path.suffix]
    with av.open(str(path), "w", "mp4" if path.suffix == ".m4a" else None) as out:
        sound = out.add_stream(heard, rate=48_000 if heard == "libopus" else 8_000, layout="mono")
        moving = out.add_stream(seen, rate=6) if film is not None else None
        if moving is not None and film is not None:
            moving.height, moving.width = film.shape[1:3]
            moving.pix_fmt = "yuvj420p" if seen == "mjpeg" else "yuv420p"
            for pixels in film:
                out.mux(moving.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
            out.mux(moving.encode(None))
        frame = av.AudioFrame.from_ndarray(tone[None].astype(np.float32), "flt", "mono")
        frame.sample_rate = 8_000
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    return path


def scans(count: int, side: int = 256) -> bytes:
    """A JPEG that goes over its pixels so many times."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), (90, 120, 200)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    again = data[last:-2]
    usual = data.count(b"\xff\xda")
    return data[:-2] + again * max(0, count - usual) + b"\xff\xd9"


def timeless(
    path: Path, frames: int, samples: int = 32_768, rate: int = 16_000, last: float = 20.0
) -> Path:
    """A Matroska file of so many frames of FLAC: the first begins at 0 s, the last at `last` s, and all between at
    0.001 s."""
    with av.open(str(path), "w", "matroska", {"live": "1"}) as out:
        stream = out.add_stream("flac", rate, {"frame_size": str(samples)}, layout="mono")
        silence = np.zeros((1, samples), np.int16)
        packets = []
        for number in range(3):
            frame = av.AudioFrame.from_ndarray(silence, "s16", "mono")
            frame.sample_rate, frame.pts = rate, number * samples
            frame.time_base = Fraction(1, rate)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        whole = bytes(packets[0])
        for number in range(frames):
            packet = av.Packet(whole)
            packet.stream = stream
            time = 0.0 if number == 0 else last if number == frames - 1 else 0.001
            packet.pts = packet.dts = round(time * rate)
            packet.time_base = Fraction(1, rate)
            out.mux(packet)
    return path


def black(path: Path, side: tuple[int, int], frames: int, rate: int = 30) -> Path:
    """A video of so many large black pictures, which takes few bytes and much work."""
    width, height = side
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "g": "600"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([128] * plane.buffer_size))
        for number in range(frames):
            frame.pts = number
            frame.time_base = Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def tiers(count: int, words: int) -> str:
    """A TextGrid of so many tiers, each of which declares all words, which stand there once."""
    head = '"ooTextFile"\n"TextGrid"\n0\n9\n<exists>\n' + f"{count}\n"
    claims = "".join(f'"IntervalTier"\n"t{number}"\n0\n9\n{words}\n' for number in range(count))
    return head + claims + '0\n1\n"a"\n' * words
