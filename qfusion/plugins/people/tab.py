"""The tab People of Faithfulness: what people who are the model make of modalities, or own terms of a model beside
people's labels of single modalities."""

import numpy as np
import pandas as pd
import streamlit as st

from qfusion._sentences import share, true_minus
from qfusion.app import guidance, page_context, panels, widgets
from qfusion.plugins.people import tab_panels
from qfusion.plugins.people.crowd import crowd_summary, panels as crowd
from qfusion.plugins.people.crowd.words import describe_accuracy, describe_fusion
from qfusion.plugins.people.labels import label_comparison
from qfusion.plugins.people.labels.panels import agreement_table
from qfusion.study import text, trust
from qfusion.study.opening import rivals
from qfusion.study.sample import Sample
from qfusion.study.study import Study


def people_tab(context: page_context.PageContext, _: Sample) -> None:
    """Draw where people fuse who are the model, or a model's own terms beside people's labels."""
    if crowd_summary.has_votes(context.study):
        _draw_crowd(context.study)
    else:
        _draw_labels(trust.with_training_background(context.study))


def has_people(study: Study) -> bool:
    """Return whether people are the model, or labelled its modalities."""
    return crowd_summary.has_votes(study) or label_comparison.find_missing_labels(study) is None


def _draw_crowd(study: Study) -> None:
    """Draw contributions to votes, those of groups of clips, and what a vote tells."""
    summary = crowd_summary.summarize_crowd(study)
    fusion = true_minus(describe_fusion(summary.means, summary.target))
    guidance.page_summary(f"{text.escape_markdown(fusion)}.")
    widgets.row(*crowd.CONTROLS, study=study)
    panels.show(study, "crowd-groups", first=1)
    panels.show(study, "crowd-contributions", "crowd-information", columns=2, first=2)
    accuracy = describe_accuracy(summary.accuracy, summary.target)
    st.caption(text.escape_markdown(accuracy))


def _draw_labels(study: Study) -> None:
    """Draw own terms beside labels, verdicts beside conflicts, and a second model if there is one."""
    if rivals(study):
        widgets.draw(tab_panels.OTHER, study, label="Beside another model")
    panels.show(study, "people-alone", first=1)
    panels.show(study, "people-conflict", "people-calibration", columns=[1, 1.25], gap="medium")
    table = agreement_table(study)
    shown = {"modality": table["modality"], "labelled test samples": table["n"]}
    for name, title in (
        ("rank", "rank correlation [95%]"),
        ("sign", "same sign [95%]"),
        ("slope", "slope of the label [95%]"),
    ):
        intervals = table[[name, f"{name}:low", f"{name}:high"]].to_numpy(float)
        shown[title] = [format_interval(*row, percent=name == "sign") for row in intervals]
    for name, title in (("rank", "rank correlation"), ("sign", "same sign")):
        ranges = table[[f"{name}:shuffled_low", f"{name}:shuffled_high"]].to_numpy(float)
        shown[f"{title}, labels shuffled"] = [
            _format_range(low, high, percent=name == "sign") for low, high in ranges
        ]
    st.dataframe(
        pd.DataFrame(shown),
        hide_index=True,
        height="content",
        alt="Own terms and labels, by modality.",
    )


def format_interval(value: float, low: float, high: float, *, percent: bool = False) -> str:
    """A number with its interval, where these exist."""
    if not np.isfinite(value):
        return "–"
    interval = _format_value(value, percent)
    if np.isfinite([low, high]).all():
        interval += f" [{_format_value(low, percent)}, {_format_value(high, percent)}]"
    return interval


def _format_range(low: float, high: float, *, percent: bool) -> str:
    if not np.isfinite(low):
        return "–"
    return f"{_format_value(low, percent)} to {_format_value(high, percent)}"


def _format_value(value: float, percent: bool) -> str:
    return share(value) if percent else true_minus(f"{value:+z.2f}")
