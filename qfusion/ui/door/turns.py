"""Long calculations take turns: so many at once in the whole server, one of a session, in the order of asking.

Whoever computes longer than `LEASE` makes room for one more. So a very long calculation does not stop the others, nor
does one that waits for something which a reader in the line has locked.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from qfusion import _limits
from qfusion._checks import check

LEASE = 20.0  # seconds
FILES = 4  # of one reader that are made or wait to be
_LOOK = 0.5  # seconds between two looks, when a reader who has left is noticed too


@dataclass(eq=False)
class _Turn:
    who: str
    since: float = 0.0  # on the clock, once it computes


class Line:
    """Those who compute and those who wait for it.

    Args:
        places: how many compute at once; asked each time.
    """

    def __init__(self, places: Callable[[], int]):
        self._places, self._turns, self._changed = places, list[_Turn](), threading.Condition()
        self._mine = threading.local()

    @contextlib.contextmanager
    def turn(self, who: str, told: Callable[[int], None] = lambda place: None) -> Iterator[None]:
        """Waits until it is this one's turn, which ends with the block; inside another turn of its thread, at once.

        Args:
            who: the session. told: called with its place in the line while it waits; what it raises ends the wait.
        """
        if getattr(self._mine, "turn", None) is not None:
            yield
            return
        turn = _Turn(who)
        with self._changed:
            self._turns.append(turn)
        try:
            while place := self._place(turn):
                told(place)
                with self._changed:
                    self._changed.wait(_LOOK)
            self._mine.turn = turn
            yield
        finally:
            self._mine.turn = None
            with self._changed:
                self._turns.remove(turn)
                self._changed.notify_all()

    def count(self, who: str) -> int:
        """How many turns of a session there are, under way and in the line."""
        with self._changed:
            return sum(each.who == who for each in self._turns)

    def _place(self, turn: _Turn) -> int:
        """Its place in the line; 0 when it is its turn, which then begins."""
        with self._changed:
            now, busy = time.monotonic(), [each for each in self._turns if each.since]
            sessions, line = {each.who for each in busy}, []
            for each in self._turns:
                if not each.since and each.who not in sessions:
                    sessions.add(each.who)  # one of a session
                    line.append(each)
            free = self._places() - sum(now - each.since < LEASE for each in busy)
            if turn in line[: max(0, free)]:
                turn.since = now
                return 0
            return line.index(turn) + 1 if turn in line else len(line) + 1


_line = Line(lambda: _limits.get("QFUSION_HEAVY"))


@contextlib.contextmanager
def waiting(words: str) -> Iterator[None]:
    """Around a long calculation of a page: its turn, and a spinner where there are words; nothing in the background."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        yield
        return
    shown: list[Any] = []

    def told(place: int) -> None:
        shown[:] = shown or [st.empty()]
        before = "one other calculation comes" if place == 1 else f"{place} other calculations come"
        shown[0].info(
            f"Many are at work on this server: {before} first …", icon=":material/hourglass_top:"
        )

    with _line.turn(context.session_id, told):
        for each in shown:
            each.empty()
        with st.spinner(words) if words else contextlib.nullcontext():
            yield


def in_turn(make: Callable[[], bytes]) -> Callable[[], bytes]:
    """Returns a file's maker that waits for the reader's turn: a download is made when its button is pressed.

    It waits in one of a few threads that make everybody's downloads, so that a reader has `FILES` in the line at most,
    and none after leaving.
    """
    context = get_script_run_ctx(suppress_warning=True)
    who = context.session_id if context is not None else ""

    def waits(_: int) -> None:
        check(
            not who or not runtime.exists() or runtime.get_instance().is_active_session(who),
            "The reader has left.",
        )

    def made() -> bytes:
        check(
            _line.count(who) < FILES,
            f"At most {FILES} files are made for you at once. Wait for the others.",
        )
        with _line.turn(who, waits):
            return make()

    return made
