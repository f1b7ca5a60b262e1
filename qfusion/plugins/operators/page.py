"""Decision operators: the states of a modality, or of a pair, that vote for or against a decision."""

from functools import partial

import numpy as np
import streamlit as st

from qfusion._sentences import count
from qfusion.app import (
    frame,
    guidance,
    navigation,
    page_runs,
    panels,
    selections,
    widgets,
)
from qfusion.app.page_context import PageContext
from qfusion.app.samples import contents
from qfusion.models.protocols import StateModel
from qfusion.plugins.operators import views
from qfusion.plugins.operators.panels import NEAREST
from qfusion.plugins.operators.sample_votes import Votes, group_labels, group_votes
from qfusion.plugins.operators.views import AMONG, GROUP, UP
from qfusion.study import text
from qfusion.views.words.decisions import describe_baseline


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("Decision operators")
    with page_runs.show_errors(), st.container(key="fold-operators"):
        votes(context)
        panels.draw_lower_panels(**context.scopes())


def votes(context: PageContext) -> None:
    """Controls and all panels."""
    if not context.study.model.part(StateModel):
        navigation.say_missing(
            "**The decision of this model is not linear in states**, so it has no decision operators. "
            "Contributions of modalities are computed by evaluating the model."
        )
        return
    sample = context.tweaked_sample()
    group, split = widgets.row(GROUP, AMONG, study=context.study)
    result, (score, _) = group_votes(sample, group, split)
    operator = result.operator
    who, low, high = (
        views.describe_modalities(operator),
        operator.votes[0],
        operator.votes[-1],
    )
    here, baseline = score - operator.baseline, operator.baseline
    moves = "alone moves" if len(operator.modalities) == 1 else "together move"
    unit = text.escape_markdown(sample.unit)
    guidance.line(
        f"**{who}** {moves} the {unit} from the baseline {baseline:+z.2f} by **{low:+z.2f}** to **{high:+z.2f}**; here "
        f"by **{here:+z.2f}**.",
        f"With all else as in the background, **{who}** {moves} the {unit} from the baseline {baseline:+z.2f} by at "
        f"least **{low:+z.2f}** and at most **{high:+z.2f}**, over all states. This sample moves it by "
        f"**{here:+z.2f}**. "
        f"{describe_baseline(context.study.background)}",
    )
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        panels.show(sample, "spectrum", first=1)
    with right:
        panels.show_with_controls(
            sample,
            "along",
            lambda: widgets.draw(UP, default=views.default_vertical_axis(operator)),
            first=True,
            on_select=selections.choose_selected_sample,
        )
    panels.show(
        sample, "state-for", "state-against", "patterns", "effects", columns=2, gap="medium"
    )
    for side in ("for", "against"):
        panels.lazy_panel(f"nearest-{side}", partial(_nearest, context, result, side))
    guidance.aside(
        f"The {split} samples (n = {len(result.rows):,}) with the largest weight on each extreme. It "
        f"is the weight of {views.describe_modalities(result.operator)}, so the other "
        "modalities can still change the decision of such a sample. No sample with less than half of "
        "the weight is called close."
    )
    left_out = 2 ** len(context.study.modalities) - 1 - len(group_labels(context.study))
    if left_out > 0:
        st.caption(
            f"{left_out} larger group{'s' if left_out > 1 else ''} of modalities cannot be shown, since "
            "the number of outcome patterns grows as 2 to the number of qubits. Their contributions are "
            "on the Samples page."
        )


def _nearest(context: PageContext, result: Votes, side: str) -> None:
    """The samples with the most weight on an extreme, as cards."""
    study, group = context.study, result.operator.modalities
    weights = result.most_for if side == "for" else result.most_against
    st.markdown(f"#### {views.nearest_heading(side, weights.tolist())}")
    with st.container(key=f"pair-nearest-{side}"):
        nearest = result.nearest(side, NEAREST)
        for cell, (row, *alike) in zip(st.columns(NEAREST), nearest, strict=False):
            place = int(np.flatnonzero(result.rows == row)[0])
            truths = dict.fromkeys(contents.truth(study, place, 24) for place in (row, *alike))
            score, truth = float(result.scores[place]), " and ".join(truths)
            share = views.format_share(float(weights[place]))
            with cell, st.container(border=True, height="stretch", key=f"near-{side}-{row}"):
                contents.sample_content(context, row, details=False, only=group, key=f"{side}-card")
                guidance.line(
                    f"**{share}** · {score:+.2f} · truth {truth}",
                    f"weight **{share}**; {score:+.2f} by {' and '.join(map(text.escape_markdown, group))}; truth "
                    f"{truth}",
                )
                sample = str(study.dataset.ids[row])
                navigation.link(
                    "pages/operators.py",
                    text.escape_markdown(sample),
                    ":material/my_location:",
                    open=sample,
                )
                if alike:
                    others = count(len(alike), "other sample")
                    st.caption(
                        f"The same {' and '.join(map(text.escape_markdown, group))} as in {others}"
                    )
