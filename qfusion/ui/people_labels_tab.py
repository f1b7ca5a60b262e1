"""Own terms of the modalities beside people's labels of single modalities, and verdicts beside conflicts."""

import numpy as np
import pandas as pd
import streamlit as st

from qfusion._sentences import share, true_minus
from qfusion.analysis import label_comparison, text
from qfusion.analysis.study import Study
from qfusion.panels import faithfulness as builders, label_agreement
from qfusion.ui import page_context, panels, widgets
from qfusion.wording.label_agreement import explain_missing_labels


def people_tab(context: page_context.PageContext, study: Study) -> None:
    """Draw own terms beside labels, verdicts beside conflicts, and a second model if there is one."""
    if why := explain_missing_labels(
        label_comparison.find_missing_labels(study), text.escape_markdown(study.dataset.title)
    ):
        st.info(why, icon=":material/info:")
        return
    if label_comparison.rivals(study):
        widgets.draw(builders.OTHER, study, label="Beside another model")
    panels.show(study, context.theme, "people-alone", first=1)
    panels.show(
        study,
        context.theme,
        "people-conflict",
        "people-calibration",
        columns=[1, 1.25],
        gap="medium",
    )
    table = label_agreement.agreement_table(study)
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
