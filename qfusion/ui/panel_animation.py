"""Animation of a panel along a cursor: its figures are made once, and played in the browser.

See `playback.play_cursor`.
"""

import time
from dataclasses import replace
from functools import partial

from qfusion.panels.panel import Panel, PanelFigure, build_animation
from qfusion.ui import playback, state

_MAX_WAIT = 5  # seconds in which a figure begins with it, since Play or since the figure before


def animate(build: partial[PanelFigure], panel: Panel) -> PanelFigure:
    """A picture, with how it changes where its cursor, or the one over a training, is to be played."""
    since, turn, key, stops, seconds = state.get(state.PLAYS) or (-_MAX_WAIT, 0.0, "", {}, 0.0)
    late = time.monotonic() - since > _MAX_WAIT
    picture, (scope, *rest) = build(), build.args
    if late or picture.figure is None:
        return picture
    if key == playback.EPOCH and panel.scope in ("sample", "study"):

        def draw_trained(model: str) -> PanelFigure:
            return build.func(playback.replace_model(scope, model), *rest, **build.keywords)

        builds = {label: partial(draw_trained, model) for model, label in stops.items()}
    elif panel.cursor and panel.cursor[1] == key:
        builds = {label: partial(build, **{panel.cursor[0]: at}) for at, label in stops.items()}
    else:
        return picture
    if not (film := build_animation(builds)):
        return picture
    state.put(state.PLAYS, (time.monotonic(), turn, key, stops, seconds))
    return replace(picture, film={**film, "turn": turn, "seconds": seconds})
