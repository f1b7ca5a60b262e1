"""The sidebar's buttons to share what a page shows: its link, and a story of the sample.

The link is the address that the browser shows, in the order of its parameters, with model, data and sample also where
they are the defaults: another machine may have other defaults. The browser copies it by itself.
"""

import html
import json
from collections.abc import Callable
from typing import Any

import streamlit as st

from qfusion import plugin
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.errors import translate_system_errors
from qfusion.report import decision_story
from qfusion.report.story_page import render_page
from qfusion.ui import (
    dialogs,
    page_params,
    state,
)
from qfusion.views.pages.address import DATA, MODEL, SAMPLE


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
            for key, value in state.get(page_params.PICKED, {}).items()
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
            dialogs.dialog_button(
                "Share as story", ":material/movie:", "_story_open", _story, sample
            )


_SCRIPT = plugin.asset_text("share.js")


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
        return render_page(decision_story.build_story(sample))

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
