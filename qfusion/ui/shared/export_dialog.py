"""Export model: the model as the reader has tweaked it, for use elsewhere or as a model of the reader's own. A dialog
behind a button."""

from __future__ import annotations

from functools import partial

import streamlit as st

from qfusion import model_export
from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.model_export import weights
from qfusion.training.checkpoint import Checkpoint
from qfusion.ui.door import access, turns
from qfusion.ui.frame import cache, runs, sliders, state
from qfusion.ui.frame.shell import Here

_OPEN, _FORMAT, _PRECISION, _NAME, _KEPT = (
    "_out.open",
    "_out.format",
    "_out.precision",
    "_out.name",
    "_out.kept",
)
_EXACT = {"double": "double precision", "single": "single precision, half the size"}


def button(here: Here) -> None:
    """The button that opens the dialog."""
    st.button(
        "Export model",
        icon=":material/output:",
        type="tertiary",
        key="_model_out",
        on_click=_open,
        help="This model, with what you have tweaked, as a checkpoint, for PyTorch, QuTiP, OpenQASM or NumPy.",
    )
    if kept := state.get(_KEPT):
        state.put(_KEPT, "")
        st.toast(f"Kept as {text.plain(kept)}: pick it on top.", icon=":material/check:")
    if state.get(_OPEN) == state.get(state.PAGE, "") and not runs.has_dialog():
        st.dialog("Export model", width="medium", on_dismiss=_close)(_body)(here)


def _open() -> None:
    state.put(_OPEN, state.get(state.PAGE, ""))


def _close() -> None:
    """Forgets that it is open."""
    state.put(_OPEN, None)


def _body(here: Here) -> None:
    work = here.work
    found, tweak = cache.loaded(work.name), sliders.current_tweak(work)
    st.markdown(
        f"**{text.plain(work.name)}**, "
        + (f"tweaked: {text.plain(tweak)}." if tweak else "as trained: nothing is tweaked.")
        + f" Sample {text.plain(here.sample)}, where a format is of one."
    )
    reasons = {name: model_export.impossible(name, found) for name in model_export.FORMATS}
    able = [name for name, reason in reasons.items() if not reason]
    picked = st.radio(
        "Format",
        able,
        format_func=lambda name: model_export.FORMATS[name].title,
        key=_FORMAT,
        captions=[model_export.FORMATS[name].says for name in able],
    )
    if picked is not None:
        _download(here, found, tweak, picked)
    if left_out := [model_export.FORMATS[name].title for name, reason in reasons.items() if reason]:
        reason = next(reason for reason in reasons.values() if reason)
        st.caption(
            f"Not for this model: {', '.join(left_out)}. {text.message(reason.partition('. ')[2])}"
        )
    if access.level() != "none":
        _keep(here, found, tweak)


def _download(here: Here, found: Checkpoint, tweak: str, picked: str) -> None:
    work, wanted = here.work, model_export.FORMATS[picked]
    name = _free(f"{work.name}-tweaked" if tweak else f"{work.name}-copy")
    stem = (
        f"{work.name}-{here.sample}"
        if wanted.of_sample
        else name
        if picked == "checkpoint"
        else work.name
    )
    precision = "double"
    if picked == "torch":
        precision = state.one_of(
            "Numbers",
            list(_EXACT),
            format_func=_EXACT.__getitem__,
            default="double",
            key=_PRECISION,
        )
    make = partial(
        model_export.make,
        picked,
        found,
        work.dataset,
        tweak=tweak,
        sample=here.sample,
        model_name=name,
        precision=precision,
        behind=work.background,
    )
    st.download_button(
        f"Download {wanted.title}",
        turns.in_turn(make),
        f"{_file(stem)}{wanted.ending}",
        "application/octet-stream",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key=f"model-out-{picked}",
        help=_SECONDS.get(picked),
    )
    if picked == "qutip":
        st.caption(
            "A .qu file is a pickle, and loading a pickle runs what its maker put into it: load only your own."
        )
    if picked == "checkpoint":
        st.caption("Unpack it into a folder of models, or keep the model here, below.")


_SECONDS = {
    "checkpoint": "Measured anew on all samples: takes some seconds.",
    "torch": "Traced step by step: takes some seconds.",
    "numpy": "Worked out when you press: takes some seconds.",
}


def _file(stem: str) -> str:
    """A name that every file system takes."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in stem)[:80]


def _free(name: str) -> str:
    """A model's name that is not taken, from one that may be."""
    from qfusion.training import checkpoint

    taken, stem = set(checkpoint.available()), _file(name)[:56].strip("._-") or "model"
    return next(
        each
        for each in (stem, *(f"{stem}.{n}" for n in range(2, len(taken) + 3)))
        if each not in taken
    )


def _keep(here: Here, found: Checkpoint, tweak: str) -> None:
    """Puts the model among the reader's own."""
    with st.container(border=True, gap="xsmall", key="box-keep-model"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            free = _free(f"{here.work.name}-tweaked")
            name = st.text_input(
                "Keep as my model, under the name", placeholder=free, max_chars=64, key=_NAME
            )
            pressed = st.button(
                "Keep as my model",
                icon=":material/save:",
                key="_keep_model",
                disabled=not tweak,
                help=None if tweak else "Nothing is tweaked: it would be the model that you have.",
            )
        if not pressed:
            return
        called = name.strip() or free
        try:
            with turns.waiting("Measuring it on all samples …"):
                weights.keep(found, tweak, here.work.dataset, called)
        except QFusionError as error:
            st.error(text.message(error), icon=":material/error:")
            return
        state.put(_KEPT, called)
        _close()
        st.rerun()  # of the whole page: its pickers have the model then
