"""Progress of long computations: reported by the computation, and displayed by the caller.

    with progress_shown("Encoding") as tell:  # or: for block in progress_over(blocks, ...)
        tell(done, total)

Commands show a bar on standard error, and pages show the reports of a background thread. Nothing is displayed unless
`progress_to` sets a display.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
Tell = Callable[[int, int], Any]  # so much is done, of so much; what it raises ends the work
Show = Callable[[str], AbstractContextManager[Tell]]


# shown to nobody
_show: ContextVar[Show] = ContextVar(
    "show", default=lambda task: nullcontext(lambda done, total: None)
)


@contextmanager
def override(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Context manager that sets a variable of this thread to a value."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def progress_to(show: Show) -> AbstractContextManager[None]:
    """Context manager that reports the progress of long computations in this thread with `show`, which is called
    with each task that takes long.
    """
    return override(_show, show)


def progress_shown(task: str) -> AbstractContextManager[Tell]:
    """Context manager that shows the progress of a long computation. It yields a function to call with the amount
    done and the total.
    """
    return _show.get()(task)


def progress_over(
    parts: Iterable[T], task: str, total: int, size: Callable[[T], int] = lambda part: 1
) -> Iterator[T]:
    """Yield the parts of a computation. A part counts as done when the next one is requested.

    Args:
        parts: of the work. task: what it is. total: of all `size`s. size: of a part.
    """
    done = 0
    with progress_shown(task) as tell:
        for part in parts:
            yield part
            done += size(part)
            tell(done, total)


def duration(seconds: float) -> str:
    """Return a duration as text, in s, min or h."""
    return (
        f"{seconds:.0f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} min"
        if seconds < 6000
        else f"{seconds / 3600:.3g} h"
    )


class Pace:
    """Rate of progress since this object was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._began

    def left(self, done: int, total: int) -> float | None:
        """Return the seconds that the rest takes at the rate so far, or None before anything is done."""
        return self.seconds / done * (total - done) if done else None

    def words(self, done: int, total: int, what: str = "samples") -> str:
        """Return the rate and the time left; empty before anything is done."""
        left = self.left(done, total)
        rate = done / max(self.seconds, 1e-9)
        return "" if left is None else f"{rate:,.0f} {what} a second, {duration(left)} left"
