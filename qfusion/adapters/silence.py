"""Drop what a user's model prints while it is called, and nothing else: other threads print as before."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_silent: dict[int, int] = {}  # threads whose output is dropped, with the number of their calls


class _Output:
    """Standard output that drops what threads in `_silent` write.

    Args:
        original: that others write to.
    """

    def __init__(self, original: Any):
        self.original = original

    def write(self, text: str) -> int:
        """Write text, or drop it."""
        if threading.get_ident() in _silent:
            return len(text)
        return int(self.original.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


@contextmanager
def silenced_output() -> Iterator[None]:
    """Context manager that drops what this thread writes to standard output."""
    thread = threading.get_ident()
    with _lock:
        _silent[thread] = _silent.get(thread, 0) + 1
        if not isinstance(sys.stdout, _Output):
            sys.stdout = _Output(sys.stdout)
    try:
        yield
    finally:
        with _lock:
            _silent[thread] -= 1
            if not _silent[thread]:
                del _silent[thread]
            if not _silent and isinstance(sys.stdout, _Output):
                sys.stdout = sys.stdout.original
