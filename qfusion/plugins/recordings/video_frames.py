"""Pictures of a video at given times, upright and scaled."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check, require_number
from qfusion.data.media_files import check_part, open_media
from qfusion.data.sample_content import Film
from qfusion.plugins.recordings.media_probe import video_stream

MAX_FRAMES = 20_000  # that are handed out at once
MAX_BYTES = 2**29  # of pictures that are handed out at once


def read_film(
    path: Path, start: float = 0.0, end: float | None = None, *, rate: float, side: int = 160
) -> Film:
    """Return the `read_frames` at a rate as one film.

    Raises:
        InvalidInput: as `read_frames`, and when they would take more than MAX_BYTES.
    """
    shown = list[np.ndarray]()
    for one in read_frames(path, start, end, rate=rate, side=side):
        shown.append(one)
        check(
            len(shown) * one.nbytes <= MAX_BYTES,
            f"More than {MAX_BYTES >> 20} MiB of pictures of `{path.name}` are asked for at once. Ask for a shorter "
            "part, fewer or smaller ones.",
        )
    return Film(np.stack(shown), float(rate))


def read_frames(
    path: Path,
    start: float = 0.0,
    end: float | None = None,
    *,
    rate: float | None = None,
    times: Sequence[float] | None = None,
    side: int = 160,
) -> Iterator[np.ndarray]:
    """Yield the pictures that a video shows at some times, upright, uint8 (h, w, 3): of each time the last one that
    began before it, whatever the distances between pictures are.

    Args:
        path: of a video. start, end: of the part in seconds; to the file's end by default.
        rate: pictures a second: at `start` and every 1 / rate seconds from there.
        times: instead, seconds from the begin of the part, ascending.
        side: pixels of the longer side; smaller pictures stay as they are.

    Raises:
        InvalidInput: as `probe`; when the part is empty or longer than MAX_SECONDS, the file has no pictures, or more
            than MAX_FRAMES are asked for.
    """
    check(
        (rate is None) != (times is None),
        "Arguments `rate` and `times` say which pictures are wanted: give one of them.",
    )
    side = int(require_number("side", side, 8, 4096))
    with open_media(path) as container:
        stream = video_stream(container)
        check(stream is not None, f"File `{path.name}` has no moving pictures. Give one that has.")
        start, end = check_part(container, path, start, end)
        if rate is not None:
            rate = require_number("rate", rate, 0.001, 1000)
            times = (np.arange(max(1, int(np.ceil((end - start) * rate - 1e-6)))) / rate).tolist()
        wanted = [start + require_number("times", time, 0, end - start) for time in times or ()]
        check(
            0 < len(wanted) <= MAX_FRAMES and wanted == sorted(wanted),
            f"From 1 to {MAX_FRAMES:,} ascending times can be asked for at once, but of `{path.name}` "
            f"{len(wanted):,} are. Ask for a shorter part, or fewer pictures.",
        )
        yield from _decode_at_times(container, stream, path, wanted, side)


def _decode_at_times(
    container: Any, stream: Any, path: Path, wanted: Sequence[float], side: int
) -> Iterator[np.ndarray]:
    """The pictures (h, w, 3) that are seen at some times, in their order."""
    begin = (container.start_time or 0) / 1e6
    # from 5 s between two pictures on, seeking is worth while
    for near in np.split(wanted, np.flatnonzero(np.diff(wanted) > 5.0) + 1):
        container.seek(int((begin + near[0]) * 1e6))
        frames = container.decode(stream)
        seen = after = next(frames, None)  # before the first picture, that one is seen
        check(
            seen is not None,
            f"File `{path.name}` has no pictures from {near[0]:.2f} s on. Ask for an earlier part.",
        )
        for time in near:
            while after is not None and (after.time is None or after.time - begin <= time + 1e-6):
                seen, after = after, next(frames, None)
            yield _turn_upright(seen, side)


def _turn_upright(frame: Any, side: int) -> np.ndarray:
    """Return a frame's pixels, scaled and rotated for display."""
    scale = min(1.0, side / max(frame.width, frame.height))
    small = frame.reformat(
        width=max(1, round(frame.width * scale)),
        height=max(1, round(frame.height * scale)),
        format="rgb24",
    )
    return np.rot90(small.to_ndarray(), round(frame.rotation / 90))
