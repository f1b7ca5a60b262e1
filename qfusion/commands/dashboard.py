"""`qfusion app`: starts the dashboard."""

import os
import socket
from typing import Annotated

import typer

from qfusion._checks import check
from qfusion.commands.common import Folders, add_models
from qfusion.errors import InvalidInput


def dashboard(
    more: typer.Context,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Port to listen on; 8501 by default, or the next one that is free.",
        ),
    ] = None,
    address: Annotated[
        str,
        typer.Option(
            help="Address to listen on. The default is reached from this machine alone; with "
            "0.0.0.0 everybody in its network may use the app, which is then read-only."
        ),
    ] = "127.0.0.1",
    host: Annotated[
        list[str] | None,
        typer.Option(
            help="Name by which browsers may call the server, beside localhost and the address; "
            "repeat it for more, `*.example.org` for all below a name."
        ),
    ] = None,
    model: Folders = None,
    allow_uploads: Annotated[
        bool,
        typer.Option(
            "--allow-uploads",
            help="Let everybody who reaches the server bring files, train and delete.",
        ),
    ] = False,
) -> None:
    """Start the dashboard, and print its address. Further options are handed to Streamlit: `--theme.base dark`."""
    check(
        not more.args or more.args[0].startswith("-"),
        f"`app` takes options only, but was given '{' '.join(more.args)[:100]}'. Leave that out.",
    )
    add_models(model)
    _try_to_listen(address, port)
    from qfusion.app import requests, server

    if allow_uploads:
        os.environ[requests.ALLOW_UPLOADS] = "1"
    hosts = [*(host or []), *requests.LOOPBACK, address]
    options = ["--server.address", address]
    if port is not None:
        options += ["--server.port", str(port)]
    for name in hosts:
        options += ["--server.allowedHosts", name]
    # otherwise Streamlit asks others for the public address of a machine that listens on all
    options += ["--browser.serverAddress", hosts[0]]
    server.serve([*options, *more.args])


def _try_to_listen(address: str, port: int | None) -> None:
    check(
        bool(address.strip()),
        "Argument `--address` is empty. Leave it out, or name an address of this machine such as 127.0.0.1.",
    )
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address, port or 0, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":  # as servers do; elsewhere it would let two listen on one port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        where = f"address '{address}'" + ("" if port is None else f", port {port}")
        raise InvalidInput(
            f"The app cannot listen on {where}: {error.strerror or error}. Give another `--port`, or an "
            "`--address` of this machine."
        ) from error
