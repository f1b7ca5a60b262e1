"""The shared pickers: model, data, sample. What the link says wins where it fits; what does not fit is named."""

from __future__ import annotations

import streamlit as st

from qfusion._checks import check
from qfusion.analysis.subject import Workspace
from qfusion.panels.address import (
    PREDICTED,
    Allowed,
    default_sample,
    misfit,
    model_for,
    models,
    options,
    own_data,
    sources,
    test_data,
    test_model,
)
from qfusion.ui.bar import comparison, encoding, refining
from qfusion.ui.frame import state
from qfusion.ui.shared import sample_box

# in every page's address
KEYS = (
    state.MODEL,
    state.DATA,
    state.SAMPLE,
    state.OUTPUT,
    state.BACKGROUND,
    state.CONTRAST,
    state.MEMBERS,
    state.ROWS,
)


def allowed() -> dict[str, Allowed]:
    """What a link may say about model and data."""
    return {
        state.MODEL: Allowed(test_model, "The default model is shown."),
        state.DATA: Allowed(test_data, "The model's own data are shown."),
    }


def settle() -> None:
    """On a fresh session, makes model and data in the address agree before any widget is drawn.

    A link that names only the data gets a model trained on them; a model that does not fit the data gets its own.
    """
    wanted = st.query_params.get(state.DATA)
    if state.MODEL in st.session_state or not wanted:
        return
    model = st.query_params.get(state.MODEL)
    if model is None:
        state.impose(state.MODEL, model_for(wanted) or models()[0])
    elif problem := misfit(model, wanted):
        state.notice(
            f"In the link, `data`: model '{model}' does not fit data set '{wanted}': {problem} "
            "The model's own data are shown."
        )
        state.impose(state.DATA, own_data(model))
        st.rerun()  # a value that came with the first address outlives the run in which it is changed


def draw() -> tuple[Workspace, int, int | None]:
    """Draws the pickers; returns the model on its data, the row of the sample, and the output to explain.

    The output is None for the predicted class of each sample, or for a model with one score.
    """
    names, known = models(), sources()
    check(
        bool(known), "No data set is on this machine, not even the embedded one. Reinstall qfusion."
    )
    for key, what, here in ((state.MODEL, "Model", names), (state.DATA, "Data set", known)):
        if state.get(key) not in (None, *here):  # it was deleted, or a link asked for it
            state.notice(
                f"{what} '{str(state.get(key))[:80]}' does not exist. The default is shown."
            )
            state.forget(key)
    model = st.selectbox(
        "Model",
        names,
        on_change=_model_changed,
        help=_MODEL_HELP,
        width=190,
        **state.bound(state.MODEL),
    )
    own = own_data(model)
    index = known.index(own) if own in known else 0
    chosen = st.selectbox(
        "Data",
        known,
        index=index,
        on_change=_data_changed,
        help=_DATA_HELP,
        width=160,
        **state.bound(state.DATA),
    )
    check(
        not misfit(model, chosen) or model_for(chosen) is not None,
        f"Data set '{chosen}' has no model yet. Train one on the Train page, or with `python -m qfusion train --data "
        f"{chosen} --model quantum-jump --name my-model`.",
    )
    work = encoding.workspace(model, chosen)
    row = _sample(work)
    output = _output(work)
    work = refining.draw(comparison.draw(work, row))
    encoding.draw(model, chosen, work, str(work.dataset.ids[row]))
    state.keep(
        model=model,
        data=chosen,
        sample=str(work.dataset.ids[row]),
        **comparison.kept(),
        **refining.kept(),
        **({state.OUTPUT: work.classes[output]} if output is not None else {}),
    )
    return work, row, output


_DATA_HELP = "A data set that is on this machine. The model follows it."
_MODEL_HELP = "A trained checkpoint. Data and test numbers follow it."


def _sample(work: Workspace) -> int:
    """The sample picker, the most telling conflict first shown."""
    data = work.dataset
    state.drop_invalid({state.SAMPLE: Allowed(work.dataset.row, "A default sample is shown.")})
    default = default_sample(work)
    if sample_box.is_foreign(data, state.SAMPLE):
        state.put(state.SAMPLE, default)  # of another data set
    with st.container(
        horizontal=True, vertical_alignment="bottom", gap=None, width="content", key="samples"
    ):
        sample = sample_box.draw(
            "Sample",
            data,
            default,
            state.SAMPLE,
            _sample_changed,
            width=170,
            help=f"{len(data):,} samples, {len(data.rows('test')):,} of them for testing. "
            "Type to search, or step with the keys ← and →.",
        )
        row = data.row(sample)
        for key, icon, step, words in (
            ("_previous", "chevron_left", -1, "Previous sample (←)"),
            ("_next", "chevron_right", 1, "Next sample (→)"),
        ):
            there = sample_box.step(data, row, step)
            st.button(
                "",
                key=key,
                icon=f":material/{icon}:",
                type="tertiary",
                help=words,
                disabled=not there,
                on_click=state.choose_sample,
                args=(there,),
            )
    return row


def _output(work: Workspace) -> int | None:
    """Whose score is explained: the class that is predicted, or one that the reader names."""
    if not work.classes:
        return None
    known = [PREDICTED, *work.classes]
    state.drop_invalid({state.OUTPUT: options("Class", known, "The predicted class is explained.")})
    if state.get(state.OUTPUT) not in (None, *known):
        state.put(state.OUTPUT, PREDICTED)  # of another data set
    chosen = st.selectbox(
        "Score of",
        known,
        width=150,
        help="Every class has a score; contributions add up to the one explained.",
        **state.bound(state.OUTPUT),
    )
    return None if chosen == PREDICTED else work.classes.index(chosen)


def _sample_changed() -> None:
    """Says it in the address, which this run reads already."""
    state.choose_sample(state.get(state.SAMPLE))


def _model_changed() -> None:
    name = state.get(state.MODEL)
    if (
        name in models() and (own := own_data(name)) in sources()
    ):  # a browser may send any text, such as a path
        state.put(state.DATA, own)


def _data_changed() -> None:
    model, name = state.get(state.MODEL), state.get(state.DATA)
    if model in models() and name in sources() and misfit(model, name):
        found = model_for(name)
        if found:
            state.put(state.MODEL, found)
