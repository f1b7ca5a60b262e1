"""Do people say the same of single modalities, and of conflict?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from qfusion._sentences import share
from qfusion.analysis import text
from qfusion.analysis.cohort import beside_people
from qfusion.analysis.subject import Workspace
from qfusion.panels import faithfulness as people_panels
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

NONE = ""


def tab(here: Here, work: Workspace) -> None:
    """Own terms beside labels, verdicts beside conflicts, and a second model where there is one."""
    if why := beside_people.lacking(work, text.plain(work.dataset.title)):
        st.info(why, icon=":material/help:")
        return
    other = _second(work)
    panels.draw(people_panels.alone(work, here.theme, other=other))
    left, right = st.columns([1, 1.25], gap="medium")
    with left:
        panels.draw(people_panels.conflict(work, here.theme, other=other))
    with right:
        panels.draw(people_panels.calibration(work, here.theme))
    _table(people_panels.numbers(work))


def _table(found: pd.DataFrame) -> None:
    shown = pd.DataFrame(
        {"modality": found["modality"], "labelled test samples": found["n"]}
        | {
            title: [
                written(*row, percent=name == "sign")
                for row in found[[name, f"{name}:low", f"{name}:high"]].to_numpy(float)
            ]
            for name, title in (
                ("rank", "rank correlation [95 %]"),
                ("sign", "same sign [95 %]"),
                ("slope", "slope of the label [95 %]"),
            )
        }
        | {
            f"{title}, labels shuffled": [
                _one(low, name == "sign") + " to " + _one(high, name == "sign")
                if np.isfinite(low)
                else "–"
                for low, high in found[[f"{name}:shuffled_low", f"{name}:shuffled_high"]].to_numpy(
                    float
                )
            ]
            for name, title in (("rank", "rank correlation"), ("sign", "same sign"))
        }
    )
    st.dataframe(
        shown, hide_index=True, height="content", alt="Own terms beside labels, by modality."
    )


def written(value: float, low: float, high: float, *, percent: bool = False) -> str:
    """A number with its interval, where these exist."""
    if not np.isfinite(value):
        return "–"
    known = bool(np.isfinite([low, high]).all())
    return _one(value, percent) + (
        f" [{_one(low, percent)}, {_one(high, percent)}]" if known else ""
    )


def _one(value: float, percent: bool) -> str:
    return share(value) if percent else f"{value:+z.2f}"


def _second(work: Workspace) -> str:
    names = beside_people.rivals(work)
    if not names:
        return NONE
    if state.get(people_panels.OTHER) not in (None, NONE, *names):
        state.put(people_panels.OTHER, None)  # of other data
    found = st.selectbox(
        "Beside another model",
        names,
        index=None,
        placeholder="none",
        width=320,
        help="A second model of the same data: one that had the labels as additional targets "
        "(`unimodal`), say.",
        **state.bound(people_panels.OTHER),
    )
    return found or NONE
