"""Permissions of a visitor: to import data and models, and to train.

A reader on the server's own machine may do everything, others nothing unless the variables QFUSION_IMPORT and
QFUSION_TRAIN allow it.
"""

import contextlib
import ipaddress
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from qfusion import _read_only
from qfusion._checks import check
from qfusion.ui.access import LOGIN, PROXY, auth

VARIABLE, TRAIN = "QFUSION_IMPORT", "QFUSION_TRAIN"
LEVELS, ANSWERS = ("none", "upload", "path"), ("yes", "no")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def check_variables() -> None:
    """Raise InvalidInput if a variable has an invalid value, or if readers must log in and no login provider is
    configured. This is checked when the server starts.
    """
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
    """Return the value of an environment variable on what visitors may do. If the variable does not say, the value
    is `local` for a reader on this machine and `remote` for a reader elsewhere. On a read-only server it is always
    `remote`.
    """
    value = os.environ.get(variable, "")
    if _read_only.is_read_only():
        return remote
    if value in known:
        return value
    return local if is_local() else remote


def level() -> str:
    """Return what a visitor may do: "path" (read files of the server's machine, upload, remove), "upload", or "none".

    QFUSION_IMPORT says; where it does not, everything is allowed to a reader whose server listens on the loopback
    address and was not asked through a proxy, and nothing to anybody else.
    """
    return _answer(VARIABLE, LEVELS, "path", "none")


def may_train() -> bool:
    """Whether a visitor may begin, stop and delete runs and sweeps: as QFUSION_TRAIN says, else who `is_local`."""
    return _answer(TRAIN, ANSWERS, "yes", "no") == "yes"


def check_train() -> None:
    """Raise InvalidInput for a visitor who may not train. The buttons of such a form check this again."""
    check(
        may_train(),
        f"On this server runs are not begun, stopped or deleted in the browser. Have {TRAIN}=yes set.",
    )


def training(act: Callable[..., object], *words: Any) -> None:
    """Carry out an action on trainings, for a visitor who may train. Errors are as for `check_train`."""
    check_train()
    act(*words)


def says_read_only(what: str) -> bool:
    """Return whether this server is read-only. If so, draw a message that it does not do `what`."""
    if _read_only.is_read_only():
        st.info(
            f"This server is read-only and does not {what}. Run qfusion on your own machine for that.",
            icon=":material/lock:",
        )
    return _read_only.is_read_only()


def says_no_training(what: str, command: str) -> bool:
    """Whether this visitor may not train; says so then.

    Args:
        what: is not done here: "begin a sweep". command: that does it on the server's own machine.
    """
    if says_read_only(what):
        return True
    if not may_train():
        st.info(
            f"Visitors cannot {what} here, since this server accepts remote users. Use `{command}` on its "
            f"machine, or set {TRAIN}=yes.",
            icon=":material/lock:",
        )
    return not may_train()


def is_local() -> bool:
    """Return whether server and reader are on the same machine, as far as can be determined. The checks are the
    address that the server listens on, the name by which the browser calls it, and the route of the request. A proxy
    may hide the requested name, but not the page's origin.
    """
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
    """Return whether a name or address is the machine's own, reachable only by its own programs."""
    with contextlib.suppress(ValueError):  # a name
        return ipaddress.ip_address(name).is_loopback
    return name in LOOPBACK


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
