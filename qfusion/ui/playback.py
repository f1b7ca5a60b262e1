"""Cursors that play: over a figure's own cursor, and over the epochs of a training."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from qfusion import _checks
from qfusion.analysis import background_choice, opening
from qfusion.panels import pickers
from qfusion.training import checkpoint_folders
from qfusion.ui import state


def play_cursor(key: str, stops: Mapping[Any, str], most: int = 41, pace: float = 8) -> None:
    """Draw the button that plays all figures that follow a cursor. Their states at its stops are made once, by
    `ui.panels`, and drawn in the browser.

    Args:
        key: of the cursor. stops: where it can halt, with what is written there.
        most: of these that are taken, evenly. pace: of how many a second, in five seconds at least.
    """
    halts, count = [*stops.items()], min(len(stops), most)
    taken = dict(halts[n * (len(halts) - 1) // max(count - 1, 1)] for n in range(count))
    st.button(
        "Play",
        key=f"_play{key}",
        icon=":material/play_arrow:",
        help="Plays the figures from the start to the end of the cursor.",
        on_click=lambda: state.put(
            state.PLAYS, (now := time.monotonic(), now, key, taken, max(5.0, count / pace))
        ),
    )


def replace_model(scope: Any, model: str) -> Any:
    """A sample, or a study, of another model of the same training, compared with the same kind of background."""
    study = getattr(scope, "study", scope)
    behind = study.background
    _checks.check(
        behind.kind != "cohort", "Saved cohorts are not compared with through a training."
    )
    other = background_choice.with_background(
        opening.open_study(model, study.dataset.name), behind.kind, behind.label
    )
    return replace(scope, study=other) if scope is not study else other


EPOCH, _LAST = "_epoch", "end"


def draw_replay(model: str) -> None:
    """Draw a cursor over the epochs after which the model was saved, if there are any."""
    name, _, epoch = model.partition(checkpoint_folders.AFTER)
    if epochs := checkpoint_folders.saved_epochs(model):
        state.put(EPOCH, epoch or _LAST)
        st.select_slider(
            "After epoch",
            [*map(str, epochs), _LAST],
            key=EPOCH,
            on_change=_epoch_changed,
            args=(name,),
            width=190,
            help="All pages show the model after this epoch of its training.",
        )
        stops = {f"{name}{checkpoint_folders.AFTER}{at}": f"after epoch {at}" for at in epochs}
        play_cursor(EPOCH, stops | {name: "trained"}, most=12)


def _epoch_changed(name: str) -> None:
    epoch = state.get(EPOCH)
    there = name if epoch == _LAST else f"{name}{checkpoint_folders.AFTER}{epoch}"
    if there in pickers.models():
        state.put(pickers.MODEL.key, there)
