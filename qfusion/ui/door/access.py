"""Who may bring data and who may train: everybody on the reader's own machine, nobody from elsewhere unless whoever
runs the server says so."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import streamlit as st

from qfusion import _read_only
from qfusion._checks import check

VARIABLE, TRAIN = "QFUSION_IMPORT", "QFUSION_TRAIN"
LEVELS, ANSWERS = ("none", "upload", "path"), ("yes", "no")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PASSED_ON = (
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-Ip",
    "Via",
)


def check_variables() -> None:
    """Raises InvalidInput when a variable holds what it cannot; asked when the server starts."""
    for name, known in ((VARIABLE, LEVELS), (TRAIN, ANSWERS)):
        said = os.environ.get(name, "")
        check(
            not said or said in known,
            f"{name} must be one of {', '.join(known)}, but is {said[:40]!r}.",
        )


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


def may_train() -> bool:
    """Whether a visitor may begin, stop and delete runs and sweeps: as QFUSION_TRAIN says, else who `is_local`."""
    if _read_only.is_on():
        return False
    said = os.environ.get(TRAIN, "")
    return said == "yes" if said in ANSWERS else is_local()


def check_train() -> None:
    """Raises InvalidInput for a visitor who may not train; what a button of such a form does asks again."""
    check(
        may_train(),
        f"On this server runs are not begun, stopped or deleted in the browser. Have {TRAIN}=yes set.",
    )


def says_read_only(what: str) -> bool:
    """Whether this server only shows; says so then, in the place of `what` it does not do."""
    if _read_only.is_on():
        st.info(
            f"This server shows, and does not {what}. Run qfusion on a machine of your own for that.",
            icon=":material/lock:",
        )
    return _read_only.is_on()


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
    if st.get_option("server.address") not in _LOOPBACK:
        return False
    headers = st.context.headers
    called = [f"//{headers.get('Host') or 'localhost'}", headers.get("Origin") or "//localhost"]
    return all(_host(each) in _LOOPBACK for each in called) and not any(
        headers.get(name) for name in _PASSED_ON
    )


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
