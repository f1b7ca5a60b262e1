"""What a reader takes from a page to another: its link, a story of the sample, and the pinned view A of the Compare
page."""

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import streamlit as st

from qfusion import plugin
from qfusion._lazy import Library
from qfusion.app import guidance, links, navigation, page_runs, selections, state
from qfusion.app.models import tweaks
from qfusion.app.models.tweaks import current_tweak
from qfusion.app.page_context import PageContext
from qfusion.app.samples import boxes, contents
from qfusion.app.widgets import icon_button
from qfusion.data import Image, Text
from qfusion.errors import QFusionError, translate_system_errors
from qfusion.models.protocols import Evolution
from qfusion.study import compare, text
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views.pages import address, choices, page_state
from qfusion.views.pages.address import DATA, MODEL, SAMPLE
from qfusion.views.words.names import name_study


def share_buttons(place: Any, sample: Callable[[], Sample] | None = None) -> None:
    """Draw the button that copies the link, and the one of stories.

    Args:
        place: the container for them. sample: opens the one of which there is a story, where there is.
    """
    with place, st.container(key="share", gap="xsmall"):
        st.html(
            '<button type="button" id="qf-copy" class="qf-button">'
            '<span class="qf-label">Copy link</span></button>'
        )
        # where the browser says what became of the click; its script is the same on every page and knows nothing of
        # the reader
        always = {
            key: value
            for key, value in state.get(state.PICKED, {}).items()
            if key in (MODEL.key, DATA.key, SAMPLE.key) and MODEL.key in st.session_state
        }
        # in characters; servers, proxies and mail programs commonly take no more
        link = html.escape(json.dumps({"always": always, "longest": 8_000}))
        st.html(
            f'<div id="qf-link" data-link="{link}"><p id="qf-said" role="status" hidden></p>'
            '<input id="qf-field" type="text" readonly hidden aria-label="Link to this view" spellcheck="false"></div>'
            f"<script>{_SCRIPT}</script>",
            unsafe_allow_javascript=True,
        )
        if sample is not None:
            page_runs.dialog_button(
                "Share as story", ":material/movie:", "_story_open", _story, sample
            )


_SCRIPT = plugin.asset_text("share.js")
_STORY: Any = Library("qfusion.report.decision_story")
_STORY_PAGE: Any = Library("qfusion.report.story_page")


def _story(open_sample: Callable[[], Sample]) -> None:
    """Draw what a story is, and the button that downloads it."""
    sample = open_sample()
    st.markdown(
        f"An animation of ten seconds: sample {text.escape_markdown(sample.id)}, its decision, its "
        "growing terms, "
        + (
            f"and the effect of your change of the model: {text.escape_markdown(sample.tweak_text, 120)}."
            if sample.tweak_text
            else "and what happens when the most influential term is removed. If you have changed the model, the story "
            "shows your change."
        )
    )

    def make() -> bytes:
        return _STORY_PAGE.render_page(_STORY.build_story(sample))

    st.download_button(
        "Download story",
        translate_system_errors()(make),
        f"qfusion-story-{text.file_name(f'{sample.name}-{sample.id}', 80)}.html",
        "text/html",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key="_story",
        help="One HTML file that plays by itself, with pause and a slider, and needs no network.",
    )


def pin_button(study: Study, row: int) -> None:
    """Draw the button and, if something is pinned, its description."""
    view = state.get(links.PIN)
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", width="content", key="pinning"
    ):
        st.button(
            "Pin",
            icon=":material/push_pin:",
            key="_pin_now",
            on_click=_pin,
            args=(study, row),
            help="Keeps model, data, sample and tweaks as A, to compare them with a later selection, B.",
        )
        if view is not None:
            navigation.link(
                "pages/compare.py",
                "Compare",
                ":material/compare:",
                help=f"With {pin_in_words(view)}, which is pinned",
            )
            icon_button(
                "Remove the pin", "close", "_unpin", state.put, links.PIN, None, type="tertiary"
            )


def _pin(study: Study, row: int) -> None:
    view = current_pin(study, row)  # as it is now: sliders move without drawing this button anew
    state.put(links.PIN, view)
    st.toast(
        f"A is {pin_in_words(view)}. Next, choose another sample or model as B, or tweak this one, "
        "and press Compare.",
        icon=":material/push_pin:",
        duration="long",
    )


def pin_in_words(view: page_state.Pin, content: str = "") -> str:
    """Return a pinned view as markdown.

    Args:
        view: what is pinned.
        content: the text of its sample; empty if it has none.
    """
    words = text.escape_markdown(view.sample, 40)
    if content:
        words += f" ‘{text.escape_markdown(content)}’"
    words += f" by {text.escape_markdown(view.model, 40)}"
    if view.tweak:
        words += f", tweaked: {text.escape_markdown(view.tweak, 60)}"
    return words


def current_pin(study: Study, row: int) -> page_state.Pin:
    """Return the reader's current view."""
    return page_state.Pin(
        study.name, study.dataset.name, str(study.dataset.ids[row]), current_tweak(study)
    )


MOST_OFFERED = 3  # other models that A can be set beside by a click


def forget_lost_pin(_: Study) -> None:
    """Report a pin that cannot be looked up, and remove it."""
    if view := state.get(links.PIN):
        try:
            address.resolve_pin(view)
        except QFusionError as error:
            state.notice(f"In the link, `{links.PIN}`: {error} Nothing is pinned.")
            state.put(links.PIN, None)


def suggest_pins(context: PageContext) -> None:
    """How to get an A."""
    study = context.study
    st.info(
        "Nothing is pinned. Press **Pin** at the top, or start here:"
        if not guidance.shows_full_text()
        else "Nothing is pinned yet. Press **Pin** at the top of any page to keep its view as **A**; the "
        "later selection is **B**. Or start here:",
        icon=":material/push_pin:",
    )
    as_is = "as learned" if study.reads_features else "as measured"
    offered = {"learned": (context.sample, as_is)} | {
        item.kind: (item.sample, f"a telling {compare.EXAMPLE_NAMES[item.kind]}")
        for item in compare.find_examples(study)
        if item.sample != context.sample
    }
    for column, (kind, (sample, words)) in zip(
        st.container(key="pair-pins").columns(len(offered), gap="small"),
        offered.items(),
        strict=True,
    ):
        with column, st.container(border=True, height="stretch", key=f"box-pin-{kind}"):
            row = study.dataset.row(sample)
            contents.sample_content(
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
                args=(links.PIN, page_state.Pin(study.name, study.dataset.name, sample)),
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
                args=(current_pin(study, context.row), name),
            )


def _compare_with_model(view: page_state.Pin, model: str) -> None:
    state.put(links.PIN, view)
    state.put(address.MODEL.key, model)
    name = text.escape_markdown(address.model_names()[model].short)
    st.toast(
        f"The model at the top is now {name} (B). A is pinned.",
        icon=":material/push_pin:",
        duration="long",
    )


def compared_views(context: PageContext, view: page_state.Pin) -> None:
    """Draw what A and B are, with buttons to swap and to clear."""
    now = replace(current_pin(context.study, context.row), tweak="")
    dataset = context.study.dataset
    content_of_a = ""
    if view.data == dataset.name and boxes.exists(dataset, view.sample):
        content_of_a = text.describe_sample(dataset, dataset.row(view.sample))
    content_of_b = text.describe_sample(dataset, context.row)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**A** {pin_in_words(view, content_of_a)}  \n"
            f"**B** {pin_in_words(now, content_of_b)} (current selection)"
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
            args=(links.PIN, None),
        )


def open_on_both_sides(key: str, view: page_state.Pin, ids: Sequence[str]) -> None:
    """Make the clicked sample that of both sides, so that A and B are compared on one sample. For callbacks.

    Args:
        key: of the figure. view: what A is now. ids: of the samples, in the order of the figure's bars.
    """
    place = selections.selected_index(key, len(ids))
    if place is not None:
        sample = str(ids[place])
        state.put(links.PIN, replace(view, sample=sample))
        state.choose_sample(sample)


def _swap(study: Study, row: int, view: page_state.Pin) -> None:
    state.put(links.PIN, current_pin(study, row))
    state.put(address.MODEL.key, view.model)
    state.put(address.DATA.key, view.data)
    state.choose_sample(view.sample)
    other: Any = address.resolve_pin(view)[0]
    if other.model.part(Evolution):
        tweaks.set_sliders(other.model, page_state.parse_tweak(other, view.tweak))
    else:
        state.put(choices.EDITS.key, view.tweak)
