"""Faithfulness: how far the explanations of this model can be trusted, and when not."""

from contextlib import nullcontext
from functools import partial

import streamlit as st

from qfusion import plugin
from qfusion.analysis import background_agreement, text, trust
from qfusion.analysis.study import Study
from qfusion.explain import stability
from qfusion.ui import (
    fact_chips,
    figure,
    frame,
    guidance,
    page_context,
    page_runs,
    panels,
    skeletons,
)
from qfusion.ui.deletion_curves_tab import deletion_tab
from qfusion.ui.other_methods_tab import estimators_tab
from qfusion.ui.planted_truth_tab import truth_tab
from qfusion.ui.training_seeds_tab import seeds_tab
from qfusion.views import faithfulness
from qfusion.views.pages import faithfulness as builders
from qfusion.views.pages.panel import draw_view
from qfusion.views.words.reliability import TrustWarning, describe_finding

WAITING_CARDS = {"trust-warnings": 110, "deletion": skeletons.HEIGHT}  # pixels
ICONS = {
    "warning": ":material/warning:",
    "fine": ":material/check:",
    "unknown": ":material/pending:",
}


@page_runs.fragment
def evidence(context: page_context.PageContext) -> None:
    """Draw the warnings that matter, then the open view. It is a fragment, so that changing the view redraws nothing
    else.
    """
    with st.container(key="fold-faithfulness"):
        with skeletons.placeholders(WAITING_CARDS, [nullcontext()] * 2) as waiting:
            default = trust.with_training_background(context.study)
            seeds, missing = faithfulness.seed_measurements(default)
            trust.reliability_findings(default, at_hand=True)
            waiting.remove_all()
            trust_warnings(default, seeds)
        missing_comparison = st.container(key="comparing-backgrounds")
        draw = {
            "Deletion": lambda: deletion_tab(context),
            "Truth": lambda: truth_tab(context, default, seeds),
            "Other methods": lambda: estimators_tab(context),
            "Training seeds": lambda: seeds_tab(context, default, seeds, missing),
        }
        for name, draw_tab in plugin.tabs("faithfulness").items():
            draw[name] = partial(draw_tab, context, context.tweaked_sample())
        panels.tabs(builders.PROOF, draw, theme=context.theme, **context.scopes())
        if trust.is_comparison_missing(default):
            with missing_comparison:
                background_agreement.agreement(default)
            st.rerun()  # with the finding in its place


def trust_warnings(study: Study, seeds: stability.Stability | None) -> None:
    """Draw warnings about when not to trust the explanations of this model: those that are known at once, until the
    backgrounds are compared.
    """
    findings = trust.reliability_findings(study, at_hand=True)
    words = [describe_finding(finding) for finding in findings]
    if seeds is None and study.reads_features:
        words.append(
            TrustWarning(
                "The stability of explanations over training seeds is not measured for this model.",
                "unknown",
                "Other training seeds are not measured",
            )
        )

    def draw_findings() -> None:
        if guidance.full():
            st.markdown(
                "  \n".join(
                    f"{ICONS[one.kind]} {text.escape_markdown(one.sentence, 600)}" for one in words
                )
            )
        else:
            for place, one in enumerate(words):
                with st.container(
                    horizontal=True,
                    vertical_alignment="center",
                    gap="small",
                    key=f"caution-{place}",
                ):
                    st.markdown(
                        f"{ICONS[one.kind]} {text.escape_markdown(one.brief or one.sentence, 300)}",
                        width="content",
                        help=text.escape_markdown(one.sentence, 600),
                    )
                    fact_chips.chips(f"caution-{place}", one.facts)

    figure.draw(
        draw_view(study, view=faithfulness.cautions, at_hand=True),
        below=draw_findings,
        grows=False,
        gap="xsmall",
    )


def page() -> None:
    """Draw the page."""
    evidence(frame.begin_model_page("Faithfulness"))


page_runs.run_page(__file__, __name__)
