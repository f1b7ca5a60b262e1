"""The sound of a video or sound file, mixed into one channel and resampled."""

import contextlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check, require_number
from qfusion.data.media.files import check_part, open_media
from qfusion.data.sample_content import Audio
from qfusion.errors import translate_import_errors

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
