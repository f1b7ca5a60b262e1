"""Locks of files that a process holds while it lives."""

from pathlib import Path

from filelock import FileLock, Timeout


def is_locked(path: Path, patience: float = 0.0) -> bool:
    """Return whether a live process holds the lock of a file and keeps it for `patience` seconds."""
    try:
        with FileLock(path, is_singleton=False, timeout=patience):
            return False
    except Timeout:
        return True
