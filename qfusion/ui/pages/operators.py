"""Decision operators: which states of a modality, or of a pair, vote for a decision and which against."""

from __future__ import annotations

import numpy as np
import streamlit as st

from qfusion.analysis import inside, text
from qfusion.analysis import sample as backgrounds
from qfusion.analysis.inside import Votes
from qfusion.data.spec import SPLITS
from qfusion.explain.operators import Operator
from qfusion.panels import operators as builders
from qfusion.ui import guidance, panels, state, views
from qfusion.ui.frame import Here, guard, link, shell

# The page of decision operators: pick a group of modalities, see what votes for and against, and who lies there.

GROUP, AMONG, UP = "votes", "among", "against"


def votes(here: Here) -> None:
    """Controls and all panels."""
    if not here.study.can("states"):
        st.markdown(
            "**This model has no states that its scores are linear in**, so no operator says how they would vote. What "
            "each modality says is asked by evaluation."
        )
        link("pages/samples.py", "See what each modality adds", ":material/article:")
        return
    labels = inside.group_labels(here.study)
    if state.get(GROUP) not in (None, *labels):
        state.put(GROUP, next(iter(labels)))  # of another model
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.segmented_control(
            "Modality or pair",
            list(labels),
            default=next(iter(labels)),
            help="The modalities whose state is asked about; all others are averaged over "
            "the background.",
            **state.bound(GROUP),
        ) or next(iter(labels))
        split = (
            st.segmented_control(
                "Among the samples for",
                list(SPLITS),
                default="test",
                help="Where the nearest real samples are looked for.",
                **state.bound(AMONG),
            )
            or "test"
        )
    group, sample = labels[picked], here.sample_of()
    result, (score, _) = inside.votes_of(sample, group, split)
    _sentence(here, result.operator, score)
    spectrum, scatter = st.columns([1.25, 1], gap="medium")
    with spectrum:
        panels.draw(builders.spectrum(sample, here.theme, group=group, split=split))
    with scatter:
        _scatter(here, result.operator, group, split)
    with_kets = result.operator.vectors is not None
    left, right = st.columns(2, gap="medium")
    with left:
        panels.draw(
            builders.extreme(sample, here.theme, side="for", group=group)
            if with_kets
            else builders.patterns(sample, here.theme, group=group)
        )
    with right:
        panels.draw(
            builders.extreme(sample, here.theme, side="against", group=group)
            if with_kets
            else builders.effects(sample, here.theme, group=group)
        )
    _nearest(here, result, split)
    _left_out(here)


def _sentence(here: Here, operator: Operator, score: float) -> None:
    low, high = operator.values[0], operator.values[-1]
    together = "alone" if len(operator.modalities) == 1 else "together"
    unit = text.plain(here.sample_of().unit)
    guidance.line(
        f"**{builders.who(operator)}** {together} can bring the {unit} to **{low:+.2f}** … **{high:+.2f}**; here **"
        f"{score:+.2f}**.",
        f"Whatever **{builders.who(operator)}** might say, {together} it can bring the {unit} "
        f"to at least **{low:+.2f}** and at most **{high:+.2f}**, everything else being as in the background (baseline "
        f"{operator.baseline:+.2f}). What this sample says brings it to **{score:+.2f}**. "
        f"{backgrounds.baseline_words(here.study.background)}",
    )


def _scatter(here: Here, operator: Operator, group: str, split: str) -> None:
    with panels.around("along") as head:
        default = builders.default_up(operator)
        up = (
            st.segmented_control(
                "y axis",
                list(builders.UPS),
                default=default,
                help="How much of a sample lies on the state that votes most against, or what the "
                "model says when told these modalities alone.",
                **state.bound(UP),
            )
            or default
        )
        panels.inside(
            builders.along(here.sample_of(), here.theme, group=group, split=split, up=up),
            head,
            on_select=state.choose_selected_sample,
        )


def _nearest(here: Here, result: Votes, split: str) -> None:
    for side in ("for", "against"):
        weights = result.most_for if side == "for" else result.most_against
        st.markdown(f"#### {builders.nearest_heading(side, weights.tolist())}")
        with st.container(key=f"pair-nearest-{side}"):
            for cell, row in zip(
                st.columns(builders.NEAREST), result.nearest(side, builders.NEAREST), strict=False
            ):
                place = int(np.flatnonzero(result.rows == row)[0])
                with cell, st.container(border=True, height="stretch", key=f"near-{side}-{row}"):
                    _card(
                        here,
                        row,
                        result.operator.modalities,
                        float(weights[place]),
                        float(result.scores[place]),
                        side,
                    )
    guidance.aside(
        f"The {split} samples (n = {len(result.rows):,}) with the most weight on each extreme: "
        f"as far as real data come "
        f"to it. It is the weight of {builders.who(result.operator)}: a sample can be near an extreme and still be "
        "judged otherwise by the other modalities. Below half of the weight none is called close."
    )


def _card(
    here: Here, row: int, group: tuple[str, ...], weight: float, score: float, side: str
) -> None:
    study = here.study
    sample = str(study.dataset.ids[row])
    truth = (
        text.plain(study.classes[int(study.dataset.y[row])], 24)
        if study.classes
        else f"{float(study.dataset.y[row]):+.2f}"
    )
    views.sample_content(here, row, details=False, only=group, key=f"{side}-card")
    guidance.line(
        f"**{builders.part(weight)}** · {score:+.2f} · truth {truth}",
        f"**{builders.part(weight)}** of it lies there; {score:+.2f} by {' and '.join(map(text.plain, group))}; truth "
        f"{truth}",
    )
    link("pages/operators.py", text.plain(sample), ":material/my_location:", open=sample)


def _left_out(here: Here) -> None:
    offered, everything = (
        len(inside.group_labels(here.study)),
        2 ** len(here.study.modalities) - 1,
    )
    if offered < everything:
        st.caption(
            f"{everything - offered} larger group{'s' if everything - offered > 1 else ''} of modalities cannot be "
            "shown: the outcome patterns of a network grow as 2 to the number of its qubits. Their contributions are "
            "on the Samples page."
        )


# Decision operators: which states of a modality, or of a pair, vote for a decision and which against.


def page() -> None:
    """Draws the page."""
    here = shell("Decision operators")
    with guard(), st.container(key="fold-operators"):
        votes(here)
        panels.below(here.theme, **here.subjects())


if (
    __name__ == "__main__"
):  # as Streamlit runs it, which defines all above anew each time; the module is kept
    import qfusion.ui.pages.operators

    qfusion.ui.pages.operators.page()
