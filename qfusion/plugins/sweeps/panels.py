"""The panels of a sweep: trials over time, against each setting, in parallel coordinates, and setting importance."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._sentences import count, listed
from qfusion.plugins.sweeps import figures, sweep_storage
from qfusion.plugins.sweeps.sweep_trials import ENOUGH, Trials
from qfusion.views.pages import page_state, panel, params, train
from qfusion.views.view import View
from qfusion.views.words import rules

MOST_NAMED = 3  # settings of the best trial that a title names


def history(trials: Trials) -> View:
    """Draw the value that each trial reached, and the best value so far."""
    what = trials.metric_title
    figure = figures.trial_history(
        trials.numbers, trials.values, trials.pruned, smaller=trials.smaller, y_title=what
    )
    alt = f"{what} by trial: {rules.list_numbers(map('trial {}'.format, trials.numbers), trials.values, '.3g')}."
    return View(
        name="sweep-history",
        title=describe_best(trials),
        figure=figure,
        caption=f"the {what} of each of {len(trials.numbers)} trials that have ended, and the best of the finished "
        "ones "
        "so far.",
        limits="Test rows are not looked at.",
        alternative=alt,
        table=trials.table,
    )


def slices(trials: Trials) -> View:
    """Draw the value that each trial reached, against each setting."""
    what = trials.metric_title
    figure = figures.setting_slices(
        trials.values,
        trials.pruned,
        trials.tried,
        trials.logarithmic,
        best=trials.place,
        y_title=what,
    )
    alt = f"{what} of {len(trials.numbers)} trials against {', '.join(trials.tried)}."
    return View(
        name="sweep-slices",
        title=describe_best_settings(trials),
        figure=figure,
        caption=f"each of {len(trials.numbers)} trials in every plot; hollow ones were stopped early, the ring is the "
        "best.",
        limits="The other settings are not held fixed: they all differ from trial to trial.",
        alternative=alt,
        table=trials.table,
    )


def importance(trials: Trials) -> View:
    """Draw which share of the differences between trials each setting explains; only with enough finished trials."""
    names = list(trials.importance)
    shares = np.array(list(trials.importance.values()))
    check(
        bool(names),
        f"How much each setting matters needs {ENOUGH} finished trials of two settings or more.",
    )
    return View(
        name="sweep-importance",
        title=describe_importance(trials.importance, len(trials.finished)),
        figure=figures.setting_importance(names, shares),
        caption=f"which share of the differences in {trials.metric_title} between {len(trials.finished)} finished "
        "trials each setting explains (fANOVA, a random forest fitted to them: rough with few trials).",
        limits="Importance has no direction, and holds only within the range that was searched.",
        alternative=f"Importance of the settings: {rules.list_numbers(names, shares)}.",
        table=lambda: pd.DataFrame({"setting": names, "importance": shares}),
    )


def describe_best(trials: Trials, within: bool = False) -> str:
    """Describe which finished trial is the best so far, as a title or `within` a sentence."""
    if trials.best is None:
        return f"{trials.metric_title} over trials, none of which has finished"
    start = "trial" if within else "Trial"
    return f"{start} {trials.best.number} is the best so far: {trials.metric_title} {trials.best.value:.4g}"


def describe_best_settings(trials: Trials) -> str:
    """Describe the searched settings of the best trial, as a title."""
    if trials.best is None:
        return describe_best(trials)
    settings = [
        f"`{key}` {value:.4g}" if isinstance(value, float) else f"`{key}` {value}"
        for key, value in trials.sweep.settings(trials.best).items()
        if key in trials.sweep.search.space
    ]
    named = listed(settings[:MOST_NAMED])
    if len(settings) > MOST_NAMED:
        named += f" and {count(len(settings) - MOST_NAMED, 'other')}"
    return f"{trials.metric_title} is best with {named}"


def describe_importance(importance: Mapping[str, float], n: int) -> str:
    """Describe which setting explains the largest share of the differences between trials, in percent.

    N finished ones.
    """
    return rules.describe_extremum(
        importance,
        none="No setting explains the differences between {n} trials",
        one="{names} matters most: it explains {value:.0%} of the differences between {n} trials",
        some="{names} matter alike: each explains {value:.0%} of the differences between {n} trials",
        name="`{}`".format,
        n=n,
    )


def parallel_coordinates(trials: Trials) -> View:
    """Draw each finished trial as a line through all its settings."""
    what = trials.metric_title
    places = trials.finished
    check(len(places) > 0, "No trial has finished yet: all were stopped early or failed.")
    tried = {key: [given[place] for place in places] for key, given in trials.tried.items()}
    figure = figures.parallel_coordinates(
        trials.values[places], tried, trials.logarithmic, smaller=trials.smaller, y_title=what
    )
    return View(
        name="sweep-together",
        title=f"Of {count(len(places), 'finished trial')}, {describe_best(trials, within=True)}",
        figure=figure,
        caption=f"a line for each of {len(places)} finished trials; the better, the redder. Drag along an axis to pick "
        "a "
        "part of it.",
        limits="Trials that were stopped early are not drawn.",
        alternative=f"Parallel coordinates of {', '.join(tried)} and {what}, for {len(places)} trials.",
        table=trials.table,
    )


VIEWS = ("Trials", "Settings against value", "All settings at once")


def has_finished_trials(trials: Trials) -> bool:
    """Return whether some trial has ended."""
    return bool(len(trials.numbers))


NAME = params.SelectParam(
    "sweep", "Sweep", "The last one is shown.", values=lambda _: sweep_storage.sweep_names()
)
VIEW = params.SelectParam("sweep.view", "View", "The first is shown.", values=VIEWS, look="tabs")
DATA = train.data_choice("sweep.data")
KIND = train.kind_choice("sweep.kind")
CONTROLS = (NAME, VIEW, DATA, KIND)
PANELS = {
    "sweep-history": panel.Panel(
        history,
        fits=has_finished_trials,
        opens=VIEW.is_one_of(VIEWS[0]),
        scope="trials",
    ),
    "sweep-slices": panel.Panel(
        slices,
        fits=has_finished_trials,
        opens=VIEW.is_one_of(VIEWS[1]),
        scope="trials",
    ),
    "sweep-importance": panel.Panel(
        importance,
        fits=lambda trials: has_finished_trials(trials) and bool(trials.importance),
        opens=VIEW.is_one_of(VIEWS[1]),
        scope="trials",
    ),
    "sweep-together": panel.Panel(
        parallel_coordinates,
        fits=has_finished_trials,
        opens=VIEW.is_one_of(VIEWS[2]),
        scope="trials",
    ),
}


def _trials(view: page_state.PageState) -> page_state.Call:
    """Return the call that opens the trials of the page's sweep."""
    names = view.all("sweep")[-1:]
    return page_state.Call("qfusion.plugins.sweeps.sweep_trials", "open_trials", tuple(names))


SCOPES = {"trials": _trials}
