"""Recordings: the content of video, sound and picture files, parts of it as arrays, and their transcripts.

Files are anybody's and hostile until read: they are read in processes of their own with limits (`decoders`), only the
container that a file's ending says is opened, no other file or address that it names, and no more of it is decoded than
is asked for, by seeking. Times are seconds from the begin of the file, as a player shows them. FFmpeg reads video and
sound (by PyAV), Pillow pictures.
"""

import contextlib
import errno
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check, require_number
from qfusion.data import costs, decoders, files, pixels, signatures, spoken, wav_header
from qfusion.data.sample_content import Audio, Film, Word
from qfusion.errors import (
    DataUnavailable,
    InvalidInput,
    QFusionError,
    translate_errors,
    translate_import_errors,
)

# What is opened, by a file's ending: the name of FFmpeg's reader, and what a browser is told that it is.
_CONTAINERS = {
    ".mp4": ("mov", "video/mp4"),
    ".mov": ("mov", "video/mp4"),  # the same boxes: browsers refuse the older name
    ".m4v": ("mov", "video/mp4"),
    ".m4a": ("mov", "audio/mp4"),
    ".webm": ("matroska", "video/webm"),
    ".avi": ("avi", "video/x-msvideo"),
    ".wav": ("wav", "audio/wav"),
    ".flac": ("flac", "audio/flac"),
    ".mp3": ("mp3", "audio/mpeg"),
    ".ogg": ("ogg", "audio/ogg"),
}
_PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
TYPES = {ending: named for ending, (_, named) in _CONTAINERS.items()} | _PICTURES
SPOKEN = (".srt", ".vtt", ".textgrid")
# Recordings that are not read, by their endings, and what to convert them to.
UNREAD = {
    **dict.fromkeys(
        (".mkv", ".3gp", ".3g2", ".flv", ".wmv", ".mpg", ".mpeg", ".ogv"), ".mp4 or .wav"
    ),
    **dict.fromkeys(
        (".ts", ".mts", ".m2ts", ".vob", ".asf", ".rm", ".rmvb", ".f4v"), ".mp4 or .wav"
    ),
    **dict.fromkeys((".aac", ".opus", ".wma", ".aif", ".aiff", ".amr", ".ac3", ".caf"), ".wav"),
    **dict.fromkeys((".m4b", ".oga", ".weba", ".au", ".ape", ".ra", ".sph", ".wv"), ".wav"),
    **dict.fromkeys((".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif"), ".png"),
}

MAX_SECONDS = 600.0  # that are decoded at once
MAX_RATE = 192_000  # samples a second
MAX_PIXELS = 2**25  # of one picture: 8K and no more
MAX_FRAMES = 20_000  # that are handed out at once
MAX_BYTES = 2**29  # of pictures that are handed out at once
# What is decoded for one answer: a picture may depend on all before it.
MAX_DECODED = 60_000  # frames
MAX_SHOWN = 2**36  # pixels of them: a quarter of an hour of 1080p
MAX_HEARD = 2**28  # samples of all channels
EXTRA_SOUND = 600.0  # seconds of sound beside those that are asked for: a seek may lead before them
MAX_WORDS, MAX_TEXT = 20_000, 4_000_000  # words of one file, and its bytes


@dataclass(frozen=True)
class Facts:
    """What a file holds.

    Attributes:
        kind: "video" where it has moving pictures, with or without sound, "audio", or "image".
        seconds: how long it is; 0 of a picture.
        size: width and height of its pictures in pixels, upright; None of sound.
        rate: pictures a second, on average; None without moving pictures.
        sound: samples a second of its sound; None without any.
    """

    kind: str
    seconds: float
    size: tuple[int, int] | None = None
    rate: float | None = None
    sound: int | None = None


def _facts(size: Sequence[int] | None, **rest: Any) -> Facts:
    return Facts(size=None if size is None else (size[0], size[1]), **rest)


@decoders.apart(10, _facts)
def probe(path: Path) -> Facts:
    """Returns what a video, sound or picture file holds, after a look at its begin and its end.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when its ending is none of TYPES, it is something else than its ending says, it is cut short, of
            no length, or has neither sound nor pictures.
        DataUnavailable: when it may not be read, or PyAV is not installed.
    """
    if path.suffix.lower() in _PICTURES:
        height, width = picture(path).shape[:2]
        return Facts("image", 0.0, (width, height))
    with _opened(path) as container:
        moving, sounding = _moving(container), next(iter(container.streams.audio), None)
        check(
            moving is not None or sounding is not None,
            f"File `{path.name}` must hold moving pictures or sound, but holds neither. Leave it out.",
        )
        size = rate = None
        if moving is not None:
            frame: Any = next(_decoded(container, moving, path, _Work(path, frames=9)), None)
            check(
                frame is not None,
                f"File `{path.name}` declares pictures and holds none. Record or copy it again.",
            )
            size = pixels.size_upright(frame)
            rate = float(moving.average_rate or moving.guessed_rate or 0) or None
        return Facts(
            "audio" if moving is None else "video",
            _seconds(container, path),
            size,
            rate,
            None if sounding is None else int(sounding.rate),
        )


@decoders.apart(60, Audio)
def sound(path: Path, start: float = 0.0, end: float | None = None, rate: int = 16_000) -> Audio:
    """Returns a part of a file's sound, all channels mixed into one.

    Where the file has no sound in between, or ends before, there is silence.

    Args:
        path: of a video or sound file. start, end: of the part in seconds; to the file's end unless told.
        rate: samples a second, to which it is resampled.

    Raises:
        InvalidInput: as `probe`; when the part is empty, longer than MAX_SECONDS, or the file has no sound.
    """
    rate = int(require_number("rate", rate, 100, MAX_RATE))
    with _opened(path) as container:
        stream: Any = next(iter(container.streams.audio), None)
        check(stream is not None, f"File `{path.name}` has no sound. Give one that has.")
        start, end = _part(container, path, start, end)
        check(
            0 < stream.rate <= MAX_RATE,
            f"File `{path.name}` has {stream.rate:,} samples a second. Resample it.",
        )
        power = _Power(container, start, end)
        mixed = _mixed(container, stream, path, (start, end), rate, heard=power.add)
        channel = power.loudest()
        if power.cancelled(mixed):
            alone = _mixed(container, stream, path, (start, end), rate, channel=channel)
            if power.cancelled(mixed, alone):
                mixed = alone
    check(
        bool(np.isfinite(mixed).all()),
        f"The sound of `{path.name}` holds values that are no numbers. Record it again.",
    )
    return Audio(np.clip(mixed, -1, 1), rate)


def _mixed(
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
    work = _Work(path, seconds=EXTRA_SOUND + end - start)
    frames = itertools.takewhile(
        lambda frame: frame.time is None or frame.time < begin + end,
        _decoded(container, stream, path, work),
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


class _Power:
    """The power of each channel of a part, to tell channels that cancel each other in the mix: of a voice that was
    recorded once upright and once inverted nothing would be left."""

    def __init__(self, container: Any, start: float, end: float):
        begin = (container.start_time or 0) / 1e6
        self._part = begin + start, begin + end
        self._sums = np.zeros(0)
        self._count = 0

    def add(self, frame: Any) -> None:
        """Takes a frame that lies in the part, or reaches into it."""
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

    def cancelled(self, mixed: np.ndarray, alone: np.ndarray | None = None) -> bool:
        """Whether the mix (n,) has less than a hundredth of the power of the loudest channel, or of that channel's
        samples (n,)."""
        if not len(self._sums):
            return False
        power = self._sums.max() / max(1, self._count) if alone is None else np.mean(alone**2)
        return bool(np.mean(mixed**2) < power / 100)


def resampled(audio: Audio, rate: int) -> Audio:
    """Returns a recording at another rate, in samples a second.

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


@decoders.apart(120, Film)
def frames(
    path: Path, start: float = 0.0, end: float | None = None, *, rate: float, side: int = 160
) -> Film:
    """Returns the `pictures` at a rate as one film.

    Raises:
        InvalidInput: as `pictures`, and when they would take more than MAX_BYTES.
    """
    shown = list[np.ndarray]()
    for one in pictures(path, start, end, rate=rate, side=side):
        shown.append(one)
        check(
            len(shown) * one.nbytes <= MAX_BYTES,
            f"More than {MAX_BYTES >> 20} MiB of pictures of `{path.name}` are asked for at once. Ask for a shorter "
            "part, fewer or smaller ones.",
        )
    return Film(np.stack(shown), float(rate))


@decoders.apart_each(120)
def pictures(
    path: Path,
    start: float = 0.0,
    end: float | None = None,
    *,
    rate: float | None = None,
    times: Sequence[float] | None = None,
    side: int = 160,
) -> Iterator[np.ndarray]:
    """Yields the pictures that a video shows at some times, upright, uint8 (h, w, 3): of each time the last one that
    began before it, whatever the distances between pictures are.

    Args:
        path: of a video. start, end: of the part in seconds; to the file's end unless told.
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
    with _opened(path) as container:
        stream = _moving(container)
        check(stream is not None, f"File `{path.name}` has no moving pictures. Give one that has.")
        start, end = _part(container, path, start, end)
        if rate is not None:
            rate = require_number("rate", rate, 0.001, 1000)
            times = (np.arange(max(1, int(np.ceil((end - start) * rate - 1e-6)))) / rate).tolist()
        wanted = [start + require_number("times", time, 0, end - start) for time in times or ()]
        check(
            0 < len(wanted) <= MAX_FRAMES and wanted == sorted(wanted),
            f"From 1 to {MAX_FRAMES:,} ascending times can be asked for at once, but of `{path.name}` "
            f"{len(wanted):,} are. Ask for a shorter part, or fewer pictures.",
        )
        yield from _shown(container, stream, path, wanted, side)


@decoders.apart(10)
def picture(path: Path, side: int | None = None) -> np.ndarray:
    """Returns a picture file's pixels, uint8 (h, w, 3), upright as its camera says.

    What is transparent lies over white. Of 16 bits a channel the upper 8 are kept.

    Args:
        path: of a .png or .jpg. side: pixels of the longer side at most; as it is unless told.

    Raises:
        NotFound: when there is no such file. InvalidInput: when it is no such picture, damaged or too large.
    """
    from PIL import Image, ImageOps

    _size(path, _PICTURES)
    with (
        translate_errors(
            f"File `{path.name}` must be a whole PNG or JPEG picture, but is not",
            "Save or copy it again.",
            Exception,  # a damaged picture raises whatever its bytes lead to
            why="{kind}",
            passing=(QFusionError,),
        ),
        Image.open(path, formats=("PNG", "JPEG")) as image,
    ):
        _check_pixels(path, image.width, image.height)
        costs.check_scans(path, image.width * image.height)
        upright = pixels.on_white(ImageOps.exif_transpose(image), pixels.bits_of(path))
        if side is not None:
            upright.thumbnail((side, side))
        return np.asarray(upright).copy()


# Words and when they were said, from files beside a recording.


def words(path: Path) -> tuple[Word, ...]:
    """Returns the words of a .srt, .vtt or .TextGrid file with their times.

    The words of a subtitle are spread over its seconds by their letters. Of a TextGrid the tier called "words" is read,
    else the first one of intervals.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when it is something else, or holds more than MAX_WORDS words.
    """
    check(
        _size(path, SPOKEN) <= MAX_TEXT,
        f"File `{path.name}` must have at most {MAX_TEXT // 10**6} MB. Shorten it.",
    )
    raw = path.read_bytes()
    code = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    with translate_errors(
        f"File `{path.name}` must be UTF-8, but is not", "Save it so.", UnicodeDecodeError
    ):
        text = raw.decode(code).replace("\r\n", "\n").replace("\r", "\n")
    with translate_errors(
        f"File `{path.name}` is not laid out as {path.suffix} files are",
        "Write it again.",
        *(ValueError, OverflowError),
        why="{words:.60}",
        passing=(InvalidInput,),
    ):
        read = spoken.tier if path.suffix.lower() == ".textgrid" else spoken.cues
        some = itertools.islice(read(text, MAX_WORDS), MAX_WORDS + 1)
        result = tuple(sorted(word for word in some if word.text))
    check(
        0 < len(result) <= MAX_WORDS,
        f"File `{path.name}` must hold 1 to {MAX_WORDS:,} words, but holds {'more' if result else 'none'}. Check the "
        "file.",
    )
    check(
        all(np.isfinite(word[:2]).all() and 0 <= word.start <= word.end for word in result),
        f"File `{path.name}` holds words that end before they begin, or begin before 0. Correct it.",
    )
    return result


def spread(text: str, start: float, end: float) -> tuple[Word, ...]:
    """Returns the words of a text spread over a time by their letters: where nothing says when each was said."""
    return spoken.spread(text, start, end, MAX_WORDS)


# How files are opened and decoded.


def _size(path: Path, endings: Any) -> int:
    """The bytes of a file whose ending is one of these, and that may be read."""
    check(
        path.suffix.lower() in endings,
        f"File `{path.name[-80:]}` must end with one of {', '.join(endings)}. Convert it.",
    )
    size = files.size_of(path)
    check(size > 0, f"File `{path.name}` is empty. Copy it again.")
    check(
        os.access(path, os.R_OK),
        f"File `{path.name}` cannot be read ({os.strerror(errno.EACCES)}). Correct its permissions.",
        DataUnavailable,
    )
    signatures.require(path, f"a {path.suffix} file", "picture")
    return size


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Opens a video or sound file; what FFmpeg refuses inside the block is said in one line."""
    with translate_import_errors():
        import av
    size = _size(path, _CONTAINERS)
    wav_header.check_whole(path, size)
    reader = _CONTAINERS[path.suffix.lower()][0]
    if reader == "mov":
        costs.check_index(path, size)
    own = {"ignore_length": "1"} if wav_header.is_endless(path, size) else {}
    with (
        translate_errors(
            f"File `{path.name}` must be a whole {path.suffix} file, but cannot be read as one",
            "It may be cut short, damaged or of another kind than its ending says: copy or convert it again.",
            Exception,  # a damaged file raises whatever its bytes lead to
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
            stream.thread_type = "NONE"  # others compute beside it
        yield container


def _moving(container: Any) -> Any:
    """The stream of moving pictures: none is a cover that belongs to a sound file."""
    from av.stream import Disposition

    streams = container.streams.video
    return next((s for s in streams if not s.disposition & Disposition.attached_pic), None)


class _Work:
    """What is decoded for one answer, and may be."""

    def __init__(self, path: Path, frames: int = MAX_DECODED, seconds: float = np.inf):
        self._path = path
        self._frames = frames
        self._pixels = MAX_SHOWN
        self._samples = MAX_HEARD
        self._seconds = seconds

    def add(self, frame: Any) -> None:
        """Counts a frame.

        Raises:
            InvalidInput: when it is one too many.
        """
        self._frames -= 1
        if hasattr(frame, "samples"):
            self._seconds -= frame.samples / max(1, frame.sample_rate)
            self._samples -= frame.samples * frame.layout.nb_channels
        else:
            _check_pixels(self._path, frame.width, frame.height)
            self._pixels -= frame.width * frame.height
        check(
            self._frames >= 0 and self._pixels >= 0 and self._samples >= 0,
            f"For one answer more than {MAX_DECODED:,} frames, {MAX_SHOWN:,} pixels or {MAX_HEARD:,} samples of "
            f"`{self._path.name}` would be decoded. Ask for a shorter part, encode it smaller or with more key frames.",
            decoders.TooMuchWork,
        )
        check(
            self._seconds >= 0,
            f"File `{self._path.name}` holds more sound than its times have room for: it is damaged, or made to take "
            "long. Record or convert it again.",
            decoders.TooMuchWork,
        )


def _decoded(container: Any, stream: Any, path: Path, work: _Work) -> Iterator[Any]:
    """Frames of a stream from where the container stands, as many as may be decoded for this answer."""
    for frame in container.decode(stream):
        work.add(frame)
        yield frame


def _check_pixels(path: Path, width: int, height: int) -> None:
    check(
        0 < width * height <= MAX_PIXELS,
        f"File `{path.name}` has pictures of {width:,} x {height:,} pixels, and at most {MAX_PIXELS:,} are read. "
        "Make them smaller.",
    )


def _seconds(container: Any, path: Path) -> float:
    """How long a file is, by its own word where its last seconds are there, else by a look at all its packets."""
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
            # the last one of a file that does not tell its length looks cut
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


def _part(container: Any, path: Path, start: float, end: float | None) -> tuple[float, float]:
    """The part of a file that is asked for, checked."""
    start = require_number("start", start, 0, 1e7)
    end = _seconds(container, path) if end is None else require_number("end", end, 0, 1e7)
    check(
        0 < end - start <= MAX_SECONDS,
        f"The part from {start:.2f} s to {end:.2f} s of `{path.name}` must be longer than 0 s and at most "
        f"{MAX_SECONDS:g} s. Name a start and an end in it.",
    )
    return start, end


def _shown(
    container: Any, stream: Any, path: Path, wanted: Sequence[float], side: int
) -> Iterator[np.ndarray]:
    """The pictures (h, w, 3) that are seen at some times, in their order."""
    begin, work = (container.start_time or 0) / 1e6, _Work(path)
    orientation = None
    # from 5 s between two pictures on, seeking is worth while
    for near in np.split(wanted, np.flatnonzero(np.diff(wanted) > 5.0) + 1):
        container.seek(int((begin + near[0]) * 1e6))
        frames = _decoded(container, stream, path, work)
        seen = after = next(frames, None)  # before the first picture, that one is seen
        check(
            seen is not None,
            f"File `{path.name}` has no pictures from {near[0]:.2f} s on. Ask for an earlier part.",
        )
        if orientation is None:
            orientation = pixels.orientation_of(seen)
        for time in near:
            while after is not None and (after.time is None or after.time - begin <= time + 1e-6):
                seen, after = after, next(frames, None)
            yield _upright(seen, side, orientation)


def _upright(frame: Any, side: int, orientation: pixels.Orientation) -> np.ndarray:
    """A frame's pixels, scaled, turned and mirrored as it is to be seen."""
    scale = min(1.0, side / max(frame.width, frame.height))
    small = frame.reformat(
        width=max(1, round(frame.width * scale)),
        height=max(1, round(frame.height * scale)),
        format="rgb24",
    )
    return pixels.upright(small.to_ndarray(), orientation)
