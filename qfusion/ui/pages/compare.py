"""Compare: two samples, two models, or a model before and after a tweak, side by side; several samples in columns.

Of two sides, A is the pinned view and B is the current selection.
"""

import streamlit as st

from qfusion import plugin
from qfusion.analysis import compare, model_differences
from qfusion.ui import (
    background_picker,
    frame,
    page_context,
    page_runs,
    panels,
    sample_strip,
    saved,
    state,
    widgets,
)
from qfusion.ui.compared_numbers import numbers_table
from qfusion.ui.compared_sides import draw_tweak_of_b, raw_contents, time_strips, waterfalls
from qfusion.ui.pin_controls import (
    compared_views,
    forget_lost_pin,
    open_on_both_sides,
    suggest_pins,
)
from qfusion.ui.several_samples_view import several_samples
from qfusion.views.pages import address, compare as builders, page_state


@page_runs.fragment
def decisions(context: page_context.PageContext, view: page_state.Pin) -> None:
    """B's parameters and both decisions; a fragment, so that a parameter redraws this and nothing else."""
    with st.container(key="fold-decisions"):
        tweak = draw_tweak_of_b(context)
        address.resolve_pin(view)
        sides = compare.compare_samples(
            context.tweaked_sample(context.study.model.parse_tweak(tweak)),
            view.model,
            view.sample,
            view.data,
            tweak=view.tweak,
            members=background_picker.cohort(context.study),
        )
        waterfalls(context, sides)
        left, right = st.columns([1.1, 1], gap="medium")
        with left:
            numbers_table(sides)
            panels.show(sides, context.theme, "compare-classes")
            raw_contents(context, sides.a)
        with right:
            panels.show(sides, context.theme, "shares", "entropies")
            if not builders.have_entropies(sides):
                st.caption(
                    "Entropies are not comparable, since A and B do not both have states that evolve or are "
                    "fused."
                )
        panels.show(
            sides,
            context.theme,
            "disagreements",
            on_select=lambda key: open_on_both_sides(
                key, view, context.study.dataset.ids[model_differences.apart(sides).rows]
            ),
            below=lambda: sample_strip.sample_strip(
                context.study.dataset, model_differences.apart(sides).rows
            ),
        )
        time_strips(context, sides)
        panels.draw_lower_panels(context.theme, **context.scopes(tweak), sides=sides)


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("Compare", forget_lost_pin)
    with page_runs.guard(), st.container(key="fold-compare"):
        pinned = state.get(saved.PIN)
        chosen, tabs = widgets.draw(builders.VIEW), plugin.tabs("compare")
        if chosen == builders.SEVERAL:
            several_samples(context)
        elif chosen in tabs:
            tabs[chosen](context, context.tweaked_sample())
        elif pinned is None:
            suggest_pins(context)
        else:
            compared_views(context, pinned)
            decisions(context, pinned)


page_runs.run_page(__file__, __name__)
