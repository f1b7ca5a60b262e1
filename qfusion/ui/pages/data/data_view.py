"""The Data page's upper half: the sets there are, and what is in the chosen one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion import data
from qfusion._checks import check
from qfusion.analysis import text
from qfusion.data import DataSet, imported
from qfusion.data.spec import SPLITS
from qfusion.figures.draw import dataset as figures
from qfusion.figures.style import Theme
from qfusion.panels import spoken
from qfusion.ui.frame import access, cache, state
from qfusion.ui.frame.shell import link
from qfusion.ui.panel import panels

SET, KEPT, PICK = "set", "_kept_set", "_pick_set"
_MOST_SHOWN = 60  # classes in a figure


def allowed() -> dict[str, state.Allowed]:
    """What a link may say about the set that is shown."""
    return {SET: state.options("Data set", data.names(), "The first one is shown.")}


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
    st.dataframe(pd.DataFrame([{"name": s.name, "title": s.title, "state": "here" if s.available else "missing",
                                "from": "imported" if s.name in own else "the project"} for s in sources]),
                 hide_index=True, height="content" if len(sources) <= 12 else 440, alt="The data sets and whether they are here.")
    for source in sources:
        if not source.available:
            with st.expander(f"{text.plain(source.title)} is not here", icon=":material/info:"):
                st.text(f"{source.reason}\n{source.remedy}")


def chosen(theme: Theme) -> None:
    """What is in one set."""
    here = [source.name for source in data.available() if source.available]
    check(bool(here), "No data set is on this machine, not even the embedded one. Reinstall qfusion.")
    if state.get(PICK) in here:
        state.impose(SET, state.get(PICK))
    state.put(PICK, None)
    if state.get(SET) not in (None, *here):
        state.forget(SET)  # removed, or damaged, since it was picked
    name = st.selectbox("Set", here, help="A data set that is on this machine.", **state.bound(SET))
    found = cache.dataset(name)
    st.markdown(_card(found))
    st.caption(text.plain(found.description, 900))
    if found.target.kind == "classification":
        _classes(found, theme)
    else:
        _targets(found, theme)
    link("pages/train.py", "Train a model on it", ":material/model_training:", train=name)
    if name in imported.names():
        _record(name)


def _card(found: DataSet) -> str:
    rows = {"title": found.title, "samples": f"{len(found):,}",
            "train / valid / test": " / ".join(f"{len(found.rows(split)):,}" for split in SPLITS),
            "modalities": ", ".join(f"{m.name} ({m.size:,} features{_steps(m)})" for m in found.modalities),
            "target": f"{found.target.name}, {'classes' if found.target.classes else 'a number'}"
                      + (f" in {found.target.range}" if found.target.range else ""),
            "source": found.source, "licence": found.licence, "digest": found.digest[:12]}
    if found.unimodal is not None:
        rows["targets of single modalities"] = ", ".join(map(str, found.unimodal.columns))
    lines = [f"| {key} | {text.plain(value)} |" for key, value in rows.items()]
    return "\n".join([lines[0], "|---|---|", *lines[1:]])


def _steps(modality: Any) -> str:
    return "" if modality.lengths is None else f", sequences of up to {modality.values.shape[1]:,} steps"


def _classes(found: DataSet, theme: Theme) -> None:
    names = found.target.classes
    counts = {split: np.bincount(found.y[found.rows(split)], minlength=len(names)) for split in SPLITS}
    whole = np.sum(list(counts.values()), axis=0)
    order = np.arange(len(names)) if len(names) <= _MOST_SHOWN else np.argsort(-whole, kind="stable")[:_MOST_SHOWN]
    smallest = int(whole.min())
    panels.panel(
        "data-classes", f"Its {len(names)} classes have {smallest:,} to {int(whole.max()):,} samples",
        figures.classes({split: found_[order].tolist() for split, found_ in counts.items()}, [names[i] for i in order], theme=theme),
        shows=f"how many of {len(found):,} samples are of which class, by part of the split" + _cut(names),
        not_shown="how hard the classes are to tell apart.", alt=f"Samples by class: {spoken.listed(names, whole, '.0f')}.",
        numbers=lambda: pd.DataFrame({"class": list(names)} | counts))


def _cut(names: tuple[str, ...]) -> str:
    return f", the {_MOST_SHOWN} most frequent of {len(names)} classes." if len(names) > _MOST_SHOWN else "."


def _targets(found: DataSet, theme: Theme) -> None:
    values = {split: np.asarray(found.y[found.rows(split)]) for split in SPLITS}
    edges = figures.histogram_edges(values)
    mean, spread = float(found.y.mean()), float(found.y.std())
    panels.panel(
        "data-target", f"{text.plain(found.target.name)} is {round(mean, 2) + 0.0:+.2f} ± {spread:.2f} over all {len(found):,} samples",
        figures.targets(values, f"{found.target.name} {f'({found.target.unit})' if found.target.unit else ''}".strip(), theme=theme),
        shows=f"how the target is spread in each part of the split, in {figures.BINS} bins; mean ± deviation above.",
        not_shown="whether the parts are alike in anything but the target.",
        alt=f"Histograms of the target: mean {spoken.terms({name: part.mean() for name, part in values.items() if len(part)})}.",
        numbers=lambda: pd.DataFrame({"from": edges[:-1], "to": edges[1:]}
                                     | {split: np.histogram(part, edges)[0] for split, part in values.items()}))


def _record(name: str) -> None:
    """What was found and repaired when the set was imported, and its removal."""
    record = imported.manifest(name)
    with st.expander("The report of its import", icon=":material/fact_check:"):
        for file in record["files"]:
            st.code(f"{file['name']}, {file['bytes']:,} bytes\nSHA-256 {file['sha256']}", language=None, wrap_lines=True)
        findings(record["report"]["findings"])
        st.caption(f"Imported {text.plain(record['created'])} with qfusion {text.plain(record['versions']['qfusion'])}.")
    if access.level() == "path":
        with st.popover("Remove", icon=":material/delete:"):
            st.markdown(f"Remove **{text.plain(name)}** from this machine? The files it was imported from stay.")
            st.button("Yes, remove it", on_click=_remove, args=(name,), key="_remove_set")


def _remove(name: str) -> None:
    imported.remove(name)
    state.put(KEPT, f"{text.plain(name)} was removed.")


BADGES = {"error": ":red-badge[:material/error: error]", "warning": ":orange-badge[:material/warning: warning]",
          "note": ":gray-badge[note]"}


def findings(found: list[dict[str, Any]]) -> None:
    """Findings of a report as lines, worst first."""
    for each in found:
        where = f"**{text.plain(each['modality'])}**: " if each["modality"] else ""
        st.markdown(f"{BADGES.get(each['severity'], '')} {where}{text.message(each['words'])}")
    if not found:
        st.markdown(":material/check: Nothing was found that needs saying.")
