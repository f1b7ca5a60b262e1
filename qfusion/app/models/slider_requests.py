"""Addresses at which a browser fetches what a page shows against one slider.

A page gives its session the address of what it shows; it cannot be guessed. One request is for one slider and one
stage, see `slider_answers`. One request of a session is evaluated at a time: the next one stops it.

Nothing here is slow to import: the server answers first.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from qfusion.app.requests import address_below
from qfusion.app.streamlit_internals import session_id
from qfusion.errors import NotFound, QFusionError

_MOST = 8  # addresses of a session that are good at a time
_MOST_SESSIONS = 128
_guard = threading.Lock()


class Shown(Protocol):
    """What a page shows that follows its sliders; those of `slider_answers`."""

    @property
    def key(self) -> tuple[object, ...]:
        """Everything that determines the answers."""

    @property
    def answers(self) -> Mapping[str, Callable[[str], dict[str, Any]]]:
        """By stage, the function that answers for the key of a slider."""


@dataclass(eq=False)
class _Session:
    """What the sliders of a session follow.

    Attributes:
        offered: by the end of the address.
        turn: of the request that is evaluated.
        stop: that ends the last request.
    """

    offered: OrderedDict[str, Shown] = field(default_factory=OrderedDict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    stop: threading.Event = field(default_factory=threading.Event)


# by id, the last used last; not in the cache of results, as an address that is forgotten cannot be made again
_sessions: OrderedDict[str, _Session] = OrderedDict()


def knobs_address(shown: Shown) -> str:
    """Return the address below which this session's browser fetches the stages. It is valid until the session has been
    given `_MOST` others.
    """
    with _guard:
        session = _sessions.setdefault(session_id(), _Session())
        _keep_last(_sessions, session_id(), _MOST_SESSIONS)
        known = (name for name, other in session.offered.items() if other.key == shown.key)
        name = next(known, "") or secrets.token_urlsafe(18)
        session.offered[name] = shown
        _keep_last(session.offered, name, _MOST)
    return address_below(f"knobs/{name}")


def _keep_last(entries: OrderedDict[str, Any], last: str, most: int) -> None:
    entries.move_to_end(last)
    while len(entries) > most:
        entries.popitem(last=False)


async def answer_knob(request: Request) -> Response:
    """Answer a request for one stage of one slider."""
    name, stage = request.path_params["name"], request.path_params["stage"]
    with _guard:
        session = next((entry for entry in _sessions.values() if name in entry.offered), None)
        answers = session.offered[name].answers if session is not None else {}
    if session is None or stage not in answers:
        return PlainTextResponse("Open the page again.", 404)
    session.stop.set()
    session.stop = stop = threading.Event()
    try:
        async with session.turn:
            knob = request.query_params.get("knob", "")
            content = await asyncio.to_thread(_evaluate, answers[stage], knob, stop)
    except NotFound as error:
        return PlainTextResponse(str(error), 404)
    except QFusionError as error:
        return PlainTextResponse(str(error), 422)
    if content is None:
        return Response(status_code=204)  # the session has asked for something else
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


def _evaluate(
    answer: Callable[[str], dict[str, Any]], knob: str, stop: threading.Event
) -> dict[str, Any] | None:
    from qfusion.study.sliders import Stopped, raise_if_stopped, stopped_by

    try:
        with stopped_by(stop):
            raise_if_stopped()
            return answer(knob)
    except Stopped:
        return None
