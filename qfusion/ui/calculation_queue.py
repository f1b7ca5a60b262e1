"""The queue of long calculations: a limited number at once in the server, one per session, first come first served.

A calculation that takes longer than `LEASE` makes room for one more. So a very long calculation does not stop the
others, nor does one that waits for something that a queued reader has locked.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import streamlit as st

from qfusion import _limits, _shared_limits
from qfusion._checks import check
from qfusion.ui.streamlit_internals import session_id

LEASE = 20.0  # seconds
FILES = 4  # of one reader that are made or wait to be
POLL_SECONDS = 0.5  # seconds between two looks, when a reader who has left is noticed too


@dataclass(eq=False)
class Turn:
    """A place in the queue."""

    who: str
    since: float = 0.0  # on the clock, once it computes


class Queue:
    """Those who compute and those who wait for it.

    Args:
        places: how many compute at once; asked each time.
        fits: of how many compute here, and how many more would, whether all servers together have room for them.
    """

    def __init__(
        self,
        places: Callable[[], int],
        fits: Callable[[int, int], bool] = lambda busy, more: True,
    ):
        self._places, self.turns, self._changed = places, list[Turn](), threading.Condition()
        self._fits = fits
        self._mine = threading.local()

    @contextlib.contextmanager
    def turn(self, who: str, message: Callable[[int], None] = lambda place: None) -> Iterator[None]:
        """Wait until it is this one's turn, which ends with the block; inside another turn of its thread, at once.

        Args:
            who: the session. message: called with its place in the line while it waits; what it raises ends the wait.
        """
        if getattr(self._mine, "turn", None) is not None:
            yield
            return
        turn = Turn(who)
        with self._changed:
            self.turns.append(turn)
        try:
            while place := self._place(turn):
                message(place)
                with self._changed:
                    self._changed.wait(POLL_SECONDS)
            self._mine.turn = turn
            yield
        finally:
            self._mine.turn = None
            with self._changed:
                self.turns.remove(turn)
                self._changed.notify_all()
            self.note()

    def note(self) -> None:
        """Record the number of running computations."""
        with self._changed:
            self._fits(self._busy(time.monotonic()), 0)

    def _busy(self, now: float) -> int:
        return sum(now - one.since < LEASE for one in self.turns if one.since)

    def count(self, who: str) -> int:
        """How many turns of a session there are, under way and in the line."""
        with self._changed:
            return sum(entry.who == who for entry in self.turns)

    def _place(self, turn: Turn) -> int:
        """Return the place of a turn in the line. It is 0 if the turn has come, which then begins."""
        with self._changed:
            now, busy = time.monotonic(), self._busy(time.monotonic())
            sessions, line = {one.who for one in self.turns if one.since}, []
            for entry in self.turns:
                if not entry.since and entry.who not in sessions:
                    sessions.add(entry.who)  # one of a session
                    line.append(entry)
            if turn in line[: max(0, self._places() - busy)] and self._fits(busy, 1):
                turn.since = now
                return 0
            return line.index(turn) + 1 if turn in line else len(line) + 1


QUEUE = Queue(
    lambda: _limits.limit("QFUSION_HEAVY"),
    lambda busy, more: _shared_limits.reserve("QFUSION_HEAVY", busy, more),
)


@contextlib.contextmanager
def waiting(words: str) -> Iterator[None]:
    """Around a long calculation of a page: its turn, and a spinner where there are words; nothing in the background."""
    from qfusion.ui import skeletons  # which loads what pages need: a server answers before that

    who = session_id()
    if not who:
        yield
        return
    shown: list[Any] = []

    def say_place(place: int) -> None:
        shown[:] = shown or [st.empty()]
        before = "one other calculation runs" if place == 1 else f"{place} other calculations run"
        shown[0].info(f"The server is busy: {before} first …", icon=":material/hourglass_top:")

    with QUEUE.turn(who, say_place):
        for entry in shown:
            entry.empty()
        place = skeletons.show_open() if words else contextlib.nullcontext()
        with place, st.spinner(words) if words else contextlib.nullcontext():
            yield


def queue_download(make: Callable[[], bytes]) -> Callable[[], bytes]:
    """Return a file's maker that waits for the reader's turn: a download is made when its button is pressed.

    It waits in one of a few threads that make everybody's downloads, so that a reader has `FILES` in the line at most,
    and none after leaving.
    """
    who = session_id()

    def waits(_: int) -> None:
        check(
            not who or not st.runtime.exists() or st.runtime.get_instance().is_active_session(who),
            "The reader has left.",
        )

    def made() -> bytes:
        check(
            QUEUE.count(who) < FILES,
            f"At most {FILES} files are made for you at once. Wait for the others.",
        )
        with QUEUE.turn(who, waits):
            return make()

    return made
