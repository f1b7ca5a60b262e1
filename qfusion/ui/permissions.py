"""Who may bring files, train and delete: one rule. A server that others reach takes no files.

A reader may if the server listens on the loopback address, the browser calls it by a name of the loopback address, and
no proxy has passed the request on. Everybody else sees a read-only server, unless QFUSION_ALLOW_UPLOADS=1 or
`qfusion app --allow-uploads` lifts the rule, as for a container of one's own.
"""

import contextlib
import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import streamlit as st

from qfusion import _read_only
from qfusion._checks import check
from qfusion.ui.streamlit_internals import session_id

ALLOW_UPLOADS = "QFUSION_ALLOW_UPLOADS"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")


def allows_uploads() -> bool:
    """Return whether the environment variable lifts the rule for all readers.

    Raises:
        InvalidInput: when it is neither 1 nor 0.
    """
    value = os.environ.get(ALLOW_UPLOADS) or "0"
    check(value in ("0", "1"), f"{ALLOW_UPLOADS} must be 1 or 0, but is {value[:40]!r}.")
    return value == "1"


def may_write(headers: Mapping[str, str]) -> bool:
    """Return whether a request with these headers may bring files, train and delete."""
    return allows_uploads() or is_local(headers)


def is_local(headers: Mapping[str, str]) -> bool:
    """Return whether a request with these headers came from the server's own machine, as far as can be determined."""
    address = st.get_option("server.address") or ""
    with contextlib.suppress(ValueError):
        called = urlsplit(f"//{headers.get('Host', '')}").hostname
        forwarded = any(name in headers for name in _FORWARDED)
        return is_loopback(address) and called in LOOPBACK and not forwarded
    return False  # a name that is none


def is_loopback(address: str) -> bool:
    """Return whether an address is reached from its own machine alone."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(address).is_loopback
    return address == "localhost"


def begin_rule() -> None:
    """Make this process read-only for all readers who may not write. The server calls it when it starts."""
    _read_only.set_rule(_is_read_only)


def _is_read_only() -> bool:
    # a reader who has left has no headers; work that no page does is the server's own
    headers = st.context.headers if session_id() else {"Host": "localhost"}
    return not may_write(headers)


def says_read_only(action: str) -> bool:
    """Return whether the server is read-only for this reader. If so, say that it does not `action`."""
    if _read_only.is_read_only():
        st.info(
            f"This server is read-only and does not {action}. Run qfusion on your own machine for that.",
            icon=":material/lock:",
        )
    return _read_only.is_read_only()
