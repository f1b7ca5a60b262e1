"""The picker of what decisions are compared with: the training set, states that know nothing, one other sample, or a
cohort."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis import backgrounds, text
from qfusion.analysis.cohort import cohort_measures
from qfusion.analysis.subject import Workspace
from qfusion.errors import QFusionError
from qfusion.explain import cohorts
from qfusion.panels.address import Allowed, options
from qfusion.ui.frame import state, stored
from qfusion.ui.shared import sample_box

_HELP = (
    "What stands in for a modality when the contributions of the others are worked out: the training samples as they "
    "occur; each modality drawn on its own from these; states that know nothing; the reference state |0⟩; one other "
    "sample, for “why this decision rather than that one?”; or a cohort saved on the Cohorts page."
)


def settle() -> None:
    """Lets a link say a background as the command line does (`joint`, `contrast`, ...), before the widget is drawn."""
    labels = {kind: label for label, kind in backgrounds.OFFERED.items()}
    wanted = st.query_params.get(state.BACKGROUND)
    if wanted in labels and state.BACKGROUND not in st.session_state:
        st.query_params[state.BACKGROUND] = labels[wanted]
        st.rerun()  # a widget's first value is what the address held when the run began


def draw(work: Workspace, row: int) -> Workspace:
    """Draws the picker; returns the workspace with that background."""
    settle()
    state.drop_invalid(
        {
            state.BACKGROUND: options(
                "Background", backgrounds.OFFERED, "The training set is compared with."
            ),
            state.CONTRAST: Allowed(work.dataset.row, "Another sample is compared with."),
        }
    )
    chosen = st.selectbox(
        "Compared with",
        list(backgrounds.OFFERED),
        help=_HELP,
        width=190,
        **state.bound(state.BACKGROUND),
    )
    kind = backgrounds.OFFERED[chosen]
    if kind == "cohort":
        return _cohort(work)
    sample = _other(work, row) if kind == "contrast" else ""
    if sample == str(work.dataset.ids[row]):
        st.caption("This sample is compared with itself, so every contribution is 0. Pick another.")
    return backgrounds.applied(work, kind, sample)


def _cohort(work: Workspace) -> Workspace:
    """The workspace with a saved cohort behind it, whose members are told by the decisions against the training set."""
    names = [each.name for each in stored.saved()]
    if not names:
        st.caption(
            "No cohort is saved yet: name one on the Cohorts page. Until then the training set is compared with."
        )
        return work
    state.drop_invalid(
        {state.MEMBERS: options("Cohort", names, "The first saved one is compared with.")}
    )
    if state.get(state.MEMBERS) not in (None, *names):
        state.put(state.MEMBERS, names[0])  # deleted since
    name = st.selectbox("Cohort", names, width=170, **state.bound(state.MEMBERS))
    try:
        rows = cohort_measures.members(
            work, next(each.parts for each in stored.saved() if each.name == name)
        )
    except QFusionError as error:
        st.warning(
            text.message(
                f"Cohort ‘{name}’ does not fit this model: {error} The training set is compared with."
            )
        )
        return work
    if not len(rows):
        st.warning(
            text.message(f"Cohort ‘{name}’ has no sample here. The training set is compared with.")
        )
        return work
    st.caption(f"{len(rows):,} samples")
    return backgrounds.applied(work, "cohort", name, rows)


def cohort(work: Workspace) -> str:
    """The cohort that decisions are compared with, as NAME:FILTER; empty where it is something else."""
    found = [
        each
        for each in stored.saved()
        if work.background.kind == "cohort" and each.name == work.background.label
    ]
    return f"{found[0].name}:{cohorts.written(found[0].parts)}" if found else ""


def _other(work: Workspace, row: int) -> str:
    default = backgrounds.default_contrast(work, row)
    if sample_box.is_foreign(work.dataset, state.CONTRAST):
        state.put(state.CONTRAST, default)  # of another data set
    said = state.get(state.CONTRAST) or st.query_params.get(state.CONTRAST) or default
    place = work.dataset.row(said if sample_box.exists(work.dataset, said) else default)
    if work.classes:
        says = (
            f"It is predicted ‘{text.plain(work.classes[int(work.predicted[place])])}’ "
            f"({text.softmax(work.probabilities[place].max())})"
        )
    else:
        says = f"Its score {work.scores[place, 0]:+.2f}"
    return sample_box.draw(
        "Rather than sample",
        work.dataset,
        default,
        state.CONTRAST,
        width=170,
        help=f"{says}. Type to search.",
    )


def kept() -> dict[str, str]:
    """What links and the next page carry: nothing when the training set is compared with."""
    chosen = state.get(state.BACKGROUND)
    if chosen in (None, backgrounds.DEFAULT):
        return {}
    found = {state.BACKGROUND: str(chosen)}
    kind = backgrounds.OFFERED.get(str(chosen))
    for wanted, key in (("contrast", state.CONTRAST), ("cohort", state.MEMBERS)):
        if kind == wanted and state.get(key):
            found[key] = str(state.get(key))
    return found
