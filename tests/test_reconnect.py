"""A lost connection keeps the session, and a new session restores its address after a restart."""

from __future__ import annotations

from scripts import serving
from scripts.cross_talk import figures, shown
from scripts.visitor import Visitor


def test_lost_connection_keeps_the_session(server: serving.Server) -> None:
    query = {"model": "qj-parity", "sample": "pair-0003"}
    with Visitor(server.url) as visitor, Visitor(server.url) as other:
        visitor.open("dynamics", **query)
        visitor.set("_note_text", "seen before")
        visitor.set("_note_keep", True)
        session = visitor.seen.session
        visitor.begin("H.left", 0.3)
        visitor.lose()
        seen = visitor.reconnect()
        assert not seen.exceptions
        assert seen.session == session
        assert "seen before" in seen.words()
        query |= {"H.left": "0.3"}
        assert figures(shown(seen)) == figures(shown(other.open("dynamics", **query)))


def test_file_stays_until_it_is_downloaded(server: serving.Server) -> None:
    with Visitor(server.url) as visitor, Visitor(server.url) as other:
        visitor.open("dynamics", model="qj-parity", sample="pair-0003")
        visitor.set("figure-decision-over-time", "export")
        url = visitor.made("drawer.csv")
        for _ in range(3):  # after two, Streamlit would have taken it away
            other.open("glossary")
        assert visitor.fetched(url).startswith(b"t,")
