"""Numbers as readers see them in sentences, and the progress of long computations."""

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, TypeVar

# What numbers allow a sentence to say: which of them is the largest where a reader can see it, a share that is not
# rounded to none or all, names in a row.
#
# A superlative is said of one name only where its number differs, as it is written, from all others; of several names
# where they are written alike.

ZERO = 1e-9  # of a share: what is smaller is rounding
# The hyphen of a negative number: at the beginning of a word, before a digit; in markdown it may be escaped.
_NEGATIVE = re.compile(r"(?:(?<=[\s(\[‘“*|,:;>±])|^)\\?-(?=\\?\.?\d)")


def top(numbers: Mapping[str, float], places: int = 2, *, smallest: bool = False) -> list[str]:
    """Return the names with the largest number after rounding, in their order.

    Args:
        numbers: by name; those that are not finite are left out.
        places: decimal places that are written.
        smallest: take the smallest number instead.

    Returns:
        several names where their numbers are written alike, none where no number is finite.
    """
    written = {
        name: float(f"{value:.{places}f}")
        for name, value in numbers.items()
        if math.isfinite(value)
    }
    best = (min if smallest else max)(written.values(), default=None)
    return [name for name, value in written.items() if value == best]


def sizes(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers without their signs."""
    return {name: abs(value) for name, value in numbers.items()}


def share(part: float) -> str:
    """Return a part of a whole, from 0 to 1, as `"37%"`. A part above 0 that rounds to 0 is `"less than 1%"`, and a
    part below 1 that rounds to 1 is `"more than 99%"`.
    """
    words = f"{part:.0%}"
    if words in ("0%", "-0%") and abs(part) > ZERO:
        return "less than 1%"
    if words == "100%" and part < 1 - ZERO:
        return "more than 99%"
    return words.replace("-0%", "0%")


def size(value: float, places: int = 2) -> str:
    """Return a number that is not negative as `"0.37"`. A number above 0 that rounds to 0 is `"less than 0.01"`."""
    least = 10.0**-places
    return f"less than {least:.{places}f}" if 0 < value < least / 2 else f"{value:.{places}f}"


def true_minus(words: str) -> str:
    """Return words with a minus sign (U+2212) in place of the hyphen of a negative number: "-0.35" becomes "−0.35".

    Hyphens within words and ids stay, and so does code in backticks.
    """
    parts = words.split("`")
    parts[::2] = [_NEGATIVE.sub("−", part) for part in parts[::2]]
    return "`".join(parts)


def capitalise(words: str) -> str:
    """Return words with a capital letter first."""
    return words[:1].upper() + words[1:]


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence: "a, b and c"; empty for none."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def count(number: int, one: str, more: str = "") -> str:
    """Return so many things: "1 gate", "1,000 gates"; `more` where the plural is not `one` with an s."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


# Progress of long computations: reported by the computation, and displayed by the caller.
#
#     with progress_shown("Encoding") as tell:  # or: for block in progress_over(blocks, ...)
#         tell(done, total)
#
# Commands show a bar on standard error, and pages show the reports of a background thread. Nothing is displayed unless
# `progress_to` sets a display.

T = TypeVar("T")
Tell = Callable[[int, int], Any]  # so much is done, of so much; what it raises ends the work
Show = Callable[[str], AbstractContextManager[Tell]]


# shown to nobody
_show: ContextVar[Show] = ContextVar(
    "show", default=lambda task: nullcontext(lambda done, total: None)
)


@contextmanager
def meanwhile(variable: ContextVar[T], value: T) -> Iterator[None]:
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
    return meanwhile(_show, show)


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
