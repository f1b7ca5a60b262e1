"""The picker of what decisions are compared with: the training set, states that know nothing, or one other sample."""

from __future__ import annotations

import streamlit as st

from qfusion.ui import backgrounds, cache, state, text
from qfusion.ui.workspace import Workspace

_HELP = ("What stands in for a modality when the contributions of the others are worked out: the training samples as they occur; each "
         "modality drawn on its own from these; states that know nothing; the reference state |0⟩; or one other sample, for “why this "
         "decision rather than that one?”.")


def settle() -> None:
    """Lets a link say a background as the command line does (`joint`, `contrast`, ...), before the widget is drawn."""
    labels = {kind: label for label, kind in backgrounds.CHOICES.items()}
    wanted = st.query_params.get(state.BACKGROUND)
    if wanted in labels and state.BACKGROUND not in st.session_state:
        state.impose(state.BACKGROUND, labels[wanted])


def draw(work: Workspace, row: int) -> Workspace:
    """Draws the picker; returns the workspace with that background."""
    settle()
    state.drop_invalid({state.BACKGROUND: state.options("Background", backgrounds.CHOICES, "The training set is compared with."),
                        state.CONTRAST: state.Allowed(work.dataset.row, "Another sample is compared with.")})
    chosen = st.selectbox("Compared with", list(backgrounds.CHOICES), help=_HELP, **state.bound(state.BACKGROUND))
    kind = backgrounds.CHOICES[chosen]
    sample = _other(work, row) if kind == "contrast" else ""
    if sample == str(work.dataset.ids[row]):
        st.caption("This sample is compared with itself, so every contribution is 0. Pick another.")
    return cache.against(work, kind, sample)


def _other(work: Workspace, row: int) -> str:
    ids = work.dataset.ids.tolist()
    default = backgrounds.usual_contrast(work, row)
    if state.get(state.CONTRAST) not in (None, *ids):
        state.put(state.CONTRAST, default)  # of another data set
    sample = str(st.selectbox("Rather than sample", ids, index=ids.index(default), help="Type to search.", **state.bound(state.CONTRAST)))
    place = work.dataset.row(sample)
    if work.classes:
        st.caption(f"predicted ‘{text.plain(work.classes[int(work.predicted[place])])}’ "
                   f"({work.probabilities[place].max():.0%})")
    else:
        st.caption(f"its score: {work.scores[place, 0]:+.2f}")
    return sample


def kept() -> dict[str, str]:
    """What links and the next page carry: nothing when the training set is compared with."""
    chosen = state.get(state.BACKGROUND)
    if chosen in (None, backgrounds.USUAL):
        return {}
    found = {state.BACKGROUND: str(chosen)}
    if backgrounds.CHOICES.get(str(chosen)) == "contrast" and state.get(state.CONTRAST):
        found[state.CONTRAST] = str(state.get(state.CONTRAST))
    return found
