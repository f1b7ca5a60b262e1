"""Copies of a sample's part of a recording in a format that any browser plays; each is made once and cached."""

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qfusion import _files, _user_folders
from qfusion._checks import check
from qfusion._lazy import load
from qfusion.data import array_cache, decoders, frame_reader, media_files, media_probe, sound_reader
from qfusion.data.clip_cache import bound_cache, check_not_refused, clip_key, run_once
from qfusion.data.clip_previews import POSTER, repeat_grey
from qfusion.data.sample_content import Audio, Clip, Film
from qfusion.errors import DataUnavailable, InvalidInput, translate_errors

FAST = 30.0  # pictures a second at most
COPY_SECONDS = 300  # of the processor that a copy may take


def find_copy(clip: Clip) -> Path | None:
    """Return the copy of a recording's part, see `make_copy`, where it is in the cache.

    Raises:
        TooMuchWork: that was raised when it was to be made.
    """
    name = _copy_name(clip)
    check_not_refused(name)
    return _find_copy(name)


def make_copy(clip: Clip, stop: threading.Event | None = None) -> Path:
    """Return a video (MP4: H.264, AAC) of a recording's part, upright, with at most POSTER pixels per side and at most
    MAX_SECONDS. It comes from the cache if it is there. For a sound, the video has only the sound.

    Args:
        clip: a video or a sound. stop: ends the making when it is set.

    Raises:
        InvalidInput, NotFound, DataUnavailable: when the file cannot be read or the cache not be written, or it was
            stopped.
    """
    check(clip.kind != "image", "A picture is not played. Show it.")
    name = _copy_name(clip)

    def write(place: Path) -> None:
        write_copy(clip.path, clip.start, clip.end, place, stop=stop)  # type: ignore[call-arg]

    return _copy(name, write)


def _copy_name(clip: Clip) -> str:
    return f"part-{clip_key(clip)}"


@decoders.run_in_process(COPY_SECONDS, counted=False)
def write_copy(path: Path, start: float, end: float | None, place: Path) -> None:
    """Write a copy of a recording from `start` to `end` seconds, at most `media_files.MAX_SECONDS` long."""
    facts = media_probe.probe(path)
    part = start, min(end or facts.seconds, start + media_files.MAX_SECONDS)
    rate = min(facts.rate or FAST, FAST)
    encode(
        place,
        frame_reader.read_frames(path, *part, rate=rate, side=POSTER) if facts.size else iter(()),
        rate,
        sound_reader.read_sound(path, *part, 32_000) if facts.sound else None,
    )


def copy_film(film: Film) -> Path:
    """Return a video of moving pictures that a set holds itself, as `make_copy`."""
    key = array_cache.cache_key([str((film.frames.shape, film.rate)), film.frames.tobytes()])
    shown = iter(repeat_grey(film.frames))
    return _copy(f"film-{key}", lambda place: encode(place, shown, film.rate))


def _find_copy(name: str) -> Path | None:
    """Return a video in the cache, or None if it is not there."""
    place = _user_folders.cache_root() / "clips" / f"{name}.mp4"
    if not place.is_file():
        return None
    os.utime(place)
    return place


def _copy(name: str, write: Callable[[Path], None]) -> Path:
    """A video in the cache, written where it is not there."""
    with run_once(name):
        place = _find_copy(name)
        if place is not None:
            return place
        place = _user_folders.cache_root() / "clips" / f"{name}.mp4"
        with translate_errors(
            "The cache cannot be written", "Correct its permissions.", error=DataUnavailable
        ):
            place.parent.mkdir(parents=True, exist_ok=True)
        write(place)
    bound_cache()
    return place


# of the codecs that browsers play: their settings, fast before small
_CODECS: dict[str, tuple[str, dict[str, str]]] = {
    ".mp4": ("libx264", {"preset": "veryfast", "crf": "26"}),
    ".webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "crf": "36", "b": "0"}),
}


def encode(
    place: Path,
    pictures: Iterator[np.ndarray],
    rate: float,
    audio: Audio | None = None,
    comment: str = "",
) -> None:
    """Write a video that browsers play, whole or not at all.

    Args:
        place: of the file, .mp4 (H.264, AAC) or, without sound, .webm (VP9).
        pictures: uint8 (h, w, 3) each. rate: of them a second. comment: is kept in the file.

    Raises:
        InvalidInput: when it cannot be written.
    """
    from fractions import Fraction

    av = load("av")

    with (
        translate_errors(
            "A recording cannot be written for the browser",
            "Convert it to MP4 (H.264, AAC).",
            *(av.FFmpegError, ValueError),
            why="{words:.100}",
            passing=(InvalidInput,),
        ),
        _files.atomic(place) as part,
        av.open(
            str(part),
            "w",
            format=place.suffix.removeprefix("."),
            options={"movflags": "+faststart"} if place.suffix == ".mp4" else {},
        ) as out,
    ):
        out.metadata["comment"] = comment
        codec, settings = _CODECS[place.suffix]
        streams: list[tuple[Any, Iterable[Any]]] = []
        if audio is not None:
            samples = audio.samples[None].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples, "flt", "mono")
            frame.rate, frame.pts = audio.rate, 0  # from which players know the encoder's delay
            streams.append((out.add_stream("aac", audio.rate, layout="mono"), [frame]))
        first = next(pictures, None)
        if first is not None:
            video = out.add_stream(
                codec,
                Fraction(rate).limit_denominator(1000),
                settings,
                height=first.shape[0] + first.shape[0] % 2,
                width=first.shape[1] + first.shape[1] % 2,
                pix_fmt="yuv420p",
            )
            shown = map(np.ascontiguousarray, itertools.chain([first], pictures))
            streams.append((video, (av.VideoFrame.from_ndarray(one, "rgb24") for one in shown)))
        for stream, frames in streams:
            for entry in itertools.chain(frames, [None]):
                out.mux(stream.encode(entry))
