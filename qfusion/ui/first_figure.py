"""The first figure of a session: a browser requests an address of its own once it has drawn it."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:  # the server answers before these are loaded
    pass
from qfusion.ui.server_addresses import address_below

# What a page shows first: a browser asks for an address of its own once it has drawn that.

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
