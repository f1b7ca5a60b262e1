"""The panels of a sweep: what its trials reached over time, by setting, all at once, and which setting matters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._sentences import listed, top
from qfusion.analysis.learning.sweep_trials import ENOUGH, Trials
from qfusion.figures.draw import sweep as sweep_figures
from qfusion.figures.style import Theme
from qfusion.panels.core import allowed as say
from qfusion.panels.core import spoken
from qfusion.panels.core.opened import sources
from qfusion.panels.core.panel import Panel, Picture, within
from qfusion.runs import storage
from qfusion.runs.settings import KINDS


def history(trials: Trials, theme: Theme = "light") -> Picture:
    """What each trial reached, and the best so far."""
    what = trials.judged
    named = [f"trial {number}" for number in trials.numbers]
    return Picture(
        "sweep-history",
        f"{what} over trials",
        sweep_figures.history(
            trials.numbers,
            trials.values,
            trials.pruned,
            smaller=trials.smaller,
            y_title=what,
            theme=theme,
        ),
        shows=f"the {what} of each of {len(trials.numbers)} trials that have ended, and the best of the finished ones "
        "so far.",
        not_shown="what the test rows would say: they are not looked at.",
        alt=f"{what} by trial: {spoken.listed(named, trials.values, '.3g')}.",
        table=trials.table,
    )


def slices(trials: Trials, theme: Theme = "light") -> Picture:
    """What each trial reached, against each setting."""
    what = trials.judged
    return Picture(
        "sweep-slices",
        f"{what} against each setting",
        sweep_figures.slices(
            trials.values,
            trials.pruned,
            trials.tried,
            trials.logarithmic,
            best=trials.place,
            y_title=what,
            theme=theme,
        ),
        shows=f"each of {len(trials.numbers)} trials in every plot; hollow ones were stopped early, the ring is the "
        "best.",
        not_shown="one setting with the others held: they all differ from trial to trial.",
        alt=f"{what} of {len(trials.numbers)} trials against {', '.join(trials.tried)}.",
        table=trials.table,
    )


def importance(trials: Trials, theme: Theme = "light") -> Picture:
    """Which share of the differences between trials each setting explains; only with enough finished trials."""
    names, shares = list(trials.importance), np.array(list(trials.importance.values()))
    check(
        bool(names),
        f"How much each setting matters needs {ENOUGH} finished trials of two settings or more.",
    )
    return Picture(
        "sweep-importance",
        matters_most(trials.importance, len(trials.finished)),
        sweep_figures.importance(names, shares, theme),
        shows=f"which share of the differences in {trials.judged} between {len(trials.finished)} finished trials each "
        "setting explains (fANOVA, a random forest fitted to them: rough with few trials).",
        not_shown="in which direction, nor whether it would matter outside the range that was searched.",
        alt=f"Importance of the settings: {spoken.listed(names, shares)}.",
        table=lambda: pd.DataFrame({"setting": names, "importance": shares}),
    )


def matters_most(importance: Mapping[str, float], n: int) -> str:
    """Which setting explains the largest share of the differences between trials, in percent; n finished ones."""
    first = top(importance)
    if round(importance[first[0]], 2) == 0:
        return f"No setting explains the differences between {n} trials"
    names, share = listed([f"`{name}`" for name in first]), f"{importance[first[0]]:.0%}"
    if len(first) == 1:
        return f"{names} explains most of the differences between {n} trials that one setting does ({share})"
    return f"{names} explain the differences between {n} trials alike ({share} each)"


def together(trials: Trials, theme: Theme = "light") -> Picture:
    """Each finished trial as a line through all its settings."""
    what, places = trials.judged, trials.finished
    check(len(places) > 0, "No trial has finished yet: all were stopped early or failed.")
    tried = {key: [given[place] for place in places] for key, given in trials.tried.items()}
    return Picture(
        "sweep-together",
        "All settings at once",
        sweep_figures.parallel(
            trials.values[places],
            tried,
            trials.logarithmic,
            smaller=trials.smaller,
            y_title=what,
            theme=theme,
        ),
        shows=f"a line for each of {len(places)} finished trials; the better, the redder. Drag along an axis to pick a "
        "part of it.",
        not_shown="trials that were stopped early.",
        alt=f"Parallel coordinates of {', '.join(tried)} and {what}, for {len(places)} trials.",
        table=trials.table,
    )


SWEEP_VIEWS = ("Trials", "Settings against value", "All settings at once")


def ended(trials: Trials) -> bool:
    """Whether some trial has ended."""
    return bool(len(trials.numbers))


def _allowed_sweep() -> dict[str, say.Allowed]:
    """What an address may say of the sweep that is shown, and of the form of a new one."""
    return {
        "sweep": say.options("Sweep", storage.names(), "The last one is shown."),
        "sweep.view": say.options("View", SWEEP_VIEWS, "The first is shown."),
        "sweep.data": say.options("Data set", sources(), "The first is taken."),
        "sweep.kind": say.options("Kind of model", KINDS, "The first is taken."),
    }


SWEEP = {
    "sweep-history": Panel(
        history,
        fits=ended,
        opens=within("sweep.view", SWEEP_VIEWS, SWEEP_VIEWS[0]),
        subject="trials",
    ),
    "sweep-slices": Panel(
        slices,
        fits=ended,
        opens=within("sweep.view", SWEEP_VIEWS, SWEEP_VIEWS[1]),
        subject="trials",
    ),
    "sweep-importance": Panel(
        importance,
        fits=lambda trials: ended(trials) and bool(trials.importance),
        opens=within("sweep.view", SWEEP_VIEWS, SWEEP_VIEWS[1]),
        subject="trials",
    ),
    "sweep-together": Panel(
        together,
        fits=ended,
        opens=within("sweep.view", SWEEP_VIEWS, SWEEP_VIEWS[2]),
        subject="trials",
    ),
}
