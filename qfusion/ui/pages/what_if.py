"""What if: the sample with a modality swapped, omitted or edited, and the smallest changes that flip the decision."""

import streamlit as st

from qfusion.ui import frame, navigation, page_context, page_runs, panels
from qfusion.ui.change_controls import draw_changes, forget_other_samples
from qfusion.ui.changed_result import draw_comparison
from qfusion.ui.flip_suggestions import nearest_flips, parameter_flips


@page_runs.fragment
def what_if(context: page_context.PageContext) -> None:
    """Draw controls beside their effects. This is a fragment, so that moving one redraws only this part."""
    if not context.study.reads_features:
        st.markdown(
            "**A measured game has no inputs to change**: its values are known for its own samples and coalitions only."
        )
        navigation.link("pages/samples.py", "See what each modality adds", ":material/article:")
        return
    with st.container(key="fold-what-if"):
        with page_runs.guard():
            nearest_flips(context)
        side, main = st.columns([1, 2.6], gap="medium")
        wanted = None
        with side, page_runs.guard():
            wanted = draw_changes(context)
        with main, page_runs.guard():
            if wanted is not None:
                draw_comparison(context, wanted)
        with page_runs.guard():
            parameter_flips(context)
            panels.draw_lower_panels(context.theme, **context.scopes())


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("What if")
    forget_other_samples(context)
    what_if(context)


page_runs.run_page(__file__, __name__)
