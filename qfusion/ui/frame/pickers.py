"""The shared pickers: model, data, sample. What the link says wins where it fits; what does not fit is named."""

from __future__ import annotations

from typing import Any

import streamlit as st

from qfusion import data
from qfusion._checks import check, choose
from qfusion.analysis import subject
from qfusion.analysis.cohort import examples
from qfusion.analysis.subject import Workspace
from qfusion.errors import NotFound, QFusionError
from qfusion.training import checkpoint
from qfusion.ui.frame import cache, comparison, state

KEYS = (state.MODEL, state.DATA, state.SAMPLE, state.OUTPUT, state.BACKGROUND, state.CONTRAST, state.MEMBERS)  # in every page's address


def models() -> list[str]:
    """Names of the checkpoints.

    Raises:
        NotFound: when there is none.
    """
    names = checkpoint.available()
    if not names:
        raise NotFound("There is no trained model yet. Train the shipped ones with `python scripts/train_models.py`.")
    return sorted(names, key=lambda name: (name != "qj-planted", name))


def sources() -> list[str]:
    """Names of the data sets that are on this machine."""
    return [source.name for source in data.available() if source.available]


def allowed() -> dict[str, state.Allowed]:
    """What a link may say about model and data."""
    return {state.MODEL: state.Allowed(_test_model, "The default model is shown."),
            state.DATA: state.Allowed(_test_data, "The model's own data are shown.")}


def _test_model(name: str) -> None:
    choose("Model", name, models())


def _test_data(name: str) -> None:
    known = {source.name: source for source in data.available()}
    found = known.get(name)
    if found is None:
        state.options("Data set", known, "").test(name)
    elif not found.available:
        raise NotFound(f"Data set '{name}' is not on this machine. {found.reason} {found.remedy}")


def settle() -> None:
    """On a fresh session, makes model and data in the address agree before any widget is drawn.

    A link that names only the data gets a model trained on them; a model that does not fit the data gets its own.
    """
    wanted = st.query_params.get(state.DATA)
    if state.MODEL in st.session_state or not wanted:
        return
    model = st.query_params.get(state.MODEL)
    if model is None:
        state.impose(state.MODEL, _model_for(wanted) or models()[0])
    elif problem := _misfit(model, wanted):
        state.notice(f"In the link, `data`: model '{model}' does not fit data set '{wanted}': {problem} "
                     "The model's own data are shown.")
        state.impose(state.DATA, _own_data(model))
        st.rerun()  # a value that came with the first address outlives the run in which it is changed


def draw() -> tuple[Workspace, int, int | None]:
    """Draws the pickers; returns the model on its data, the row of the sample, and the output to explain.

    The output is None for the predicted class of each sample, or for a model with one score.
    """
    names, known = models(), sources()
    check(bool(known), "No data set is on this machine, not even the embedded one. Reinstall qfusion.")
    for key, what, here in ((state.MODEL, "Model", names), (state.DATA, "Data set", known)):
        if state.get(key) not in (None, *here):  # it was deleted, or a link asked for it
            state.notice(f"{what} '{str(state.get(key))[:80]}' does not exist. The default is shown.")
            state.forget(key)
    model = st.selectbox("Model", names, on_change=_model_changed, help=_MODEL_HELP, **state.bound(state.MODEL))
    own = _own_data(model)
    index = known.index(own) if own in known else 0
    chosen = st.selectbox("Data", known, index=index, on_change=_data_changed, help=_DATA_HELP,
                          **state.bound(state.DATA))
    check(not _misfit(model, chosen) or _model_for(chosen) is not None,
          f"Data set '{chosen}' has no model yet. Train one on the Train page, or with "
          f"`python -m qfusion train --data {chosen} --model quantum-jump --out my-model`.")
    work = cache.workspace_of(model, chosen)
    row = _sample(work)
    output = _output(work)
    work = comparison.draw(work, row)
    state.keep(model=model, data=chosen, sample=str(work.dataset.ids[row]),
               **({state.OUTPUT: work.classes[output]} if output is not None else {}), **comparison.kept())
    return work, row, output


PREDICTED = "the predicted class"
_DATA_HELP = "A data set that is on this machine. The model follows it."
_MODEL_HELP = "A trained checkpoint. Data and test numbers follow it."


def _sample(work: Workspace) -> int:
    """The sample picker: every id of the data set, the most telling conflict first shown."""
    ids = work.dataset.ids.tolist()
    state.drop_invalid({state.SAMPLE: state.Allowed(work.dataset.row, "A default sample is shown.")})
    default = work.opening or examples.find(work)[1].sample
    if state.get(state.SAMPLE) not in (None, *ids):
        state.put(state.SAMPLE, default)  # of another data set
    sample = st.selectbox("Sample", ids, index=ids.index(default), on_change=_sample_changed,
                          help="Type to search. Samples are also picked in the table and the scatter of the Samples page.",
                          **state.bound(state.SAMPLE))
    st.caption(f"{len(ids):,} samples, {len(work.dataset.rows('test')):,} of them for testing")
    return work.dataset.row(sample)


def _output(work: Workspace) -> int | None:
    """Whose score is explained: the class that is predicted, or one that the reader names."""
    if not work.classes:
        return None
    known = [PREDICTED, *work.classes]
    state.drop_invalid({state.OUTPUT: state.options("Class", known, "The predicted class is explained.")})
    if state.get(state.OUTPUT) not in (None, *known):
        state.put(state.OUTPUT, PREDICTED)  # of another data set
    chosen = st.selectbox("Explain the score of", known, help="Every class has a score; contributions add up to one of them.",
                          **state.bound(state.OUTPUT))
    return None if chosen == PREDICTED else work.classes.index(chosen)


def _sample_changed() -> None:
    state.choose_sample(state.get(state.SAMPLE))


def _model_changed() -> None:
    own = _own_data(state.get(state.MODEL))
    if own in sources():
        state.put(state.DATA, own)


def _data_changed() -> None:
    name = state.get(state.DATA)
    if _misfit(state.get(state.MODEL), name):
        found = _model_for(name)
        if found:
            state.put(state.MODEL, found)


def _card(model: str) -> dict[str, Any]:
    return dict(cache.loaded(model).card)


def _own_data(model: str) -> str:
    return str(_card(model)["data"]["name"])


def _model_for(data_name: str) -> str | None:
    """The first model that was trained on a data set."""
    for name in models():
        try:
            if _own_data(name) == data_name:
                return name
        except QFusionError:
            continue  # a damaged checkpoint is named when it is picked
    return None


def _misfit(model: str, data_name: str) -> str:
    """Why a model does not fit a data set; empty when it does or when either cannot be loaded, which shows later."""
    try:
        return subject.misfit(_card(model), cache.dataset(data_name))
    except QFusionError:
        return ""

