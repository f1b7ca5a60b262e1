"""Makes a process write slowly, so that a kill finds it in the middle of it; `scripts/kills.py` puts it into the
processes that it kills.

Before a file of a folder is opened to be written, synced, renamed or removed the process sleeps for a moment, and
small files are written in two halves. What is written, and in which order, stays the same.
"""

from __future__ import annotations

import mmap
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

_MOVES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree")
_WRITING = os.O_WRONLY | os.O_RDWR


def shared(flag: Path) -> mmap.mmap:
    """A byte that several processes see: 1 while one of them is in the middle of writing."""
    with flag.open("r+b") as file:
        return mmap.mmap(file.fileno(), 1)


def install(folder: Path, flag: Path, most: float = 0.02) -> None:
    """Slows all writing below a folder down, for the rest of this process.

    Args:
        folder: whose files. flag: see `shared`. most: seconds of a sleep.
    """
    inside, chance, below = shared(flag), random.Random(), str(folder.resolve())

    def wait() -> None:
        inside[0] = 1
        time.sleep(chance.uniform(0, most))
        inside[0] = 0

    def heard(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = args
            writes = (
                any(letter in mode for letter in "wxa+")
                if isinstance(mode, str)
                else bool(flags & _WRITING)
            )
        else:
            path, writes = (args or [""])[0], event in _MOVES
        if (
            writes
            and isinstance(path, str | os.PathLike)
            and os.fspath(path).startswith(below)
            and not os.fspath(path).endswith("lock")
        ):
            wait()

    def in_halves(path: Path, data: Any) -> int:
        with path.open("wb") as file:
            view = memoryview(data).cast("B")
            file.write(view[: len(view) // 2])
            file.flush()
            wait()
            return len(view) // 2 + file.write(view[len(view) // 2 :])

    def synced(handle: int, sync: Any = os.fsync) -> None:
        wait()
        sync(handle)

    sys.addaudithook(heard)
    Path.write_bytes = in_halves  # type: ignore[method-assign]
    Path.write_text = lambda path, text, encoding=None, *_: in_halves(  # type: ignore
        path, text.encode(encoding or "utf-8")
    )
    os.fsync = synced
