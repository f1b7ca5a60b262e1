"""The address at which a browser fetches a sample's recording, piece by piece.

An address is given for a recording when a page draws it, and cannot be guessed. It serves the file as it was joined,
or a copy of a part of it, or of a kind that browsers play.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from qfusion.errors import QFusionError

if TYPE_CHECKING:  # the server answers before these are loaded
    from qfusion.data.sample_content import Clip
from qfusion.ui.server_addresses import address_below

_MOST = 4096  # addresses that are good at a time
ISSUED: OrderedDict[Clip, str] = OrderedDict()  # the ends of their addresses
_guard = threading.Lock()


def clip_address(clip: Clip) -> str:
    """Return the address from which a browser fetches a recording. It is valid until `_MOST` others have been given."""
    with _guard:
        name = ISSUED.setdefault(clip, secrets.token_urlsafe(24))
        ISSUED.move_to_end(clip)
        while len(ISSUED) > _MOST:
            ISSUED.popitem(last=False)
        return address_below(f"recordings/{name}")


async def answer_recording(request: Request) -> Response:
    from qfusion.data import clips, media_types
    from qfusion.ui import recordings

    with _guard:
        given = {name: clip for clip, name in ISSUED.items()}
    clip = given.get(request.path_params["name"])
    if clip is None or not await asyncio.to_thread(clips.is_unchanged, clip):
        return PlainTextResponse("Open the sample's page again.", 404)
    try:
        path = await recordings.file_of(clip, request.is_disconnected)
    except QFusionError as error:
        return PlainTextResponse(str(error), 422)
    return FileResponse(
        path,
        media_type=media_types.TYPES[path.suffix.lower()],
        headers={"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"},
    )
