"""A small disk, and one that is full."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """Make a folder a disk of its own, of 2 MB. The test is skipped where nobody may."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield
    subprocess.run(["umount", "-l", place], check=True)


def fill_disk(place: Path) -> Path:
    """Return a file that takes all the room there is."""
    filler = place / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        for _ in range(1000):
            file.write(bytes(4096))
    return filler
