"""Own terms of the modalities beside people's labels of single modalities, and verdicts beside conflicts."""

import numpy as np
import pandas as pd
import streamlit as st

from qfusion._sentences import share
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
    shown = pd.DataFrame(
        {"modality": table["modality"], "labelled test samples": table["n"]}
        | {
            title: [
                format_interval(*row, percent=name == "sign")
                for row in table[[name, f"{name}:low", f"{name}:high"]].to_numpy(float)
            ]
            for name, title in (
                ("rank", "rank correlation [95 %]"),
                ("sign", "same sign [95 %]"),
                ("slope", "slope of the label [95 %]"),
            )
        }
        | {
            f"{title}, labels shuffled": [
                _format_value(low, name == "sign") + " to " + _format_value(high, name == "sign")
                if np.isfinite(low)
                else "–"
                for low, high in table[[f"{name}:shuffled_low", f"{name}:shuffled_high"]].to_numpy(
                    float
                )
            ]
            for name, title in (("rank", "rank correlation"), ("sign", "same sign"))
        }
    )
    st.dataframe(shown, hide_index=True, height="content", alt="Own terms and labels, by modality.")


def format_interval(value: float, low: float, high: float, *, percent: bool = False) -> str:
    """A number with its interval, where these exist."""
    if not np.isfinite(value):
        return "–"
    return _format_value(value, percent) + (
        f" [{_format_value(low, percent)}, {_format_value(high, percent)}]"
        if np.isfinite([low, high]).all()
        else ""
    )


def _format_value(value: float, percent: bool) -> str:
    return share(value) if percent else f"{value:+z.2f}"
