"""The kind, duration, size and rates of a video, sound or picture file.

FFmpeg (by PyAV) reads video and sound, Pillow reads pictures. Times are seconds from the begin of the file, as a player
shows them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qfusion._checks import check
from qfusion.data.media_files import PICTURES, open_media, read_duration
from qfusion.data.media_pictures import read_picture


@dataclass(frozen=True)
class Facts:
    """The content of a media file.

    Attributes:
        kind: "video" if it has moving pictures, with or without sound, "audio", or "image".
        seconds: the duration; 0 for a picture.
        size: width and height of its pictures in pixels, upright; None of sound.
        rate: pictures a second, on average; None without moving pictures.
        sound: samples a second of its sound; None without any.
    """

    kind: str
    seconds: float
    size: tuple[int, int] | None = None
    rate: float | None = None
    sound: int | None = None


def probe(path: Path) -> Facts:
    """Return the kind, duration, size and rates of a video, sound or picture file.

    Only the begin and the end of the file are decoded.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when its ending is none of TYPES, it is something else than its ending says, it is cut short, of
            no length, or has neither sound nor pictures.
        DataUnavailable: when it may not be read, or PyAV is not installed.
    """
    if path.suffix.lower() in PICTURES:
        height, width = read_picture(path).shape[:2]
        return Facts("image", 0.0, (width, height))
    with open_media(path) as container:
        moving, sounding = video_stream(container), next(iter(container.streams.audio), None)
        check(
            moving is not None or sounding is not None,
            f"File `{path.name}` must hold moving pictures or sound, but holds neither. Leave it out.",
        )
        size = rate = None
        if moving is not None:
            frame: Any = next(container.decode(moving), None)
            check(
                frame is not None,
                f"File `{path.name}` declares pictures and holds none. Record or copy it again.",
            )
            is_sideways = frame.rotation % 180 != 0
            size = (frame.height, frame.width) if is_sideways else (frame.width, frame.height)
            rate = float(moving.average_rate or moving.guessed_rate or 0) or None
        return Facts(
            "audio" if moving is None else "video",
            read_duration(container, path),
            size,
            rate,
            None if sounding is None else int(sounding.rate),
        )


def video_stream(container: Any) -> Any:
    """Return the video stream, if any; the cover picture of a sound file is none."""
    from av.stream import Disposition

    streams = container.streams.video
    return next((s for s in streams if not s.disposition & Disposition.attached_pic), None)
