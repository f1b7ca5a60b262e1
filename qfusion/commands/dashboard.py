"""`qfusion app`: starts the dashboard."""

import os
import socket
from typing import Annotated

import typer

from qfusion import _read_only
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
            "0.0.0.0 everybody in its network may use the app."
        ),
    ] = "127.0.0.1",
    model: Folders = None,
    read_only: Annotated[
        bool,
        typer.Option(
            "--read-only",
            help="Show only: no uploads, no paths of this machine, no training, "
            "nothing kept or removed.",
        ),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            max=64,
            help="Servers behind the address, for many readers: nginx, which must be installed, keeps every reader "
            "with one of them.",
        ),
    ] = 1,
) -> None:
    """Start the dashboard, and print its address. Further options are handed to Streamlit: `--theme.base dark`."""
    check(
        not more.args or more.args[0].startswith("-"),
        f"`app` takes options only, but was given '{' '.join(more.args)[:100]}'. Leave that out.",
    )
    add_models(model)
    _try_to_listen(address, port or (8501 if workers > 1 else None))
    if read_only:
        os.environ[_read_only.READ_ONLY] = "1"
    if workers > 1:
        from qfusion.ui import workers as several

        several.serve(workers, address, port or 8501, more.args)
        return
    from qfusion.ui.server import serve

    serve(
        [
            "--server.address",
            address,
            *([] if port is None else ["--server.port", str(port)]),
            *more.args,
        ]
    )


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
