"""Inputs of a visitor: drawings, recordings, sentences and clips, with limits that are checked before decoding."""

import base64
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from qfusion._checks import check, choose
from qfusion._limits import MIB
from qfusion.data.media import (
    files,
    pictures,
    sounds,
)
from qfusion.data.sample_content import Audio, Content
from qfusion.errors import translate_errors

MAX_BYTES = {
    "drawing": 4 * MIB,
    "recording": 8 * MIB,
    "sentence": 4_000,
    "clip": 64 * MIB,
}  # by kind
MAX_SIDE = 2_000  # pixels; larger pictures are scaled down
MAX_SECONDS = 30.0  # of a recording
_DEFAULT_ENDINGS = {"drawing": ".png", "recording": ".wav", "clip": ".mp4"}
ENDINGS = {
    "drawing": (".png", ".jpg", ".jpeg"),
    "recording": (".wav", ".flac", ".ogg", ".mp3", ".m4a"),
    "clip": (".mp4", ".m4v", ".mov", ".webm", ".avi", ".wav", ".flac", ".ogg", ".mp3", ".m4a"),
}
CANVAS = 280  # pixels of a side of the canvas in the browser, see `canvas.js`
_PNG = b"\x89PNG\r\n\x1a\n"  # first bytes of a file
_JPEG = b"\xff\xd8"


class OwnInput(NamedTuple):
    """An input of a visitor: a `kind` of `Maker`, its bytes (a sentence in UTF-8), and the ending of its file."""

    kind: str
    data: bytes
    ending: str = ""


def read_canvas(address: str) -> OwnInput:
    """Return the drawing on the canvas of a page from its address `data:image/png;base64,...`.

    Raises:
        InvalidInput: when the address is not that of a PNG of CANVAS x CANVAS pixels.
    """
    begin = "data:image/png;base64,"
    with translate_errors(
        "What the canvas sent is no picture of it",
        "Clear it and draw again.",
        ValueError,
        why="{words:.80}",
    ):
        if not isinstance(address, str) or not address.startswith(begin):
            raise ValueError("no address of a PNG")
        data = base64.b64decode(address.removeprefix(begin), validate=True)
        sides = [int.from_bytes(data[at : at + 4], "big") for at in (16, 20)]
        if data[:8] != _PNG or data[12:16] != b"IHDR" or sides != [CANVAS, CANVAS]:
            raise ValueError(f"no PNG of {CANVAS} x {CANVAS} pixels")
    return OwnInput("drawing", data)


def make_features(make: Any, piece: OwnInput) -> tuple[Any, Content]:
    """Return features and content that a maker computes from an input, which is checked first."""
    most = MAX_BYTES[choose("Kind of what is given", piece.kind, MAX_BYTES)]
    check(
        0 < len(piece.data) <= most,
        f"A {piece.kind} must have 1 to {most:,} bytes, but has {len(piece.data):,}. Give a smaller one.",
    )
    if piece.kind == "sentence":
        return make(read_sentence(piece.data))
    ending = piece.ending or _DEFAULT_ENDINGS[piece.kind]
    endings = ENDINGS[piece.kind]
    check(
        ending in endings,
        f"A {piece.kind} must not end in {ending[:20]!r}. Convert it to one of {', '.join(endings)}.",
    )
    check(
        piece.kind != "drawing" or bool(piece.ending) or not piece.data.startswith(_JPEG),
        "A drawing whose ending is not told must be a PNG, but is a JPEG. Upload it as a file.",
    )
    with tempfile.TemporaryDirectory(prefix="qfusion-") as folder:
        path = Path(folder) / f"given{ending}"
        path.write_bytes(piece.data)
        if piece.kind == "drawing":
            return make(pictures.read_picture(path, MAX_SIDE))
        if piece.kind == "recording":
            return make(read_recording(path))
        return make(path)


def read_recording(path: Path) -> Audio:
    """Return the sound of a file at its own rate.

    Raises:
        InvalidInput: when it is no sound, is damaged, or takes more than `MAX_SECONDS`.
    """
    with files.open_media(path) as container:
        seconds = files.read_duration(container, path)
        rate = next((int(stream.rate) for stream in container.streams.audio), 0)
    check(
        seconds <= MAX_SECONDS,
        f"A recording must take at most {MAX_SECONDS:g} s, but takes {seconds:,.1f} s. "
        "Give the relevant part.",
    )
    return sounds.read_sound(path, rate=rate or 16_000)


def read_sentence(data: bytes) -> str:
    """Return a sentence with single spaces between its words.

    Raises:
        InvalidInput: when the bytes are no text in UTF-8, or empty.
    """
    with translate_errors(
        "The sentence is no text in UTF-8", "Write it again.", UnicodeDecodeError
    ):
        words = " ".join(data.decode().split())
    check(
        words != "" and words.isprintable(),
        "The sentence is empty, or holds signs that cannot be seen. Write it again.",
    )
    return words
