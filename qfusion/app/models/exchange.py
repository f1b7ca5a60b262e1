"""The dialog that exports a model or keeps it as it is tweaked."""

from functools import partial
from typing import Any

import streamlit as st

from qfusion import _read_only
from qfusion._lazy import Library
from qfusion.app import page_runs, state, tasks
from qfusion.app.models import tweaks
from qfusion.app.page_context import PageContext
from qfusion.study import text
from qfusion.training import checkpoint

model_export: Any = Library("qfusion.model_export")
plans: Any = Library("qfusion.runs.plans")
_OPEN, _FORMAT, _PRECISION, _NAME, _KEPT = (
    "_out.open",
    "_out.format",
    "_out.precision",
    "_out.name",
    "_out.kept",
)
_EXACT = {"double": "double precision", "single": "single precision, half the size"}


def export_button(context: PageContext) -> None:
    """The button that opens the dialog."""
    st.button(
        "Export model",
        icon=":material/output:",
        type="tertiary",
        key="_model_out",
        on_click=state.put,
        args=(state.DRAWER, _OPEN),
        help="This model, including your tweaks, as a checkpoint, or for other programs.",
    )
    if value := state.pop(_KEPT):
        st.toast(
            f"Saved as {text.escape_markdown(value)}. Choose it at the top.",
            icon=":material/check:",
        )
    page_runs.dialog_if_wanted(_OPEN, "Export model", _body, context, width="medium")


def _body(context: PageContext) -> None:
    study = context.study
    loaded, tweak = tasks.load_model(study.name), tweaks.current_tweak(study)
    st.markdown(
        f"**{text.escape_markdown(study.name)}**, "
        + (f"tweaked: {text.escape_markdown(tweak)}." if tweak else "as trained, without tweaks.")
        + f" Formats of a single sample use sample {text.escape_markdown(context.sample)}."
    )
    reasons = {name: model_export.unsupported_reason(name, loaded) for name in model_export.FORMATS}
    able = [name for name, reason in reasons.items() if not reason]
    picked = st.radio(
        "Format",
        able,
        format_func=lambda name: model_export.FORMATS[name].title,
        key=_FORMAT,
        captions=[model_export.FORMATS[name].says for name in able],
    )
    if picked is not None:
        _download(context, loaded, tweak, picked)
    if left_out := [model_export.FORMATS[name].title for name, reason in reasons.items() if reason]:
        reason = next(reason for reason in reasons.values() if reason)
        st.caption(
            f"Not for this model: {', '.join(left_out)}. {text.message(reason.partition('. ')[2])}"
        )
    if not _read_only.is_read_only():
        _keep(context, loaded, tweak)


def _download(context: PageContext, loaded: checkpoint.Checkpoint, tweak: str, picked: str) -> None:
    study, wanted = context.study, model_export.FORMATS[picked]
    name = plans.choose_free_name(f"{study.name}-tweaked" if tweak else f"{study.name}-copy")
    stem = (
        f"{study.name}-{context.sample}"
        if wanted.of_sample
        else name
        if picked == "checkpoint"
        else study.name
    )
    precision = (
        state.required_choice(
            "Numbers",
            list(_EXACT),
            format_func=_EXACT.__getitem__,
            default="double",
            key=_PRECISION,
        )
        if wanted.write
        else "double"
    )
    make = partial(
        model_export.file_bytes,
        picked,
        loaded,
        study.dataset,
        tweak=tweak,
        sample=context.sample,
        model_name=name,
        precision=precision,
        background=study.background,
    )
    st.download_button(
        f"Download {wanted.title}",
        make,
        f"{text.file_name(stem, 80)}{wanted.ending}",
        "application/octet-stream",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key=f"model-out-{picked}",
        help={
            "checkpoint": "Measures all samples again, which takes some seconds.",
            "numpy": "Computed on request, which takes some seconds.",
        }.get(picked),
    )
    says = {
        "qutip": "A .qu file is a pickle. Loading a pickle can run arbitrary code, so load only your own.",
        "checkpoint": "Unpack it into a folder of models, or save the model here, below.",
    }
    if picked in says:
        st.caption(says[picked])


def _keep(context: PageContext, loaded: checkpoint.Checkpoint, tweak: str) -> None:
    """Draw the form that adds the model to the reader's own models."""
    with st.container(border=True, gap="xsmall", key="box-keep-model"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            free = plans.choose_free_name(f"{context.study.name}-tweaked")
            name = st.text_input(
                "Name of the saved model", placeholder=free, max_chars=64, key=_NAME
            )
            pressed = st.button(
                "Save as my model",
                icon=":material/save:",
                key="_keep_model",
                disabled=not tweak,
                help=None if tweak else "Nothing is tweaked, so it would be the same model.",
            )
        if pressed:
            called = name.strip() or free
            with page_runs.show_errors():
                with st.spinner("Measuring it on all samples …"):
                    model_export.add_to_own_models(loaded, tweak, context.study.dataset, called)
                state.put(_KEPT, called)
                state.put(state.DRAWER, None)
                st.rerun()  # of the whole page: its pickers have the model then
