"""The pinned view A of the Compare page: suggestions for it, and buttons that swap it with B and clear it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import streamlit as st

from qfusion.analysis import (
    sample_examples,
    sample_words,
    text,
)
from qfusion.analysis.study import Study
from qfusion.data import Image, Text
from qfusion.errors import QFusionError
from qfusion.models.protocols import Evolution
from qfusion.ui import (
    guidance,
    page_context,
    page_runs,
    pinning,
    sample_box,
    sample_content,
    saved,
    selections,
    state,
    tweak_sliders,
)
from qfusion.views.pages import address, circuit, page_state
from qfusion.views.words.names import name_study

MOST_OFFERED = 3  # other models that A can be set beside by a click


def forget_lost_pin(_: Study) -> None:
    """Report a pin that cannot be looked up, and remove it."""
    if view := state.get(saved.PIN):
        try:
            address.resolve_pin(view)
        except QFusionError as error:
            state.notice(f"In the link, `{saved.PIN}`: {error} Nothing is pinned.")
            state.put(saved.PIN, None)


def suggest_pins(context: page_context.PageContext) -> None:
    """How to get an A."""
    study = context.study
    st.info(
        "Nothing is pinned. Press **Pin** at the top, or start here:"
        if not guidance.full()
        else "Nothing is pinned yet. Press **Pin** at the top of any page to keep its view as **A**; the "
        "later selection is **B**. Or start here:",
        icon=":material/push_pin:",
    )
    as_is = "as learned" if study.reads_features else "as measured"
    offered = {"learned": (context.sample, as_is)} | {
        item.kind: (item.sample, f"a telling {sample_examples.EXAMPLE_NAMES[item.kind]}")
        for item in sample_examples.find_examples(study)
        if item.sample != context.sample
    }
    for column, (kind, (sample, words)) in zip(
        st.container(key="pair-pins").columns(len(offered), gap="small"),
        offered.items(),
        strict=True,
    ):
        with column, st.container(border=True, height="stretch", key=f"box-pin-{kind}"):
            row = study.dataset.row(sample)
            sample_content.sample_content(
                context,
                row,
                details=False,
                only=tuple(
                    [
                        name
                        for name, piece in study.dataset.content(row).items()
                        if isinstance(piece, Text | Image)
                    ]
                ),
            )
            st.button(
                f"A = {text.escape_markdown(sample)}, {words}",
                key=f"_pin_{kind}",
                icon=":material/push_pin:",
                on_click=state.put,
                args=(saved.PIN, page_state.Pin(study.name, study.dataset.name, sample)),
            )
    others = (name for name in address.trained_models(study.dataset.name) if name != study.name)
    names = address.model_names()
    with st.container(horizontal=True, key="other-models"):
        for name in islice(others, MOST_OFFERED):
            st.button(
                f"A = {text.escape_markdown(name_study(study).short)}, "
                f"B = {text.escape_markdown(names[name].short)}, of "
                f"{text.escape_markdown(context.sample)}",
                key=f"_beside_{name}",
                icon=":material/compare:",
                on_click=_compare_with_model,
                args=(pinning.current_pin(study, context.row), name),
            )


def _compare_with_model(view: page_state.Pin, model: str) -> None:
    state.put(saved.PIN, view)
    state.put(address.MODEL.key, model)


def compared_views(context: page_context.PageContext, view: page_state.Pin) -> None:
    """Draw what A and B are, with buttons to swap and to clear."""
    now = replace(pinning.current_pin(context.study, context.row), tweak="")
    dataset = context.study.dataset
    content_of_a = ""
    if view.data == dataset.name and sample_box.exists(dataset, view.sample):
        content_of_a = sample_words.describe_sample(dataset, dataset.row(view.sample))
    content_of_b = sample_words.describe_sample(dataset, context.row)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**A** {pinning.pin_in_words(view, content_of_a)}  \n"
            f"**B** {pinning.pin_in_words(now, content_of_b)} (current selection)"
        )
        st.button(
            "Swap",
            icon=":material/swap_horiz:",
            key="_swap",
            on_click=page_runs.run_or_notice,
            args=(_swap, context.study, context.row, view),
            help="Pins B; A becomes the current selection.",
        )
        st.button(
            "Clear",
            icon=":material/close:",
            key="_clear_pin",
            on_click=state.put,
            args=(saved.PIN, None),
        )


def open_on_both_sides(key: str, view: page_state.Pin, ids: Sequence[str]) -> None:
    """Make the clicked sample that of both sides, so that A and B are compared on one sample. For callbacks.

    Args:
        key: of the figure. view: what A is now. ids: of the samples, in the order of the figure's bars.
    """
    place = selections.parse_index(selections.selected_point(key).get("point_index"), len(ids))
    if place is not None:
        sample = str(ids[place])
        state.put(saved.PIN, replace(view, sample=sample))
        state.choose_sample(sample)


def _swap(study: Study, row: int, view: page_state.Pin) -> None:
    state.put(saved.PIN, pinning.current_pin(study, row))
    state.put(address.MODEL.key, view.model)
    state.put(address.DATA.key, view.data)
    state.choose_sample(view.sample)
    other: Any = address.resolve_pin(view)[0]
    if other.model.part(Evolution):
        tweak_sliders.set_sliders(other.model, page_state.parse_tweak(other, view.tweak))
    else:
        state.put(circuit.EDITS.key, view.tweak)
