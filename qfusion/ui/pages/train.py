"""Train: new models on any data set, watched while they learn, and models trained elsewhere brought in.

Runs go on when the page is closed.
"""

import time

import streamlit as st

from qfusion import _read_only
from qfusion.analysis import runs
from qfusion.training import checkpoint_cards
from qfusion.ui import (
    figure,
    frame,
    own_models_section,
    page_context,
    page_params,
    page_runs,
    panels,
    reruns,
    state,
    task_start,
)
from qfusion.ui.new_run_form import NAME, STARTED, new_run_form
from qfusion.ui.run_actions import draw_actions, draw_problems
from qfusion.ui.run_comparison import draw_comparison
from qfusion.ui.runs_table import DRAWN_RUNS, choose_runs
from qfusion.ui.training_curves import draw_inner_terms, draw_progress
from qfusion.views.pages import train as builders

COMING = (
    (builders.VIEWS[0], ":material/show_chart:", ("loss", "metrics", "gradients", "time left")),
    (
        builders.VIEWS[1],
        ":material/neurology:",
        ("contributions", "couplings and jumps", "entanglement"),
    ),
    (
        builders.VIEWS[2],
        ":material/compare_arrows:",
        ("different settings", "results"),
    ),
)


@page_runs.guard()
def _runs(moving: bool, models: list[str]) -> None:
    """Everything that changes while runs are trained: a fragment that looks again and again, for as long as one is
    alive."""
    reruns.begin_run()
    seen = runs.look()
    if _moving(seen) != moving or not seen or checkpoint_cards.available() != models:
        st.rerun()  # it begins or ceases to look by itself; a new model shows in the pickers
    shown = choose_runs(seen)
    draw_actions(shown)
    draw_problems(shown)
    if shown:
        draw = dict(
            zip(builders.VIEWS, (draw_progress, draw_inner_terms, draw_comparison), strict=True)
        )
        steady = _steady(shown)
        with st.container(key="fold-curves"):
            panels.tabs(builders.VIEW, draw, steady, theme=page_context.theme(), runs=steady)


def _steady(shown: list[runs.Seen]) -> list[runs.Seen]:
    """Return the runs as they were drawn a moment ago, unless one of them has another state or its first loss."""
    now = time.monotonic()
    before: tuple[float, list[runs.Seen]] = state.get(DRAWN_RUNS, (0.0, []))
    # a figure stands 4 seconds at least: Streamlit makes a changed one anew, and it blinks
    if now - before[0] < 4.0 and _stages(before[1]) == _stages(shown):
        return before[1]
    state.put(DRAWN_RUNS, (now, shown))
    return shown


def _stages(shown: list[runs.Seen]) -> list[tuple[str, str, bool]]:
    """Return the state of each run, and whether it has a loss to draw."""
    begun = {entry.name for entry in runs.runs_with_losses(shown)}
    return [(entry.name, entry.state, entry.name in begun) for entry in shown]


@page_runs.guard()
def page() -> None:
    """Draw the page."""
    frame.begin_page("Train")
    if started := state.take(STARTED):
        state.forget(NAME)  # it is free for another one
        state.put(builders.RUNS.key, started[: runs.MAX_SHOWN])
    seen = runs.look()
    brings = page_params.param_text(builders.IMPORT.key) == "true"
    new_run_form(not seen and not brings)
    if not _read_only.is_read_only():
        own_models_section.own_models_section()
    if not seen:
        task_start.placeholder(
            "run",
            "There is no run yet. Choose data and a kind of model above and press Start. Training runs "
            "in a separate process and continues when this page is closed.",
            COMING,
            not _read_only.is_read_only(),
        )
        return
    moving = _moving(seen)
    # seconds between two looks while a run is alive
    st.fragment(_runs, run_every=1.5 if moving else None)(moving, checkpoint_cards.available())


def _moving(seen: list[runs.Seen]) -> bool:
    """Whether the page looks again and again."""
    return any(entry.alive for entry in seen) and not figure.exporting()


page_runs.run_page(__file__, __name__)
