"""Reports of progress to a page or a command."""

from collections.abc import Callable

# Called with the number of finished steps, their total, and a description of the next one.
Progress = Callable[[int, int, str], None]


def no_progress(done: int, total: int, words: str) -> None:
    """Ignore all reports of progress."""
