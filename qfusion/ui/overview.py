"""Overview: the decision on the current sample, samples to start with, five questions, the model and the data."""

from functools import partial

import streamlit as st

from qfusion.analysis import text
from qfusion.ui import (
    frame,
    guidance,
    guided_tour,
    lazy_panels,
    navigation,
    page_context,
    page_runs,
    panels,
)
from qfusion.ui.example_cards import example_samples
from qfusion.ui.hero_card import hero_card
from qfusion.ui.model_and_data_cards import model_and_data
from qfusion.ui.question_list import five_questions
from qfusion.views.words import systems

WAYS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("Explore a sample", "pages/samples.py", ":material/search:", {}),
    ("Import my data", "pages/data.py", ":material/upload_file:", {}),
    ("Understand the physics", "pages/dynamics.py", ":material/timeline:", {"show": "Decision"}),
)


def pipeline(context: page_context.PageContext) -> None:
    """The way from features to score; each part links to the page that shows it."""
    parts = systems.pipeline_stages(context.study)
    guidance.title(
        text.escape_markdown(context.study.card.get("title") or context.study.name),
        systems.describe_system(context.study),
        3,
    )
    with st.container(key="pair-pipeline"):
        for i, (cell, (name, words, page, label, shown)) in enumerate(
            zip(st.columns(len(parts), gap="small"), parts, strict=True)
        ):
            with cell, st.container(border=True, height="stretch"):
                st.markdown(
                    f"**{i + 1}  {name}**"
                    + ("  :material/arrow_forward:" if i < len(parts) - 1 else ""),
                    help=guidance.help(words),
                )
                guidance.help_line(words)
                navigation.link(page, label, ":material/arrow_outward:", **shown)


def page() -> None:
    """Draw the page, which `app.py` shows."""
    page_runs.draw_page(_page)


def _page() -> None:
    context = frame.begin_model_page("Overview")
    with page_runs.guard(), st.container(key="fold-overview"):
        with guided_tour.invitation(navigation.link, navigation.FILES) as invited:
            for label, page, icon, shown in WAYS if invited else ():
                navigation.link(page, label, icon, **shown)
        left, questions = st.columns([1, 1.15], gap="medium")
        with left:
            hero_card(context, key="now")
            panels.show(context.tweaked_sample(), context.theme, "waterfall", first=1)
        lazy_panels.lazy_panel("how-it-works", partial(pipeline, context))
        lazy_panels.lazy_panel("samples-to-start-with", partial(example_samples, context))
        lazy_panels.lazy_panel("model-and-data", partial(model_and_data, context))
        with questions, page_runs.guard():
            five_questions(
                context
            )  # last: of a network, looking for what would flip it takes seconds
        panels.draw_lower_panels(context.theme, **context.scopes())
