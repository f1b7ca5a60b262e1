"""Components with a script of their own on a page, and the playhead of recordings."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import streamlit as st

from plotly_live.scripts import script_text
from qfusion import plugin

# Scripts that come before that of a component, in one module with it: of plotly_live, and our own.
LIVE_SCRIPTS = {"knobs": ("follow",)}
SHARED_SCRIPTS = {"knobs": ("follow",)}


@lru_cache
def component(name: str) -> Any:
    """Return the component that the script of this name draws on a page.

    Streamlit registers it once for the process, so that no cache may forget it that makes room for others.
    """
    own = (*SHARED_SCRIPTS.get(name, ()), name)
    scripts = [script_text(part) for part in LIVE_SCRIPTS.get(name, ())]
    scripts += [plugin.asset_text(f"{part}.js") for part in own]
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


def follow_player(
    key: str,
    player: str,
    strip: str,
    start: float,
    peaks: Sequence[tuple[str, float, str]],
) -> None:
    """Have a playhead follow a player over a strip.

    Args:
        key: of the element.
        player: selector of the video or sound.
        strip: name of the panel over which the playhead goes and that is clicked to play from there.
        start: seconds of the player at which the strip begins.
        peaks: buttons to play from a moment: name, seconds from the begin of the strip, and what is said of it.
    """
    component("player")(
        key=component_key(key),
        data={
            "player": player,
            "strip": f".st-key-{component_key(f'figure-{strip}')} .qf-figure",
            "start": start,
            "peaks": [{"name": name, "time": time, "title": title} for name, time, title in peaks],
        },
    )
