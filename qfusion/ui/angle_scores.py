"""The score against one angle on the Circuit page: the picker of the angle and the figure."""

import streamlit as st

from qfusion.analysis import angle_curves, text
from qfusion.analysis.sample import Sample
from qfusion.ui import page_context, page_params, panels, state, widgets
from qfusion.views import flips
from qfusion.views.pages import circuit


def draw_angle_scores(context: page_context.PageContext, sample: Sample) -> None:
    """Draw the picker and the figure; angles that are most worth following come first."""
    names = list(angle_curves.rank_angles(sample.study, sample.row))
    if not names:
        return
    key = circuit.ANGLE.key
    wanted = page_params.param_text(key)
    if wanted and state.get(key) is None:
        state.put(key, wanted)
        if wanted not in names:
            st.warning(
                f"In the link, `{key}`: ‘{text.escape_markdown(wanted, 60)}’ is no angle of this model. The one below "
                "is shown.",
                icon=":material/link_off:",
            )
    titles = {name: f"{name} · {flips.name_angle(sample.study, name)}" for name in names}
    widgets.draw(circuit.ANGLE, options=names, format_func=lambda name: titles.get(name, name))
    panels.show(sample, context.theme, "angle")
