"""A reader of the app without a browser: speaks what Streamlit's page speaks with its server, so that many can be
scripted at a time.

    visitor = Visitor(server.url)
    seen = visitor.open("dynamics", model="qj-planted", sample="p0012")
    seen = visitor.set("H.text-audio", 0.5)     # a slider, by its key
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

MAX_BYTES = 200 * 2**20
# Which field of a widget's state holds its value, by the kind of its element.
_VALUES = {
    "slider": "double_array_value",
    "number_input": "double_value",
    "text_input": "string_value",
    "text_area": "string_value",
    "selectbox": "string_value",
    "checkbox": "bool_value",
    "multiselect": "string_array_value",
    "button": "trigger_value",
    "file_uploader": "file_uploader_state_value",
    "download_button": "trigger_value",
    "bidi_component": "json_trigger_value",
}


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
        return [
            getattr(each, kind)
            for _, each in sorted(self.elements.items())
            if each.WhichOneof("type") == kind
        ]


class Visitor:
    """One reader; use it as a context.

    Args:
        url: of the server. limit: seconds that a page may take.
        headers: of the connection, as a browser or a proxy adds them: `Origin`, `Cookie`.
        token: against forged requests, as the server's cookie has it; who logs in needs it.
    """

    def __init__(
        self,
        url: str,
        limit: float = 120.0,
        headers: Mapping[str, str] | None = None,
        token: str = "",
    ):
        self.url, self.limit, self._headers, self._token = url, limit, dict(headers or {}), token
        self.socket: Any = None
        self.cookies: dict[str, str] = {}  # such as that by which a proxy knows its server
        self._known: dict[str, ForwardMsg] = {}
        self.widget_states: dict[str, WidgetState] = {}
        self.page, self.query = "", ""
        self.seen = Seen()

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves."""
        if self.socket is not None:
            self.socket.close()

    def open(self, page: str = "", **query: Any) -> Seen:
        """Opens a page by its address below the app's, with a query, in a new session as a browser does."""
        self.close()
        self._connect(self._token)
        self.page, self.query, self.widget_states, self._known = page, urlencode(query), {}, {}
        return self.run()

    def _connect(self, *words: str) -> None:
        self.socket = connect(
            self.url.replace("http", "ws", 1) + "/_stcore/stream",
            max_size=MAX_BYTES,
            subprotocols=["streamlit", *filter(None, words)],
            additional_headers=self._with_cookies(self._headers),
            open_timeout=self.limit,
            ping_interval=None,
        )  # as a browser, which waits for a busy server
        for line in self.socket.response.headers.get_all("Set-Cookie"):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}

    def _with_cookies(self, headers: Mapping[str, str]) -> dict[str, str]:
        own = [f"{name}={value}" for name, value in self.cookies.items()]
        words = "; ".join([*filter(None, [headers.get("Cookie")]), *own])
        return {**headers, "Cookie": words} if words else dict(headers)

    def begin(self, key: str, value: Any) -> None:
        """Sets a widget as `set` does, and waits for nothing."""
        self.add_state(*self._widget(key), value)
        self.socket.send(self._asked().SerializeToString())

    def lose(self) -> None:
        """Loses the connection without a word, as a laptop that is closed does."""
        self.socket.socket.shutdown(2)
        self.socket.close()

    def reconnect(self) -> Seen:
        """Comes back to the same session, as a browser does whose connection was lost."""
        self._connect(self._token or "none", self.seen.session)
        self._known = {}
        self.run()  # the end of what ran before may be told in here
        return self.run()

    def go(self, page: str) -> Seen:
        """Goes to another page in the same session."""
        self.page, self.widget_states = page, {}
        return self.run()

    def set(self, key: str, value: Any) -> Seen:
        """Sets a widget of the page by its key, presses a button by True, and returns the page after it. A component is
        told an event by its name.

        Raises:
            KeyError: when the page has no such widget.
        """
        kind, element = self._widget(key)
        name = self.add_state(kind, element, value)
        found = self.run()
        if kind in ("button", "bidi_component"):
            del self.widget_states[name]
        return found

    def add_state(self, kind: str, element: Any, value: Any) -> str:
        name = element.id
        if kind == "bidi_component":
            name, value = (
                f"$$STREAMLIT_INTERNAL_KEY_{name}__events",
                json.dumps([{"event": value, "value": True}]),
            )
        state = WidgetState(id=name)
        if kind in ("slider", "multiselect"):
            getattr(state, _VALUES[kind]).data[:] = (
                value if isinstance(value, (list, tuple)) else [value]
            )
        else:
            setattr(state, _VALUES[kind], value)
        self.widget_states[name] = state
        return str(name)

    def whole(self) -> Seen:
        """Has what waits below the screen drawn, as scrolling does, and returns the page after it: with what holds
        widgets, and of plain figures the last ones."""
        later = [
            self.add_state("button", each.button, True)
            for each in self.seen.elements.values()
            if each.WhichOneof("type") == "button" and "-_later-" in each.button.id
        ]
        self.run()
        for name in later:
            del self.widget_states[name]
        return self.run()

    def has(self, key: str) -> bool:
        """Whether the page has a widget of that key that can be used."""
        try:
            return not getattr(self._widget(key)[1], "disabled", False)
        except KeyError:
            return False

    def upload(self, key: str, files: Mapping[str, bytes]) -> Seen:
        """Puts files, by their names, into an uploader of the page, and returns the page after it.

        Raises:
            KeyError: when the page has no such uploader.
        """
        element = self._widget(key)[1]
        asked = BackMsg()
        asked.file_urls_request.request_id, asked.file_urls_request.session_id = (
            "files",
            self.seen.session,
        )
        asked.file_urls_request.file_names.extend(files)
        places = self._answer(asked, "file_urls_response").file_urls
        with self._http("/_stcore/health") as answer:
            token = SimpleCookie(answer.headers["Set-Cookie"])["_streamlit_xsrf"].value
        state = WidgetState(id=element.id)
        for place, (name, data) in zip(places, files.items(), strict=True):
            body = (
                f'--end\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
                + data
                + b"\r\n--end--\r\n"
            )
            self._http(
                place.upload_url,
                "PUT",
                body,
                {
                    "Content-Type": "multipart/form-data; boundary=end",
                    "X-Xsrftoken": token,
                    "Cookie": f"_streamlit_xsrf={token}",
                },
            ).close()
            state.file_uploader_state_value.uploaded_file_info.add(
                name=name, size=len(data), file_id=place.file_id, file_urls=place
            )
        self.widget_states[element.id] = state
        return self.run()

    def download(self, key: str) -> bytes:
        """Presses a download button, and returns the file; see `made`."""
        return self.fetched(self.made(key))

    def made(self, key: str) -> str:
        """Presses a download button, and returns where the file can be fetched.

        Raises:
            KeyError: when the page has no such button.
            RuntimeError: when the file cannot be made.
        """
        element = self._widget(key)[1]
        if element.HasField("deferred_file_id"):
            asked = BackMsg()
            wanted = asked.backend_operation_request
            wanted.request_id, wanted.session_id = "file", self.seen.session
            wanted.deferred_file.file_id = element.deferred_file_id
            answer = self._answer(asked, "backend_operation_response")
            if answer.error_msg:
                raise RuntimeError(answer.error_msg)
            return str(answer.deferred_file.url)
        return str(element.url)

    def fetched(self, address: str) -> bytes:
        """Returns the file at an address of the server."""
        with self._http(address) as found:
            return bytes(found.read())

    def _http(
        self,
        address: str,
        method: str = "GET",
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        asked = urllib.request.Request(
            self.url + address, data, self._with_cookies(headers or {}), method=method
        )
        return urllib.request.urlopen(asked, timeout=self.limit)

    def _answer(self, asked: BackMsg, kind: str) -> Any:
        began = time.perf_counter()
        self.socket.send(asked.SerializeToString())
        return next(
            getattr(each, kind) for each in self._messages(began) if each.WhichOneof("type") == kind
        )

    def _widget(self, key: str) -> tuple[str, Any]:
        for each in self.seen.elements.values():
            kind = each.WhichOneof("type")
            if kind in _VALUES and re.search(rf"-{re.escape(key)}$", getattr(each, kind).id):
                return kind, getattr(each, kind)
        raise KeyError(key)

    def run(self) -> Seen:
        began, seen = time.perf_counter(), Seen()
        self.socket.send(self._asked().SerializeToString())
        for message in self._messages(began):
            kind = message.WhichOneof("type")
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                place, element = tuple(message.metadata.delta_path), message.delta.new_element
                seen.elements[place] = element
                if first := re.search(r'id="qf-first" data-address="([^"]+)"', _text(element)):
                    # as a browser that has drawn the first figure
                    urllib.request.urlopen(urljoin(self.url, first[1]), timeout=self.limit).close()
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
                self.query = message.page_info_changed.query_string
            elif (
                kind == "script_finished"
                and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                break
        seen.seconds = time.perf_counter() - began
        self.seen = seen
        return seen

    def _asked(self) -> BackMsg:
        asked = BackMsg()
        asked.rerun_script.query_string = self.query
        asked.rerun_script.page_name = self.page
        asked.rerun_script.widget_states.widgets.extend(self.widget_states.values())
        return asked

    def _messages(self, began: float) -> Iterator[ForwardMsg]:
        while True:
            left = self.limit - (time.perf_counter() - began)
            message = ForwardMsg.FromString(self.socket.recv(timeout=max(0.01, left)))
            if message.WhichOneof("type") == "ref_hash":
                metadata, message = (
                    message.metadata,
                    ForwardMsg.FromString(self._known[message.ref_hash].SerializeToString()),
                )
                message.metadata.CopyFrom(metadata)
            elif message.hash and message.metadata.cacheable:
                self._known[message.hash] = message
            yield message


def _text(element: Any) -> str:
    kind = element.WhichOneof("type")
    said = getattr(element, kind) if kind else None
    return (
        str(getattr(said, "body", "") or getattr(said, "label", "") or "")
        if said is not None
        else ""
    )
