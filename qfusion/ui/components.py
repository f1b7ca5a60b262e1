"""Components with a script of their own on a page, and the player of recordings."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import streamlit as st

from plotly_live.scripts import script_text
from qfusion import _assets
from qfusion.data.sample_content import Clip
from qfusion.ui import recording_addresses

# Scripts that come before that of a component, in one module with it: of plotly_live, and our own.
LIVE_SCRIPTS = {"knobs": ("follow",)}
SHARED_SCRIPTS = {"knobs": ("follow",)}


@lru_cache
def component(name: str) -> Any:
    """Return the component that the script of this name draws on a page."""
    own = (*SHARED_SCRIPTS.get(name, ()), name)
    scripts = [script_text(part) for part in LIVE_SCRIPTS.get(name, ())]
    scripts += [_assets.asset_text(f"{part}.js") for part in own]
    return st.components.v2.component(
        f"qfusion_{name}", js="\n".join(scripts), isolate_styles=False
    )


def component_key(name: str) -> str:
    """Return the key of a component that is called by a name, which may hold the name of a modality or a set.

    Streamlit takes no key with two underscores side by side, or one at its end: between them and an event's name stand
    two. Such a name is told by its digest.
    """
    if "__" not in name and not name.endswith("_"):
        return name
    plain = re.sub("_+", "-", name).strip("-")
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def play(
    key: str,
    label: str,
    clip: Clip | None = None,
    *,
    bound: str = "",
    strip: str = "",
    peaks: Sequence[tuple[str, float, str]] = (),
) -> None:
    """Play a recording, and has a playhead follow it over a strip.

    Args:
        key: of the element. label: what is played, for those who do not see it.
        clip: the recording, a video or a sound; without it, what `bound`, a selector, finds on the page plays.
        strip: name of the panel over which the playhead goes and that is clicked to play from there.
        peaks: buttons to play from a moment: name, seconds, and what is said of it.
    """
    if clip is None:
        kind = "video"
        source = ""
    else:
        kind = clip.kind
        source = recording_addresses.clip_address(clip)
    strip_selector = ""
    if strip:
        strip_selector = f".st-key-{component_key(f'figure-{strip}')} .qf-figure"
    component("player")(
        key=component_key(key),
        data={
            "kind": kind,
            "source": source,
            "label": label,
            "failed": "This recording cannot be played: it was moved or changed, or your browser does not support "
            "its format.",
            "bound": bound,
            "strip": strip_selector,
            "peaks": [{"name": name, "time": time, "title": title} for name, time, title in peaks],
        },
    )
