"""The sound of a video or sound file, mixed into one channel and resampled."""

import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check, require_number
from qfusion.data.media_files import check_part, open_media
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
        power = _ChannelPower(container, start, end)
        mixed = _mix_channels(container, stream, path, (start, end), rate, heard=power.add)
        channel = power.loudest()
        if power.is_cancelled(mixed):
            alone = _mix_channels(container, stream, path, (start, end), rate, channel=channel)
            if power.is_cancelled(mixed, alone):
                mixed = alone
    check(
        bool(np.isfinite(mixed).all()),
        f"The sound of `{path.name}` holds values that are no numbers. Record it again.",
    )
    return Audio(np.clip(mixed, -1, 1), rate)


def _mix_channels(
    container: Any,
    stream: Any,
    path: Path,
    part: tuple[float, float],
    rate: int,
    *,
    channel: int | None = None,
    heard: Callable[[Any], None] | None = None,
) -> np.ndarray:
    """The samples (n,) of a part, all channels mixed into one, or one channel alone.

    Args:
        part: its begin and end in seconds. rate: samples a second that are wanted.
        channel: that is wanted alone. heard: is called with every frame.
    """
    import av

    (start, end), own = part, int(stream.rate)
    begin = (container.start_time or 0) / 1e6
    # the times of two pieces of sound may miss each other by 0.05 s
    placed = (
        f"{own}:async=1:min_comp=1e-5:min_hard_comp=0.05:first_pts={round((begin + start) * own)}"
    )
    graph = av.filter.Graph()
    graph.threads = 1  # others compute beside it
    alone = [] if channel is None else [graph.add("pan", f"mono|c0=c{channel}")]
    graph.link_nodes(
        graph.add_abuffer(template=stream),
        *alone,
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
        if heard is not None and frame is not None:
            heard(frame)
        graph.push(frame)
        with contextlib.suppress(av.BlockingIOError):
            while count < wanted:
                pieces.append(graph.pull().to_ndarray()[0])
                count += len(pieces[-1])
        if count >= wanted:
            break
    return np.concatenate(pieces)[:wanted]


class _ChannelPower:
    """The power of each channel of a part, to tell channels that cancel each other in the mix: of a voice that was
    recorded once upright and once inverted nothing would be left."""

    def __init__(self, container: Any, start: float, end: float):
        begin = (container.start_time or 0) / 1e6
        self._part = begin + start, begin + end
        self._sums = np.zeros(0)
        self._count = 0

    def add(self, frame: Any) -> None:
        """Add a frame that lies in the part, or that overlaps it."""
        after = frame.time is None or frame.time + frame.samples / frame.sample_rate > self._part[0]
        channels = frame.layout.nb_channels
        if not after or channels < 2 or (frame.time is not None and frame.time > self._part[1]):
            return
        values = frame.to_ndarray()
        largest = 1.0 if values.dtype.kind == "f" else float(np.iinfo(values.dtype).max)
        zero = largest / 2 if values.dtype.kind == "u" else 0.0
        of_channels = values if frame.format.is_planar else values.reshape(-1, channels).T
        sums = (((of_channels - zero) / largest) ** 2).sum(1, dtype=np.float64)
        if len(self._sums) != channels:
            self._sums, self._count = np.zeros(channels), 0
        self._sums += sums
        self._count += of_channels.shape[1]

    def loudest(self) -> int:
        """Number of the channel of the most power."""
        return int(self._sums.argmax()) if len(self._sums) else 0

    def is_cancelled(self, mixed: np.ndarray, alone: np.ndarray | None = None) -> bool:
        """Whether the mix (n,) has less than a hundredth of the power of the loudest channel, or of that channel's
        samples (n,)."""
        if not len(self._sums):
            return False
        power = self._sums.max() / max(1, self._count) if alone is None else np.mean(alone**2)
        return bool(np.mean(mixed**2) < power / 100)


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
