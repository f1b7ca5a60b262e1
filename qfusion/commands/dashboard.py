"""`app`: the dashboard."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from qfusion import _places, _read_only
from qfusion._checks import check
from qfusion.errors import InvalidInput

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}  # to Streamlit


def dashboard(
    more: typer.Context,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Port to listen on; 8501 unless given, or the next one that is free.",
        ),
    ] = None,
    address: Annotated[
        str,
        typer.Option(
            help="Address to listen on. The default is reached from this machine alone; with "
            "0.0.0.0 everybody in its network may use the app."
        ),
    ] = "127.0.0.1",
    model: Annotated[
        list[Path] | None,
        typer.Option(
            "--model",
            metavar="FOLDER",
            help="Open this model too, where it lies: the folder that `train --out` "
            "made, or a card. May be given several times.",
        ),
    ] = None,
    read_only: Annotated[
        bool,
        typer.Option(
            "--read-only",
            help="Show only: no uploads, no paths of this machine, no training, "
            "nothing kept or removed.",
        ),
    ] = False,
) -> None:
    """Start the dashboard, and print its address. Further options are handed to Streamlit: `--theme.base dark`."""
    check(
        not more.args or more.args[0].startswith("-"),
        f"`app` takes options only, but was given '{' '.join(more.args)[:100]}'. Leave that out.",
    )
    _open(model or [])
    _try_to_listen(address, port)
    if read_only:
        os.environ[_read_only.VARIABLE] = "1"
    from qfusion.ui.server import serve

    serve(
        [
            "--server.address",
            address,
            *([] if port is None else ["--server.port", str(port)]),
            *more.args,
        ]
    )


def _open(models: list[Path]) -> None:
    """Adds models to those that the app finds by name; each must be one, under a name that is free."""
    from qfusion.runs.folder import check_name
    from qfusion.training import checkpoint

    for place in models:
        name, card = checkpoint.place_of(place)
        check(
            card.is_file(),
            f"Argument `--model` must name the folder that `train --out` made, or a card, but "
            f"{place} holds no {card.name}. A training that has not ended has no model yet.",
        )
        check_name(name)
        checkpoint.load(card)
        check(
            os.pathsep not in str(card.absolute()),
            f"Argument `--model` must name a folder whose path is without '{os.pathsep}', but is {place}. Rename it.",
        )
        os.environ[_places.OPENED] = os.pathsep.join(
            [*map(str, _places.opened()), str(card.absolute())]
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
