"""A reader of the app without a browser: speaks what Streamlit's page speaks with its server, so that many can be
scripted at a time.

    visitor = Visitor(server.url)
    seen = visitor.open("dynamics", model="qj-planted", sample="p0012")
    seen = visitor.set("H.text-audio", 0.5)     # a slider, by its key
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

MAX_BYTES = 200 * 2**20
# Which field of a widget's state holds its value, by the kind of its element.
_VALUES = {"slider": "double_array_value", "number_input": "double_value", "text_input": "string_value",
           "selectbox": "string_value", "checkbox": "bool_value", "button": "trigger_value"}


@dataclass
class Seen:
    """What one run of the page has sent: elements by their place, the seconds it took, and what went wrong."""

    seconds: float = 0.0
    elements: dict[tuple[int, ...], Any] = field(default_factory=dict)
    exceptions: list[str] = field(default_factory=list)
    title: str = ""
    session: str = ""
    redirect: str = ""  # where the browser is sent to log in

    def words(self) -> str:
        """All text of the page, an element a line."""
        return "\n".join(_text(each) for each in self.elements.values() if _text(each))

    def of(self, kind: str) -> list[Any]:
        """Elements of a kind, as Streamlit's protocol names it, in their order."""
        return [getattr(each, kind) for _, each in sorted(self.elements.items()) if each.WhichOneof("type") == kind]


class Visitor:
    """One reader; use it as a context.

    Args:
        url: of the server. limit: seconds that a page may take.
        headers: of the connection, as a browser or a proxy adds them: `Origin`, `Cookie`.
        token: against forged requests, as the server's cookie has it; who logs in needs it.
    """

    def __init__(self, url: str, limit: float = 120.0, headers: Mapping[str, str] | None = None, token: str = ""):
        self.url, self.limit, self._headers, self._token = url, limit, dict(headers or {}), token
        self._socket: Any = None
        self._known: dict[str, ForwardMsg] = {}
        self._states: dict[str, WidgetState] = {}
        self.page, self._query = "", ""
        self.seen = Seen()

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves."""
        if self._socket is not None:
            self._socket.close()

    def open(self, page: str = "", **query: Any) -> Seen:
        """Opens a page by its address below the app's, with a query, in a new session as a browser does."""
        self.close()
        self._socket = connect(self.url.replace("http", "ws", 1) + "/_stcore/stream", max_size=MAX_BYTES,
                               subprotocols=["streamlit", *filter(None, [self._token])],  # type: ignore[list-item]
                               additional_headers=self._headers, open_timeout=self.limit)
        self.page, self._query, self._states, self._known = page, urlencode(query), {}, {}
        return self._run()

    def go(self, page: str) -> Seen:
        """Goes to another page in the same session."""
        self.page, self._states = page, {}
        return self._run()

    def set(self, key: str, value: Any) -> Seen:
        """Sets a widget of the page by its key, and returns the page after it.

        Raises:
            KeyError: when the page has no such widget.
        """
        kind, element = self._widget(key)
        state = WidgetState(id=element.id)
        if kind == "slider":
            state.double_array_value.data[:] = value if isinstance(value, (list, tuple)) else [value]
        else:
            setattr(state, _VALUES[kind], value)
        self._states[element.id] = state
        found = self._run()
        if kind == "button":
            del self._states[element.id]
        return found

    def _widget(self, key: str) -> tuple[str, Any]:
        for each in self.seen.elements.values():
            kind = each.WhichOneof("type")
            if kind in _VALUES and re.search(rf"-{re.escape(key)}$", getattr(each, kind).id):
                return kind, getattr(each, kind)
        raise KeyError(key)

    def _run(self) -> Seen:
        asked = BackMsg()
        asked.rerun_script.query_string = self._query
        asked.rerun_script.page_name = self.page
        asked.rerun_script.widget_states.widgets.extend(self._states.values())
        began, seen = time.perf_counter(), Seen()
        self._socket.send(asked.SerializeToString())
        for message in self._messages(began):
            kind = message.WhichOneof("type")
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                place, element = tuple(message.metadata.delta_path), message.delta.new_element
                seen.elements[place] = element
                if element.WhichOneof("type") == "exception":
                    seen.exceptions.append(f"{element.exception.type}: {element.exception.message}")
            elif kind == "new_session":
                seen.elements.clear()
                seen.session = message.new_session.initialize.session_id
            elif kind == "auth_redirect":
                seen.redirect = message.auth_redirect.url
            elif kind == "page_config_changed":
                seen.title = message.page_config_changed.title
            elif kind == "page_info_changed":
                self._query = message.page_info_changed.query_string
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                break
        seen.seconds = time.perf_counter() - began
        self.seen = seen
        return seen

    def _messages(self, began: float) -> Iterator[ForwardMsg]:
        while True:
            left = self.limit - (time.perf_counter() - began)
            message = ForwardMsg.FromString(self._socket.recv(timeout=max(0.01, left)))
            if message.WhichOneof("type") == "ref_hash":
                metadata, message = message.metadata, ForwardMsg.FromString(
                    self._known[message.ref_hash].SerializeToString())
                message.metadata.CopyFrom(metadata)
            elif message.hash and message.metadata.cacheable:
                self._known[message.hash] = message
            yield message


def _text(element: Any) -> str:
    kind = element.WhichOneof("type")
    said = getattr(element, kind) if kind else None
    return str(getattr(said, "body", "") or getattr(said, "label", "") or "") if said is not None else ""
