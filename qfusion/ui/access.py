"""Who may use the server, what they may do, and the queue of their long computations.

Before any page who has to log in does, and no more readers come in than there is room for.
"""

import contextlib
import ipaddress
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit.errors import StreamlitAuthError

from qfusion import _limits
from qfusion._checks import check
from qfusion.ui.streamlit_internals import session_id

LOGIN, PROXY = "QFUSION_LOGIN", "QFUSION_PROXY"
_seats: dict[str, str] = {}  # by id of the sessions that are in, why the last upload was not taken
_guard = threading.Lock()


def demands_login() -> bool:
    """Whether readers log in: wherever [auth] of `.streamlit/secrets.toml` says with whom, unless QFUSION_LOGIN=no."""
    login = os.environ.get(LOGIN, "")
    return login == "yes" or (login != "no" and bool(auth()))


def demands_proxy() -> bool:
    """Whether readers come through a proxy that says so (`X-Forwarded-For`): where QFUSION_PROXY is yes."""
    return os.environ.get(PROXY, "") == "yes"


def enter() -> None:
    """Lets the reader in, or ends the page with a way to log in, or with word that the server is full."""
    if demands_login() and not getattr(st.user, "is_logged_in", False):
        _ask()
        st.stop()
    if session_id() and st.runtime.exists() and not _seated(session_id()):
        _wait()
        st.stop()


def is_in(session: str) -> bool:
    """Whether a session is in; who is not may upload nothing."""
    return session in _seats


def refuse(session: str, words: str) -> None:
    """Keeps why an upload of a session was not taken: Streamlit shows its reader a red mark and no reason."""
    with _guard:
        if session in _seats:
            _seats[session] = words


def refusal() -> str:
    """Why this reader's last upload was not taken, once; empty when none was refused."""
    who = session_id()
    with _guard:
        words = _seats.get(who, "")
        if words:
            _seats[who] = ""
    return words


def account() -> None:
    """Who is logged in, and the way out."""
    if demands_login():
        name = next(
            (str(st.user[key]) for key in ("name", "email", "sub") if st.user.get(key)), "somebody"
        )
        st.text(f"Logged in: {name[:60]}")  # as text, never as markdown
        st.button("Log out", icon=":material/logout:", on_click=st.logout, key="_logout")


def auth() -> Mapping[str, Any]:
    """With whom readers log in: [auth] of `.streamlit/secrets.toml`, empty where there is none."""
    return dict(st.secrets.get("auth", {})) if st.secrets.load_if_toml_exists() else {}


def _seated(session: str) -> bool:
    with _guard:
        _leave()
        if session not in _seats and _limits.fits("QFUSION_SESSIONS", len(_seats), 1):
            _seats[session] = ""
        return session in _seats


def _leave() -> None:
    for entry in [seat for seat in _seats if not st.runtime.get_instance().is_active_session(seat)]:
        del _seats[entry]


def note() -> None:
    """Notes for the servers beside this one what it gives its readers now."""
    with _guard:
        _leave()
        _limits.fits("QFUSION_SESSIONS", len(_seats))
    _line.note()


def _ask() -> None:
    settings = auth()
    named = [
        name
        for name, entry in settings.items()
        if isinstance(entry, Mapping) and "client_id" in entry
    ]
    with st.container(key="box-entrance"):
        st.title("qfusion", anchor=False)
        st.markdown(
            "Multimodal models that fuse by open quantum dynamics, opened up. This server asks who you are."
        )
        for provider in (None, *named) if "client_id" in settings else named:
            if st.button(
                "Log in" if provider is None else f"Log in with {provider}",
                type="primary",
                icon=":material/login:",
                key=f"_login-{provider or ''}",
            ):
                try:
                    st.login(provider)
                except StreamlitAuthError as error:  # also where Authlib is not installed
                    logging.getLogger(__name__).warning("Login is not set up: %s", error)
                    st.error("Login is not set up on this server; its log says why.")
        if not named and "client_id" not in settings:
            st.error(
                "Login is not set up on this server: [auth] of secrets.toml names nobody to log in with."
            )


def _wait() -> None:
    with st.container(key="box-entrance"):
        st.title("This server is full", anchor=False)
        st.markdown(
            "As many people read here as there is room for "
            f"({_limits.get('QFUSION_SESSIONS'):,}; every open tab counts). Keep this page open: it goes on by "
            "itself as soon as somebody leaves."
        )
    st.fragment(_look, run_every=5.0)()  # seconds between two looks for room


def _look() -> None:
    if _seated(session_id()):
        st.rerun()


# Who may bring data and who may train: everybody on the reader's own machine, nobody from elsewhere unless whoever
# runs the server says so.

VARIABLE, TRAIN = "QFUSION_IMPORT", "QFUSION_TRAIN"
LEVELS, ANSWERS = ("none", "upload", "path"), ("yes", "no")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def check_variables() -> None:
    """Raises InvalidInput when a variable holds what it cannot, or readers must log in and there is nobody to log in
    with; asked when the server starts."""
    for name, known in ((VARIABLE, LEVELS), (TRAIN, ANSWERS)):
        value = os.environ.get(name, "")
        check(
            not value or value in known,
            f"{name} must be one of {', '.join(known)}, but is {value[:40]!r}.",
        )
    for name in (LOGIN, PROXY):
        value = os.environ.get(name, "")
        check(value in ("", *ANSWERS), f"{name} must be yes or no, but is {value[:40]!r}.")
    check(
        os.environ.get(LOGIN, "") != "yes" or bool(auth()),
        f"{LOGIN} is yes, but .streamlit/secrets.toml has no section [auth] that says with whom, or cannot be "
        "read. Add it as docs/serving.md shows, or leave the variable out.",
    )


def _answer(variable: str, known: tuple[str, ...], local: str, remote: str) -> str:
    """What a variable says of visitors; where it does not, or to nobody on a server that only shows, what holds for a
    reader of this machine and for one from elsewhere."""
    value = os.environ.get(variable, "")
    if _limits.is_read_only():
        return remote
    if value in known:
        return value
    return local if is_local() else remote


def level() -> str:
    """What a visitor may do: "path" (read files of the server's machine, upload, remove), "upload", or "none".

    QFUSION_IMPORT says; where it does not, everything is allowed to a reader whose server listens on the loopback
    address and was not asked through a proxy, and nothing to anybody else.
    """
    return _answer(VARIABLE, LEVELS, "path", "none")


def may_train() -> bool:
    """Whether a visitor may begin, stop and delete runs and sweeps: as QFUSION_TRAIN says, else who `is_local`."""
    return _answer(TRAIN, ANSWERS, "yes", "no") == "yes"


def check_train() -> None:
    """Raises InvalidInput for a visitor who may not train; what a button of such a form does asks again."""
    check(
        may_train(),
        f"On this server runs are not begun, stopped or deleted in the browser. Have {TRAIN}=yes set.",
    )


def training(act: Callable[..., object], *words: Any) -> None:
    """Does what is done with trainings, for a visitor who may; errors as of `check_train`."""
    check_train()
    act(*words)


def says_read_only(what: str) -> bool:
    """Whether this server only shows; says so then, in the place of `what` it does not do."""
    if _limits.is_read_only():
        st.info(
            f"This server shows, and does not {what}. Run qfusion on a machine of your own for that.",
            icon=":material/lock:",
        )
    return _limits.is_read_only()


def says_no_training(what: str, command: str) -> bool:
    """Whether this visitor may not train; says so then.

    Args:
        what: is not done here: "begin a sweep". command: that does it on the server's own machine.
    """
    if says_read_only(what):
        return True
    if not may_train():
        st.info(
            f"Here visitors do not {what}, since this server is not only for its own machine. Use `{command}` "
            f"there, or have {TRAIN}=yes set.",
            icon=":material/lock:",
        )
    return not may_train()


def is_local() -> bool:
    """Returns whether server and reader are on one machine, as far as can be told: where the server listens, how the
    browser calls it (a proxy may hide the name that was asked for, but not the page's origin), and by which way."""
    if not is_loopback(st.get_option("server.address") or ""):
        return False
    headers = st.context.headers
    called = [f"//{headers.get('Host') or 'localhost'}", headers.get("Origin") or "//localhost"]
    passed_on = (
        "Forwarded",
        "Via",
        "X-Real-Ip",
        *(f"X-Forwarded-{of}" for of in ("For", "Host", "Proto")),
    )
    return all(is_loopback(_host(entry)) for entry in called) and not any(
        headers.get(name) for name in passed_on
    )


def is_loopback(name: str) -> bool:
    """Whether a name or address is that of the machine itself, for its own programs alone."""
    with contextlib.suppress(ValueError):  # a name
        return ipaddress.ip_address(name).is_loopback
    return name in LOOPBACK


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


# Long calculations take turns: so many at once in the whole server, one of a session, in the order of asking.
#
# Whoever computes longer than `LEASE` makes room for one more. So a very long calculation does not stop the others, nor
# does one that waits for something which a reader in the line has locked.

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
        fits: of how many compute here, and how many more would, whether all servers together have room for them.
    """

    def __init__(
        self,
        places: Callable[[], int],
        fits: Callable[[int, int], bool] = lambda busy, more: True,
    ):
        self._places, self._turns, self._changed = places, list[_Turn](), threading.Condition()
        self._fits = fits
        self._mine = threading.local()

    @contextlib.contextmanager
    def turn(self, who: str, message: Callable[[int], None] = lambda place: None) -> Iterator[None]:
        """Waits until it is this one's turn, which ends with the block; inside another turn of its thread, at once.

        Args:
            who: the session. message: called with its place in the line while it waits; what it raises ends the wait.
        """
        if getattr(self._mine, "turn", None) is not None:
            yield
            return
        turn = _Turn(who)
        with self._changed:
            self._turns.append(turn)
        try:
            while place := self._place(turn):
                message(place)
                with self._changed:
                    self._changed.wait(_LOOK)
            self._mine.turn = turn
            yield
        finally:
            self._mine.turn = None
            with self._changed:
                self._turns.remove(turn)
                self._changed.notify_all()
            self.note()

    def note(self) -> None:
        """Notes how many compute."""
        with self._changed:
            self._fits(self._busy(time.monotonic()), 0)

    def _busy(self, now: float) -> int:
        return sum(now - one.since < LEASE for one in self._turns if one.since)

    def count(self, who: str) -> int:
        """How many turns of a session there are, under way and in the line."""
        with self._changed:
            return sum(entry.who == who for entry in self._turns)

    def _place(self, turn: _Turn) -> int:
        """Its place in the line; 0 when it is its turn, which then begins."""
        with self._changed:
            now, busy = time.monotonic(), self._busy(time.monotonic())
            sessions, line = {one.who for one in self._turns if one.since}, []
            for entry in self._turns:
                if not entry.since and entry.who not in sessions:
                    sessions.add(entry.who)  # one of a session
                    line.append(entry)
            if turn in line[: max(0, self._places() - busy)] and self._fits(busy, 1):
                turn.since = now
                return 0
            return line.index(turn) + 1 if turn in line else len(line) + 1


_line = Line(
    lambda: _limits.get("QFUSION_HEAVY"),
    lambda busy, more: _limits.fits("QFUSION_HEAVY", busy, more),
)


@contextlib.contextmanager
def waiting(words: str) -> Iterator[None]:
    """Around a long calculation of a page: its turn, and a spinner where there are words; nothing in the background."""
    who = session_id()
    if not who:
        yield
        return
    shown: list[Any] = []

    def say_place(place: int) -> None:
        shown[:] = shown or [st.empty()]
        before = "one other calculation comes" if place == 1 else f"{place} other calculations come"
        shown[0].info(
            f"Many are at work on this server: {before} first …", icon=":material/hourglass_top:"
        )

    with _line.turn(who, say_place):
        for entry in shown:
            entry.empty()
        with st.spinner(words) if words else contextlib.nullcontext():
            yield


def in_turn(make: Callable[[], bytes]) -> Callable[[], bytes]:
    """Returns a file's maker that waits for the reader's turn: a download is made when its button is pressed.

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
            _line.count(who) < FILES,
            f"At most {FILES} files are made for you at once. Wait for the others.",
        )
        with _line.turn(who, waits):
            return make()

    return made
