"""The file that a browser receives of a sample's recording: the whole file where browsers can play it, else a copy of
the sample's part. Each copy is made once, and cancelled when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from qfusion.data import clip_copies, clips, media_files
from qfusion.data.sample_content import Clip
from qfusion.errors import DataUnavailable

PLAYED = (".mp4", ".m4v", ".webm", ".wav", ".mp3", ".m4a", ".flac", ".ogg")  # by browsers
PLACES = 2  # copies that are begun at a time
LONG = 5.0  # seconds after which a copy leaves its place to the next
MOST = 6  # copies that are made at a time
LOOK = 0.5  # seconds between two looks whether a reader is still there

COPY_SLOTS, WAITING_SLOTS = asyncio.Semaphore(PLACES), asyncio.Semaphore(MOST)
_threads = ThreadPoolExecutor(
    MOST, "recording"
)  # threads of their own: other answers need the others


@dataclass(eq=False)
class _Copy:
    """A copy in progress: the task, the event that stops it, and the number of readers that wait for it."""

    task: asyncio.Task[Path]
    stop: threading.Event = field(default_factory=threading.Event)
    readers: int = 0


_copies: dict[Clip, _Copy] = {}


async def file_of(clip: Clip, has_left: Callable[[], Awaitable[bool]]) -> Path:
    """Returns the file of a recording for a browser.

    Args:
        clip: a video or a sound. has_left: tells whether the reader who waits for it has gone.

    Raises:
        QFusionError: when the recording cannot be read, or the reader has gone.
    """
    if _is_sent_whole(clip):
        return clip.path
    ready = await asyncio.to_thread(clip_copies.find_copy, clip)
    return ready or await _copied(clip, has_left)


def _is_sent_whole(clip: Clip) -> bool:
    """Return whether browsers play the file and all of it is the sample. Videos qualify only if their copy would be
    cut. Other videos are reduced in size.
    """
    is_long = clip.seconds is not None and clip.seconds > media_files.MAX_SECONDS
    return (
        clip.path.suffix.lower() in PLAYED
        and clips.is_whole(clip)
        and (clip.kind == "audio" or is_long)
    )


async def _copied(clip: Clip, has_left: Callable[[], Awaitable[bool]]) -> Path:
    """The copy of a recording's part, made for all who wait for it."""
    copy = _copies.get(clip)
    if copy is None:
        copy = _begun(clip)
    copy.readers += 1
    try:
        while not copy.task.done():
            await asyncio.wait({copy.task}, timeout=LOOK)
            if not copy.task.done() and await has_left():
                raise DataUnavailable("The reader has left.")
        return copy.task.result()
    finally:
        copy.readers -= 1
        if copy.readers == 0:
            copy.stop.set()
            if _copies.get(clip) is copy:
                del _copies[clip]


def _begun(clip: Clip) -> _Copy:
    stop = threading.Event()
    copy = _Copy(asyncio.create_task(_in_turn(clip, stop)), stop)
    copy.task.add_done_callback(lambda task: task.cancelled() or task.exception())
    _copies[clip] = copy
    return copy


async def _in_turn(clip: Clip, stop: threading.Event) -> Path:
    """Makes a copy when it has a place. One that takes long leaves its place to the next, and goes on."""
    async with WAITING_SLOTS:
        async with COPY_SLOTS:
            if stop.is_set():
                raise DataUnavailable("Nobody waits for the copy any more.")
            work = asyncio.get_running_loop().run_in_executor(
                _threads, clip_copies.make_copy, clip, stop
            )
            with suppress(Exception):  # which is raised below
                await asyncio.wait_for(asyncio.shield(work), LONG)
        return await work
