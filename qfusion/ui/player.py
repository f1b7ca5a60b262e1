"""Recordings on a page: what plays a sample's, and the address at which a browser fetches it, piece by piece, from the
disk.

An address is given for a recording when a page of its set draws it, and cannot be guessed. What lies there is the file
as it was joined, or, of a part of a file and of kinds that browsers do not play, a copy of that part.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from qfusion import _files
from qfusion.errors import QFusionError

if TYPE_CHECKING:  # the server answers before these are loaded
    from qfusion.data.spec import Clip

_FOLDER = "recordings"
_MOST = 4096  # addresses that are good at a time
_AS_THEY_ARE = (".mp4", ".webm", ".wav", ".mp3", ".flac", ".ogg")
_given: OrderedDict[Clip, str] = OrderedDict()  # the ends of their addresses
_guard = threading.Lock()
_copies = threading.Semaphore(2)  # made at a time


def _base() -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' + base if base else ''}/{_FOLDER}"


def address(clip: Clip) -> str:
    """Returns where a browser fetches a recording, good until `_MOST` others were given since."""
    with _guard:
        name = _given.setdefault(clip, secrets.token_urlsafe(24))
        _given.move_to_end(clip)
        while len(_given) > _MOST:
            _given.popitem(last=False)
        return f"{_base()}/{name}"


def route() -> Route:
    """What answers at these addresses."""
    return Route(f"{_base()}/{{name}}", _answer)


def _answer(request: Request) -> Response:
    from qfusion.data import media

    with _guard:
        clips = {name: clip for clip, name in _given.items()}
    clip = clips.get(request.path_params["name"])
    if clip is None or clip.path.resolve() != clip.path:  # such as a link that took its place
        return PlainTextResponse("Open the sample's page again.", 404)
    try:
        with _copies:
            path = _file(clip)
    except QFusionError as error:
        return PlainTextResponse(str(error), 422)
    return FileResponse(
        path,
        media_type=media.TYPES[path.suffix.lower()],
        headers={"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"},
    )


def _file(clip: Clip) -> Path:
    """The file itself where all of it is the sample and browsers play its kind, else a copy of the sample's part."""
    from qfusion.data import clips, media

    if clip.path.suffix.lower() in _AS_THEY_ARE and clip.start == 0:
        facts = media.probe(clip.path)
        whole = clip.end is None or clip.end >= facts.seconds - 0.05
        if whole and (clip.kind == "audio" or facts.seconds > media.MAX_SECONDS):
            return clip.path
    return clips.portable(clip)


@lru_cache
def component(name: str) -> Any:
    """What the script of a name draws on a page."""
    return st.components.v2.component(
        f"qfusion_{name}", js=_files.asset_text(f"{name}.js"), isolate_styles=False
    )


def draw(
    key: str,
    label: str,
    clip: Clip | None = None,
    *,
    bound: str = "",
    strip: str = "",
    peaks: Sequence[tuple[str, float, str]] = (),
) -> None:
    """Plays a recording, and has a playhead follow it over a strip.

    Args:
        key: of the element. label: what is played, for those who do not see it.
        clip: the recording, a video or a sound; without it, what `bound`, a selector, finds on the page plays.
        strip: name of the panel over which the playhead goes and that is clicked to play from there.
        peaks: buttons to play from a moment: name, seconds, and what is said of it.
    """
    component("player")(
        key=key,
        data={
            "kind": "video" if clip is None else clip.kind,
            "source": "" if clip is None else address(clip),
            "label": label,
            "failed": "This recording cannot be played here: it was moved or changed, or your browser does not know "
            "its kind.",
            "bound": bound,
            "strip": f".st-key-figure-{strip} .qf-figure" if strip else "",
            "peaks": [{"name": name, "time": time, "title": title} for name, time, title in peaks],
        },
    )
