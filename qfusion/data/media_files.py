"""Opening of recordings and decoding of their frames, with limits on bytes, pixels, frames and seconds.

Only the container of the file's ending is opened, and no other file or address that it names.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check, require_number
from qfusion.data import costs, decoder_messages, files, signatures, wav_header
from qfusion.data.media_types import CONTAINERS
from qfusion.errors import DataUnavailable, QFusionError, translate_errors, translate_import_errors

MAX_SECONDS = 600.0  # of one part
MAX_PIXELS = 2**25  # of one picture: 8K and no more
# Limits of one answer; a picture may depend on all pictures before it.
MAX_DECODED = 60_000  # frames
MAX_SHOWN = 2**36  # pixels of them: a quarter of an hour of 1080p
MAX_HEARD = 2**28  # samples of all channels


def check_file(path: Path, endings: Any) -> int:
    """Return the size of a file in bytes, after checks of its ending, permissions and signature."""
    check(
        path.suffix.lower() in endings,
        f"File `{path.name[-80:]}` must end with one of {', '.join(endings)}. Convert it.",
    )
    size = files.file_size(path)
    check(size > 0, f"File `{path.name}` is empty. Copy it again.")
    check(
        os.access(path, os.R_OK),
        f"File `{path.name}` cannot be read ({os.strerror(errno.EACCES)}). Correct its permissions.",
        DataUnavailable,
    )
    signatures.require(path, f"a {path.suffix} file", "picture")
    return size


@contextlib.contextmanager
def open_media(path: Path) -> Iterator[Any]:
    """Open a video or sound file; errors of FFmpeg inside the block become `InvalidInput`."""
    with translate_import_errors():
        import av
    size = check_file(path, CONTAINERS)
    wav_header.check_whole(path, size)
    reader = CONTAINERS[path.suffix.lower()][0]
    if reader == "mov":
        costs.check_index(path, size)
    own = {"ignore_length": "1"} if wav_header.is_endless(path, size) else {}
    with (
        translate_errors(
            f"File `{path.name}` must be a whole {path.suffix} file, but cannot be read as one",
            "It may be cut short, damaged or of another kind than its ending says: copy or convert it again.",
            Exception,  # a damaged file may raise anything
            why="{kind}",
            passing=(QFusionError,),
        ),
        av.open(
            str(path.absolute()),
            metadata_errors="replace",
            options={
                "format_whitelist": reader,
                "protocol_whitelist": "file",
                "max_pixels": str(MAX_PIXELS),
                **own,
            },
        ) as container,
    ):
        streams: tuple[Any, ...] = (*container.streams.video, *container.streams.audio)
        for stream in streams:
            check(
                stream.codec_context is not None,
                f"File `{path.name}` holds {'pictures' if stream.type == 'video' else 'sound'} in a form that is not "
                "known: it is damaged, or of another encoding. Convert it to MP4 (H.264, AAC).",
            )
            stream.thread_type = "NONE"  # other processes share the processor
        yield container


def video_stream(container: Any) -> Any:
    """Return the video stream, if any; the cover picture of a sound file is none."""
    from av.stream import Disposition

    streams = container.streams.video
    return next((s for s in streams if not s.disposition & Disposition.attached_pic), None)


class DecodingBudget:
    """The amount of data that may still be decoded for one answer."""

    def __init__(self, path: Path, frames: int = MAX_DECODED, seconds: float = np.inf):
        self._path = path
        self._frames = frames
        self._pixels = MAX_SHOWN
        self._samples = MAX_HEARD
        self._seconds = seconds

    def add(self, frame: Any) -> None:
        """Count a frame.

        Raises:
            InvalidInput: when it is one too many.
        """
        self._frames -= 1
        if hasattr(frame, "samples"):
            self._seconds -= frame.samples / max(1, frame.sample_rate)
            self._samples -= frame.samples * frame.layout.nb_channels
        else:
            check_pixels(self._path, frame.width, frame.height)
            self._pixels -= frame.width * frame.height
        check(
            self._frames >= 0 and self._pixels >= 0 and self._samples >= 0,
            f"For one answer more than {MAX_DECODED:,} frames, {MAX_SHOWN:,} pixels or {MAX_HEARD:,} samples of "
            f"`{self._path.name}` would be decoded. Ask for a shorter part, encode it smaller or with more key frames.",
            decoder_messages.TooMuchWork,
        )
        check(
            self._seconds >= 0,
            f"File `{self._path.name}` holds more sound than its times have room for: it is damaged, or made to take "
            "long. Record or convert it again.",
            decoder_messages.TooMuchWork,
        )


def decode_frames(container: Any, stream: Any, path: Path, work: DecodingBudget) -> Iterator[Any]:
    """Yield the frames of a stream from the current position, within the budget."""
    for frame in container.decode(stream):
        work.add(frame)
        yield frame


def check_pixels(path: Path, width: int, height: int) -> None:
    """Check that a picture has at most MAX_PIXELS pixels.

    Raises:
        InvalidInput: when it is empty or larger.
    """
    check(
        0 < width * height <= MAX_PIXELS,
        f"File `{path.name}` has pictures of {width:,} x {height:,} pixels, and at most {MAX_PIXELS:,} are read. "
        "Make them smaller.",
    )


def read_duration(container: Any, path: Path) -> float:
    """Return the duration in seconds: the declared one if the last seconds exist, else that of all packets."""
    begin = (container.start_time or 0) / 1e6
    is_endless = wav_header.is_endless(path, path.stat().st_size)
    is_guessed = path.suffix.lower() == ".mp3" or is_endless
    declared = None if is_guessed else container.duration
    container.seek(int((container.start_time or 0) + max(0, (declared or 0) - 1_000_000)))
    slack = max(
        (float(1 / one.average_rate) for one in container.streams.video if one.average_rate),
        default=0,
    )
    last = max(
        (
            float((packet.pts + (packet.duration or 0)) * packet.time_base)
            for packet in container.demux()
            if packet.pts is not None and packet.size
            # the last packet of a file without a length looks truncated
            if is_endless or not packet.is_corrupt
        ),
        default=begin,
    )
    seconds = (declared or 0) / 1e6 or last - begin
    check(
        np.isfinite(seconds) and seconds > 0,
        f"File `{path.name}` is of no length. Record or copy it again.",
    )
    check(
        last > begin and last - begin > seconds - min(2.0, seconds / 5) - slack,
        f"File `{path.name}` is cut short: it is {seconds:.1f} s long by its own word, and its last seconds are "
        "missing. Copy it again.",
    )
    return seconds


def check_part(container: Any, path: Path, start: float, end: float | None) -> tuple[float, float]:
    """Return start and end of a part of a file, checked."""
    start = require_number("start", start, 0, 1e7)
    end = read_duration(container, path) if end is None else require_number("end", end, 0, 1e7)
    check(
        0 < end - start <= MAX_SECONDS,
        f"The part from {start:.2f} s to {end:.2f} s of `{path.name}` must be longer than 0 s and at most "
        f"{MAX_SECONDS:g} s. Name a start and an end in it.",
    )
    return start, end
