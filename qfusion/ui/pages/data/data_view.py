"""The Data page's upper half: the sets there are, and what is in the chosen one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qfusion import data
from qfusion._checks import check
from qfusion.analysis import text
from qfusion.data import DataSet, imported
from qfusion.data.modality import CONVENTIONS
from qfusion.data.spec import SPLITS
from qfusion.figures.style import Theme
from qfusion.panels import learning as builders
from qfusion.ui.door import access
from qfusion.ui.frame import cache, depth, state
from qfusion.ui.frame.shell import link, told
from qfusion.ui.panel import panels

SET, KEPT, PICK = "set", "_kept_set", "_pick_set"


def kept() -> None:
    """What was kept or removed in the last run, said once."""
    words = state.get(KEPT)
    if words:
        state.put(KEPT, None)
        st.success(words, icon=":material/check_circle:")


def listing() -> None:
    """Every set with its state, and how to get those that are missing."""
    st.header("What there is", anchor=False)
    sources = data.available()
    own = set(imported.names())
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "name": s.name,
                    "title": s.title,
                    "state": "here" if s.available else "missing",
                    "from": "imported" if s.name in own else "the project",
                }
                for s in sources
            ]
        ),
        hide_index=True,
        height="content" if len(sources) <= 12 else 440,
        alt="The data sets and whether they are here.",
    )
    for source in sources:
        if not source.available:
            with st.expander(f"{text.plain(source.title)} is not here", icon=":material/info:"):
                st.text(f"{source.reason}\n{source.remedy}")


def chosen(theme: Theme) -> None:
    """What is in one set."""
    here = [source.name for source in data.available() if source.available]
    check(
        bool(here), "No data set is on this machine, not even the embedded one. Reinstall qfusion."
    )
    if state.get(PICK) in here:
        state.impose(SET, state.get(PICK))
    state.put(PICK, None)
    if state.get(SET) not in (None, *here):
        state.forget(SET)  # removed, or damaged, since it was picked
    name = st.selectbox("Set", here, help="A data set that is on this machine.", **state.bound(SET))
    found = cache.dataset(name)
    st.markdown(_card(found))
    depth.aside(text.plain(found.description, 900))
    panels.draw((builders.classes if builders.of_classes(found) else builders.target)(found, theme))
    panels.below(theme, dataset=found)
    link("pages/train.py", "Train a model on it", ":material/model_training:", train=name)
    if name in imported.names():
        _record(name)


def _card(found: DataSet) -> str:
    rows = {
        "title": found.title,
        "samples": f"{len(found):,}",
        "train / valid / test": " / ".join(f"{len(found.rows(split)):,}" for split in SPLITS),
        "modalities": ", ".join(
            f"{m.name} ({m.size:,} features{_steps(m)})" for m in found.modalities
        ),
        "target": f"{found.target.name}, {'classes' if found.target.classes else 'a number'}"
        + (f" in {found.target.range}" if found.target.range else ""),
        "source": found.source,
        "licence": found.licence,
        "digest": found.digest[:12],
    }
    if not found.target.classes:
        rows["metrics"] = CONVENTIONS[found.target.convention]
    if found.unimodal is not None:
        rows["targets of single modalities"] = ", ".join(map(str, found.unimodal.columns))
    lines = [f"| {key} | {text.plain(value)} |" for key, value in rows.items()]
    return "\n".join([lines[0], "|---|---|", *lines[1:]])


def _steps(modality: Any) -> str:
    return (
        ""
        if modality.lengths is None
        else f", sequences of up to {modality.values.shape[1]:,} steps"
    )


def _record(name: str) -> None:
    """What was found and repaired when the set was imported, and its removal."""
    record = imported.manifest(name)
    with st.expander("Import report", icon=":material/fact_check:"):
        for file in record["files"]:
            st.code(
                f"{file['name']}, {file['bytes']:,} bytes\nSHA-256 {file['sha256']}",
                language=None,
                wrap_lines=True,
            )
        findings(record["report"]["findings"])
        st.caption(
            f"Imported {text.plain(record['created'])} with qfusion {text.plain(record['versions']['qfusion'])}."
        )
    if access.level() == "path":
        with st.popover("Remove", icon=":material/delete:"):
            st.markdown(
                f"Remove **{text.plain(name)}** from this machine? The files it was imported from stay."
            )
            st.button("Yes, remove it", on_click=told, args=(_remove, name), key="_remove_set")


def _remove(name: str) -> None:
    imported.remove(name)
    state.put(KEPT, f"{text.plain(name)} was removed.")


BADGES = {
    "error": ":red-badge[:material/error: error]",
    "warning": ":orange-badge[:material/warning: warning]",
    "note": ":gray-badge[note]",
}


def findings(found: list[dict[str, Any]]) -> None:
    """Findings of a report as lines, worst first."""
    for each in found:
        where = f"**{text.plain(each['modality'])}**: " if each["modality"] else ""
        st.markdown(f"{BADGES.get(each['severity'], '')} {where}{text.message(each['words'])}")
    if not found:
        st.markdown(":material/check: Nothing was found that needs saying.")
