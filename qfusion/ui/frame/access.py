"""Who may bring data: everybody on the reader's own machine, nobody from elsewhere unless whoever runs the server says
so."""

from __future__ import annotations

import os

import streamlit as st

from qfusion import _read_only

VARIABLE = "QFUSION_IMPORT"
LEVELS = ("none", "upload", "path")
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")
_PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")


def level() -> str:
    """What a visitor may do: "path" (read files of the server's machine, upload, remove), "upload", or "none".

    QFUSION_IMPORT says; where it does not, everything is allowed to a reader whose server listens on the loopback
    address and was not asked through a proxy, and nothing to anybody else.
    """
    if _read_only.is_on():
        return "none"
    said = os.environ.get(VARIABLE, "")
    if said in LEVELS:
        return said
    return "path" if is_local() else "none"


def says_read_only(what: str) -> bool:
    """Whether this server only shows; says so then, in the place of `what` it does not do."""
    if _read_only.is_on():
        st.info(f"This server shows, and does not {what}. Run qfusion on a machine of your own for that.",
                icon=":material/lock:")
    return _read_only.is_on()


def is_local() -> bool:
    """Returns whether server and reader are on one machine, as far as can be told."""
    if st.get_option("server.address") not in _LOOPBACK:
        return False
    headers = st.context.headers
    host = (headers.get("Host") or "localhost").rsplit(":", 1)[0] if not (headers.get("Host")
                                                                          or "").endswith("]") else "[::1]"
    return host in _LOOPBACK and not any(headers.get(name) for name in _PASSED_ON)
