"""How far what takes long is: said where it is worked out, shown by whoever asked for it.

    with shown("Encoding") as tell:            # or: for block in over(blocks, "Encoding", len)
        tell(done, total)

Commands show a bar on standard error, pages what a thread behind them tells; nobody is told unless asked `to`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
Tell = Callable[[int, int], Any]  # so much is done, of so much; what it raises ends the work
Show = Callable[[str], AbstractContextManager[Tell]]


@contextmanager
def _to_nobody(task: str) -> Iterator[Tell]:
    yield lambda done, total: None


_show: ContextVar[Show] = ContextVar("show", default=_to_nobody)


@contextmanager
def to(show: Show) -> Iterator[None]:
    """Has shown by `show`, called with what takes long, what is worked out in this thread while the block lasts."""
    token = _show.set(show)
    try:
        yield
    finally:
        _show.reset(token)


def shown(task: str) -> AbstractContextManager[Tell]:
    """Stands around what takes long; yields what is to be called with how much is done, and all."""
    return _show.get()(task)


def over(
    parts: Iterable[T], task: str, total: int, size: Callable[[T], int] = lambda part: 1
) -> Iterator[T]:
    """Yields parts of a work that is done when the next one is asked for.

    Args:
        parts: of the work. task: what it is. total: of all `size`s. size: of a part.
    """
    done = 0
    with shown(task) as tell:
        for part in parts:
            yield part
            done += size(part)
            tell(done, total)


def duration(seconds: float) -> str:
    """Seconds as they are said."""
    return (
        f"{seconds:.0f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} min"
        if seconds < 6000
        else f"{seconds / 3600:.0f} h"
    )


class Pace:
    """How fast something has gone on since this was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._began

    def left(self, done: int, total: int) -> float | None:
        """Returns the seconds that the rest takes at the rate so far; None before anything is done."""
        return self.seconds / done * (total - done) if done else None

    def words(self, done: int, total: int, what: str = "samples") -> str:
        """Returns the rate and the time left; empty before anything is done."""
        left = self.left(done, total)
        if left is None:
            return ""
        return f"{done / max(self.seconds, 1e-9):,.0f} {what} a second, {duration(left)} left"
