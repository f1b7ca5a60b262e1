"""The first figure of a session: a browser requests an address of its own once it has drawn it."""

from __future__ import annotations

import secrets
import threading
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import Response

from qfusion.ui.server_addresses import address_below

# by address, for as long as a page waits for its browser to ask for it; no result that could be made again
_awaited: WeakValueDictionary[str, threading.Event] = WeakValueDictionary()


def expect_drawing() -> tuple[str, threading.Event]:
    """Return an address, and an event that is set once the address is requested."""
    name, drawn = secrets.token_urlsafe(16), threading.Event()
    _awaited[name] = drawn
    return address_below(f"drawn/{name}"), drawn


def answer_drawn(request: Request) -> Response:
    """Answer the browser's message that the first figure is drawn."""
    if drawn := _awaited.get(request.path_params["name"]):
        drawn.set()
    return Response(status_code=204)
