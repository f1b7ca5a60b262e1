"""Which requests the server answers: those with a known host name that come from its own pages.

A browser says by which name it calls (the header `Host`) and whose page asks (`Origin`). A page of another site can
have its own name lead to this machine, or open a websocket to it; both are refused before Streamlit hears of them.
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import streamlit as st
from streamlit import config, net_util

from qfusion.ui import access, permissions

HEALTH, METRICS = "/_stcore/health", "/_stcore/metrics"
_PORTS = {"http": 80, "https": 443}


def refusal(path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
    """Return the status and the reason with which a request is refused; None where it is answered.

    Args:
        path: of its address. headers: by names that do not depend on capitals.
    """
    path, host, origin = path.rstrip("/"), headers.get("host", ""), headers.get("origin")
    if not _knows(host):
        return 421, (
            f"This server is not called {host[:80]!r}. Call it by localhost, or have the option server.allowedHosts "
            "name it."
        )
    if origin is not None and not _allows(origin, host):
        return 403, (
            f"Pages of {origin[:80]!r} may not use this server, which is called {host[:80]!r}. A proxy must keep the "
            "header Host with its port, or have the option server.corsAllowedOrigins name the page's address."
        )
    if path.endswith(METRICS):
        return 404, "This server tells nobody its measurements."
    if access.demands_proxy() and not headers.get("x-forwarded-for") and not path.endswith(HEALTH):
        return 403, (
            f"{access.PROXY} is yes: a proxy must pass every request on, and send the header X-Forwarded-For."
        )
    return None


def settle_names() -> None:
    """Decide, when the server starts, by which host names it can be called. Any name is allowed, unless it listens
    on the loopback address or the option `server.allowedHosts` names some. Streamlit, which checks only websockets,
    then uses the same names.
    """
    named = list(st.get_option("server.allowedHosts"))
    address = st.get_option("server.address") or ""
    local = permissions.is_loopback(address)
    if not named and not local:
        return
    names = {*named, *permissions.LOOPBACK}
    if local:
        names.add(address)
    if config.is_manually_set("browser.serverAddress"):
        names.add(st.get_option("browser.serverAddress"))
    login = _parts(str(access.auth().get("redirect_uri", "")))
    if login is not None:
        names.add(_name(login))
    config.set_option("server.allowedHosts", sorted(names), "qfusion")


def stay_here() -> None:
    """Prevent Streamlit from asking others for this machine's public address. It did so at start if it listened on
    all addresses, and for every request of another site's page, while all readers waited.
    """
    net_util.get_external_ip = lambda: None


def _knows(host: str) -> bool:
    """Whether the server may be called so."""
    names = [name.strip().lower().rstrip(".") for name in st.get_option("server.allowedHosts")]
    if not names or "*" in names:
        return True
    address = _parts(f"//{host}")
    called = "" if address is None else _name(address)
    endings = tuple(name[1:] for name in names if name.startswith("*."))
    return called in names or (bool(endings) and called.endswith(endings))


def _allows(origin: str, host: str) -> bool:
    """Return whether pages of an origin may use the server that is called `host`. Allowed are its own pages and
    those that the option `server.corsAllowedOrigins` names, or all if `server.enableCORS` is off.
    """
    if not st.get_option("server.enableCORS"):
        return True
    page = _place(origin)
    if page is None:
        return False
    own = _place(
        f"{page.scheme}://{host}"
    )  # behind a proxy the server cannot know whether it is reached by TLS
    others = [_place(address.strip()) for address in st.get_option("server.corsAllowedOrigins")]
    return page in (own, *others)


class _Place(NamedTuple):
    """Origin of pages: scheme, name and port."""

    scheme: str
    name: str
    port: int


def _place(origin: str) -> _Place | None:
    """Return the scheme, name and port of an origin, or None if it is not a valid origin."""
    parts = _parts(origin)
    if parts is None or parts.scheme not in _PORTS or not parts.hostname:
        return None
    return _Place(parts.scheme, _name(parts), parts.port or _PORTS[parts.scheme])


def _parts(address: str) -> SplitResult | None:
    """An address of nothing but scheme, name and port, or None; a path is left out."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    return None if parts.hostname is None or "@" in parts.netloc else parts


def _name(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".")
