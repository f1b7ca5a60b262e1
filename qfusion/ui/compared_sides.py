"""The sides A and B of the Compare page: their contents, strips and waterfalls, and the tweak of B."""

from functools import partial
from typing import Any

import streamlit as st

from qfusion.analysis import (
    compare,
    model_differences,
    text,
)
from qfusion.analysis.sample import Sample
from qfusion.models.protocols import Evolution, Physics
from qfusion.ui import (
    page_context,
    page_runs,
    panels,
    sample_content,
    table_edits_field,
    tweak_choice,
    tweak_sliders,
    widgets,
)
from qfusion.views.pages import compare as builders


def raw_contents(context: page_context.PageContext, one: Sample) -> None:
    """The raw content of A, `one`, and of B, once where they are the same."""
    if (one.dataset.digest, one.row) == (context.study.dataset.digest, context.row):
        st.caption("A and B are the same sample.")
        sample_content.sample_content(context)
    else:
        a, b = st.columns(2, gap="medium")
        with a:
            st.markdown(f"**A** {text.escape_markdown(one.id)}")
            sample_content.sample_content(
                page_context.PageContext(one.study, one.row, context.theme)
            )
        with b:
            st.markdown(f"**B** {text.escape_markdown(context.sample)}")
            # its curves are told apart by the row
            sample_content.sample_content(context, details=one.row != context.row)


def time_strips(context: page_context.PageContext, sides: compare.Sides) -> None:
    """The axis of time of A and of B, where they have one, with their playheads."""
    rows = {letter: side.row for letter, side in sides.labelled.items()}
    twice = rows["A"] == rows["B"] and sides.a.dataset.digest != sides.b.dataset.digest
    cards = {"A": "main", "B": "card" if twice else "main"}  # as `raw_contents` calls them
    for column, (letter, side) in zip(st.columns(2), sides.labelled.items(), strict=True):
        name, content = f"strip-{letter}", f"{cards[letter]}-{rows[letter]}"
        with column, page_runs.guard():
            panels.show(
                sides,
                context.theme,
                name,
                below=partial(sample_content.follow_strip, side, content, name),
            )


def draw_tweak_of_b(context: page_context.PageContext) -> str:
    """Draw B's parameters, the same as on the Dynamics and Circuit pages, and return the tweak."""
    study: Any = context.study
    if not study.model.part(Physics):
        st.caption("B cannot be tweaked: it has no couplings, dissipation or fusion rules.")
        return ""
    title = "couplings, dissipation, duration" if study.model.part(Evolution) else "fusion rules"
    with widgets.fold(builders.TWEAK_B, ":material/tune:", f"Tweak B: {title}"):
        if study.model.part(Evolution):
            presets = st.container()
            with st.container(key="pair-knobs"):
                tweak_sliders.draw_sliders(study)
            with presets:
                tweak_sliders.slider_presets(study)
        else:
            table_edits_field.draw_edits(study)
    return tweak_choice.current_tweak(study)


def waterfalls(context: page_context.PageContext, sides: compare.Sides) -> None:
    """Both decisions term by term on one scale, and the difference of every term."""
    comparable = model_differences.comparable(sides)
    panels.show(
        sides,
        context.theme,
        "waterfall-A",
        "waterfall-B",
        "differences",
        columns=3 if comparable else 2,
        first=3,
    )
    if not comparable:
        st.caption("A and B explain different outputs or modalities, so no differences are shown.")
