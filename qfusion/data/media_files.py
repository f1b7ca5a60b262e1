"""Files of recordings: their checks, their sound, and the recording of a sample."""

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qfusion import plugin
from qfusion._checks import check, require_number
from qfusion.data import files
from qfusion.data.sample_content import Audio, Clip
from qfusion.errors import DataUnavailable, QFusionError, translate_errors, translate_import_errors

# Videos and sounds that are read, by their endings.
PLAYED = {
    ".mp4": "video/mp4",
    ".mov": "video/mp4",  # the same boxes: browsers refuse the older name
    ".m4v": "video/mp4",
    ".m4a": "audio/mp4",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
}
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
TYPES = PLAYED | PICTURES


MAX_SECONDS = 600.0  # of one part


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
    files.require_signature(path, f"a {path.suffix} file")
    return size


@contextlib.contextmanager
def open_media(path: Path) -> Iterator[Any]:
    """Open a video or sound file; errors of FFmpeg inside the block become `InvalidInput`."""
    with translate_import_errors():
        import av
    check_file(path, PLAYED)
    with (
        translate_errors(
            f"File `{path.name}` must be a whole {path.suffix} file, but cannot be read as one",
            "It may be cut short, damaged or of another kind than its ending says: copy or convert it again.",
            Exception,  # a damaged file may raise anything
            why="{kind}",
            passing=(QFusionError,),
        ),
        av.open(str(path.absolute()), metadata_errors="replace") as container,
    ):
        streams: tuple[Any, ...] = (*container.streams.video, *container.streams.audio)
        for stream in streams:
            check(
                stream.codec_context is not None,
                f"File `{path.name}` holds {'pictures' if stream.type == 'video' else 'sound'} in a form that is not "
                "known: it is damaged, or of another encoding. Convert it to MP4 (H.264, AAC).",
            )
        yield container


def read_duration(container: Any, path: Path) -> float:
    """Return the duration in seconds: the declared one if the last seconds exist, else that of all packets."""
    begin = (container.start_time or 0) / 1e6
    is_guessed = path.suffix.lower() == ".mp3"
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
            if packet.pts is not None and packet.size and not packet.is_corrupt
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


MAX_RATE = 192_000  # samples a second


def read_sound(
    path: Path, start: float = 0.0, end: float | None = None, rate: int = 16_000
) -> Audio:
    """Return a part of a file's sound, all channels mixed into one.

    Where the file has no sound in between, or ends before, there is silence.

    Args:
        path: of a video or sound file. start, end: of the part in seconds; to the file's end by default.
        rate: samples a second, to which it is resampled.

    Raises:
        InvalidInput: as `probe`; when the part is empty, longer than MAX_SECONDS, or the file has no sound.
    """
    rate = int(require_number("rate", rate, 100, MAX_RATE))
    with open_media(path) as container:
        stream: Any = next(iter(container.streams.audio), None)
        check(stream is not None, f"File `{path.name}` has no sound. Give one that has.")
        start, end = check_part(container, path, start, end)
        check(
            0 < stream.rate <= MAX_RATE,
            f"File `{path.name}` has {stream.rate:,} samples a second. Resample it.",
        )
        mixed = _mix_channels(container, stream, (start, end), rate)
    check(
        bool(np.isfinite(mixed).all()),
        f"The sound of `{path.name}` holds values that are no numbers. Record it again.",
    )
    return Audio(np.clip(mixed, -1, 1), rate)


def _mix_channels(container: Any, stream: Any, part: tuple[float, float], rate: int) -> np.ndarray:
    """The samples (n,) of a part, all channels mixed into one.

    Args:
        part: its begin and end in seconds. rate: samples a second that are wanted.
    """
    import av

    (start, end), own = part, int(stream.rate)
    begin = (container.start_time or 0) / 1e6
    # the times of two pieces of sound may miss each other by 0.05 s
    placed = (
        f"{own}:async=1:min_comp=1e-5:min_hard_comp=0.05:first_pts={round((begin + start) * own)}"
    )
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_abuffer(template=stream),
        graph.add("aformat", "sample_fmts=flt:channel_layouts=mono"),
        graph.add("aresample", placed),  # silence where there is nothing
        graph.add("apad"),  # what ends rings in silence, whoever resamples it
        graph.add("aresample", str(rate)),
        graph.add("abuffersink"),
    ).configure()
    container.seek(int((begin + max(0.0, start - 1.0)) * 1e6))
    frames = itertools.takewhile(
        lambda frame: frame.time is None or frame.time < begin + end,
        container.decode(stream),
    )
    wanted, pieces, count = max(1, round((end - start) * rate)), list[np.ndarray](), 0
    for frame in itertools.chain(frames, [None]):
        graph.push(frame)
        with contextlib.suppress(av.BlockingIOError):
            while count < wanted:
                pieces.append(graph.pull().to_ndarray()[0])
                count += len(pieces[-1])
        if count >= wanted:
            break
    return np.concatenate(pieces)[:wanted]


def resample(audio: Audio, rate: int) -> Audio:
    """Return a recording at another rate, in samples a second.

    Raises:
        DataUnavailable: when PyAV is not installed.
    """
    if audio.rate == rate:
        return audio
    with translate_import_errors():
        import av
    samples = np.ascontiguousarray(audio.samples[None], np.float32)
    frame = av.AudioFrame.from_ndarray(samples, "flt", "mono")
    frame.sample_rate = audio.rate
    filter_ = av.AudioResampler(format="flt", layout="mono", rate=rate)
    pieces = [part.to_ndarray()[0] for entry in (frame, None) for part in filter_.resample(entry)]
    wanted = round(len(audio.samples) / audio.rate * rate)
    return Audio(np.concatenate([*pieces, np.zeros(wanted, np.float32)])[:wanted], rate)


def find_clip(name: str, ids: np.ndarray, row: int) -> Clip | None:
    """Return the recording of a row of a set; None if no plugin has one.

    Args:
        name: of the set. ids: of its samples, (N,). row: of the sample.

    Raises:
        DataUnavailable: when the recording cannot be opened any more.
    """
    for reference in plugin.entries("clips"):
        clip: Clip | None = plugin.load_name(reference)(name, ids, row)
        if clip is not None:
            return clip
    return None
