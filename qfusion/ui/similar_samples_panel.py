"""The Samples page's list of samples like the open one."""

import streamlit as st

from qfusion.analysis import sample_similarity, sample_words, text
from qfusion.ui import figure, navigation, page_context, sample_strip, selections, state, widgets
from qfusion.views import samples as sample_views
from qfusion.views.pages import compare as builders, samples
from qfusion.views.pages.panel import drawn
from qfusion.views.samples import describe_outcomes


def similar_samples(context: page_context.PageContext) -> None:
    """The nearest samples, a button for each and a link to all side by side."""
    sample = context.tweaked_sample()
    with figure.titled_frame("similar") as head:
        with st.container(horizontal=True, vertical_alignment="center"):
            by = widgets.draw(samples.SIMILAR_BY, context.study)
            nearest = sample_similarity.nearest(sample, by)
            ids = [str(name) for name in context.study.dataset.ids[nearest.rows]]
            _links(context, nearest, ids)
        figure.draw_content(
            drawn(sample_views.similar)(sample, context.theme, by=by),
            head,
            on_select=lambda key: selections.open_selected(key, ids),
            below=lambda: sample_strip.sample_strip(context.study.dataset, nearest.rows),
        )


def _links(
    context: page_context.PageContext, nearest: sample_similarity.Nearest, ids: list[str]
) -> None:
    if ids:
        outcomes, _ = describe_outcomes(context.study, nearest.rows)
        contents = sample_words.describe_samples(context.study.dataset, nearest.rows)
        with st.popover(
            "Open one", icon=":material/open_in_full:", type="tertiary", key="_similar"
        ):
            for name, outcome, words, away in zip(
                ids, outcomes, contents, nearest.distances, strict=True
            ):
                label = f"**{text.escape_markdown(name)}** {text.escape_markdown(outcome, 40)} ({away:.3g})"
                if words:
                    label += f" · {text.escape_markdown(words)}"
                st.button(
                    label,
                    type="tertiary",
                    key=f"_similar_{name}",
                    on_click=state.choose_sample,
                    args=(name,),
                )
        navigation.link(
            "pages/compare.py",
            "Side by side",
            ":material/view_column:",
            **{builders.VIEW.key: builders.SEVERAL, "several": [context.sample, *ids[:5]]},  # type: ignore[arg-type]
        )
