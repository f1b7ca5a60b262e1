"""Delivery of recordings: whole files directly, one shared copy per recording, none for readers who left."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.concurrency import run_in_threadpool

from qfusion.data import clip_copies, clips
from qfusion.data.sample_content import Clip
from qfusion.errors import DataUnavailable
from qfusion.ui import recording_addresses, recordings


class Copies:
    """Copies that are made only when they may: of a clip that is called `slow.mp4`, when `go` is set."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.go, self.begun, self.stopped = threading.Event(), list[Clip](), list[Clip]()
        self.folder, self.patch = folder, monkeypatch
        monkeypatch.setattr(clip_copies, "find_copy", lambda clip: None)
        monkeypatch.setattr(clip_copies, "make_copy", self.make)

    def make(self, clip: Clip, stop: threading.Event) -> Path:
        """Takes the place of `clip_copies.make_copy`."""
        self.begun.append(clip)
        while clip.path.name.startswith("slow") and not self.go.wait(0.02):
            if stop.is_set():
                self.stopped.append(clip)
                raise DataUnavailable("stopped")
        return clip.path

    def address(self, name: str, **facts: Any) -> Any:
        """A request for a recording of this name; its reader leaves when `left` is set."""
        path = self.folder / name
        if not path.exists():
            path.touch()
        clip = Clip(path, "audio" if path.suffix == ".wav" else "video", **facts)
        self.patch.setitem(recording_addresses.ISSUED, clip, name)
        left = threading.Event()

        async def has_left() -> bool:
            return left.is_set()

        return SimpleNamespace(
            path_params={"name": name}, is_disconnected=has_left, left=left, clip=clip
        )


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copies:
    """Copies that wait, for as long as a test lasts."""
    monkeypatch.setattr(recordings, "LOOK", 0.02)
    monkeypatch.setattr(recordings, "LONG", 0.3)
    monkeypatch.setattr(recordings, "COPY_SLOTS", asyncio.Semaphore(recordings.PLACES))
    monkeypatch.setattr(recordings, "WAITING_SLOTS", asyncio.Semaphore(recordings.MOST))
    return Copies(tmp_path, monkeypatch)


def test_readers_of_one_recording_share_one_copy(copies: Copies) -> None:
    request = copies.address("slow.mp4", start=1.0, end=2.0)

    async def answers() -> list[int]:
        waiting = [
            asyncio.create_task(recording_addresses.answer_recording(request)) for _ in range(50)
        ]
        await asyncio.sleep(0.1)
        assert len(copies.begun) == 1
        copies.go.set()
        return [(await one).status_code for one in waiting]

    assert asyncio.run(answers()) == [200] * 50
    assert len(copies.begun) == 1


@pytest.mark.parametrize("name", ["sound.wav", "short.wav", "long.mp4"])
def test_whole_files_need_no_copy(copies: Copies, name: str) -> None:
    """Nor for a look into the file: the record says how long it is."""
    slow = [copies.address(f"slow {n}.mp4", start=1.0, end=2.0) for n in range(8)]
    whole = copies.address(name, seconds=5000.0 if name == "long.mp4" else 2.0)

    async def answers() -> None:
        waiting = [asyncio.create_task(recording_addresses.answer_recording(one)) for one in slow]
        await asyncio.sleep(0.05)
        answer = await asyncio.wait_for(recording_addresses.answer_recording(whole), 1)
        assert (answer.status_code, answer.path) == (200, whole.clip.path)
        assert await asyncio.wait_for(run_in_threadpool(lambda: True), 5)
        copies.go.set()
        await asyncio.gather(*waiting)

    asyncio.run(answers())
    assert whole.clip not in copies.begun


def test_slow_copies_release_their_slots(copies: Copies) -> None:
    slow = [copies.address(f"slow {n}.mp4", start=1.0, end=2.0) for n in range(4)]
    quick = copies.address("quick.mp4", start=1.0, end=2.0)

    async def answers() -> None:
        waiting = [asyncio.create_task(recording_addresses.answer_recording(one)) for one in slow]
        await asyncio.sleep(0.1)
        assert len(copies.begun) == recordings.PLACES
        answer = await asyncio.wait_for(recording_addresses.answer_recording(quick), 5)
        assert answer.status_code == 200
        copies.go.set()
        await asyncio.gather(*waiting)

    asyncio.run(answers())


def test_a_copy_ends_when_its_last_reader_leaves(copies: Copies) -> None:
    first = copies.address("slow.mp4", start=1.0, end=2.0)
    second = copies.address("slow.mp4", start=1.0, end=2.0)

    async def answers() -> None:
        waiting = [
            asyncio.create_task(recording_addresses.answer_recording(one))
            for one in (first, second)
        ]
        await asyncio.sleep(0.1)
        first.left.set()
        assert (await asyncio.wait_for(waiting[0], 2)).status_code == 422
        assert copies.stopped == []
        second.left.set()
        assert (await asyncio.wait_for(waiting[1], 2)).status_code == 422
        await asyncio.sleep(0.1)
        assert copies.stopped == [first.clip]

    asyncio.run(answers())


@pytest.mark.parametrize("change", ["rewritten", "replaced by a link", "removed"])
def test_replaced_recording_is_not_sent(copies: Copies, change: str) -> None:
    path = copies.folder / "sound.wav"
    path.touch()
    request = copies.address("sound.wav", seconds=2.0, state=clips.file_state(path))
    assert asyncio.run(recording_addresses.answer_recording(request)).status_code == 200
    path.unlink()
    if change == "rewritten":
        path.write_bytes(b"something else")
    elif change == "replaced by a link":
        path.symlink_to("/etc/hostname")
    assert asyncio.run(recording_addresses.answer_recording(request)).status_code == 404
