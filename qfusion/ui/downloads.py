"""What a reader takes away beside figures: the model as it is tweaked, from a dialog behind a button, and the report on
what the page shows.
"""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import streamlit as st

from qfusion import model_export, report
from qfusion.analysis import sample, text
from qfusion.errors import provided
from qfusion.explain.cohorts import Part
from qfusion.panels import pages
from qfusion.report import about_cohort
from qfusion.training import checkpoint
from qfusion.ui import access, controls, frame, reruns, state

_OPEN, _FORMAT, _PRECISION, _NAME, _KEPT = (
    "_out.open",
    "_out.format",
    "_out.precision",
    "_out.name",
    "_out.kept",
)
_EXACT = {"double": "double precision", "single": "single precision, half the size"}


def export_button(here: frame.Here) -> None:
    """The button that opens the dialog."""
    st.button(
        "Export model",
        icon=":material/output:",
        type="tertiary",
        key="_model_out",
        on_click=state.put,
        args=(state.DRAWER, _OPEN),
        help="This model, with what you have tweaked, as a checkpoint, for PyTorch, QuTiP, OpenQASM or NumPy.",
    )
    if value := state.take(_KEPT):
        st.toast(f"Kept as {text.plain(value)}: pick it on top.", icon=":material/check:")
    if state.get(state.DRAWER) == _OPEN:
        reruns.dialog(
            "Export model",
            _body,
            here,
            width="medium",
            on_dismiss=partial(state.put, state.DRAWER, None),
        )


def _body(here: frame.Here) -> None:
    study = here.study
    loaded, tweak = reruns.loaded(study.name), controls.current_tweak(study)
    st.markdown(
        f"**{text.plain(study.name)}**, "
        + (f"tweaked: {text.plain(tweak)}." if tweak else "as trained: nothing is tweaked.")
        + f" Sample {text.plain(here.sample)}, where a format is of one."
    )
    reasons = {name: model_export.impossible(name, loaded) for name in model_export.FORMATS}
    able = [name for name, reason in reasons.items() if not reason]
    picked = st.radio(
        "Format",
        able,
        format_func=lambda name: model_export.FORMATS[name].title,
        key=_FORMAT,
        captions=[model_export.FORMATS[name].says for name in able],
    )
    if picked is not None:
        _download(here, loaded, tweak, picked)
    if left_out := [model_export.FORMATS[name].title for name, reason in reasons.items() if reason]:
        reason = next(reason for reason in reasons.values() if reason)
        st.caption(
            f"Not for this model: {', '.join(left_out)}. {text.message(reason.partition('. ')[2])}"
        )
    if access.level() != "none":
        _keep(here, loaded, tweak)


def _download(here: frame.Here, loaded: checkpoint.Checkpoint, tweak: str, picked: str) -> None:
    study, wanted = here.study, model_export.FORMATS[picked]
    name = _free(f"{study.name}-tweaked" if tweak else f"{study.name}-copy")
    stem = (
        f"{study.name}-{here.sample}"
        if wanted.of_sample
        else name
        if picked == "checkpoint"
        else study.name
    )
    precision = (
        state.one_of(
            "Numbers",
            list(_EXACT),
            format_func=_EXACT.__getitem__,
            default="double",
            key=_PRECISION,
        )
        if picked == "torch"
        else "double"
    )
    make = partial(
        model_export.make,
        picked,
        loaded,
        study.dataset,
        tweak=tweak,
        sample=here.sample,
        model_name=name,
        precision=precision,
        behind=study.background,
    )
    st.download_button(
        f"Download {wanted.title}",
        access.in_turn(make),
        f"{pages.file_name(stem, 80)}{wanted.ending}",
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


def unused(stem: str, taken: Collection[str]) -> str:
    """A name that is not taken, from one that may be."""
    names = (stem, *(f"{stem}.{n}" for n in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _free(name: str) -> str:
    """A model's name that is not taken, from one that may be."""
    return unused(pages.file_name(name, 56), checkpoint.available())


def _keep(here: frame.Here, loaded: checkpoint.Checkpoint, tweak: str) -> None:
    """Puts the model among the reader's own."""
    with st.container(border=True, gap="xsmall", key="box-keep-model"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            free = _free(f"{here.study.name}-tweaked")
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
        with frame.guard():
            with access.waiting("Measuring it on all samples …"):
                model_export.keep(loaded, tweak, here.study.dataset, called)
            state.put(_KEPT, called)
            state.put(state.DRAWER, None)
            st.rerun()  # of the whole page: its pickers have the model then


# The button that writes a report on what the reader looks at.

KINDS = {".pdf": ("PDF", "application/pdf"), ".html": ("HTML", "text/html")}


def report_of_sample(here: frame.Here) -> None:
    """Offers the report on the current sample, with the reader's background, output and changes of the model."""
    changed = controls.current_tweak(here.study)
    says = (
        f" The model is taken as you have changed it: {text.plain(changed, 120)}."
        if changed
        else ""
    )
    _offer(
        f"{here.study.name}-{here.sample}",
        f"All about this decision in one file that needs no network: contributions, dynamics, entropies, "
        f"circuit, faithfulness, methods with equations, BibTeX. It takes about ten seconds.{says}",
        lambda suffix: report.sample(
            sample.sample_of(here.study, here.row, here.output_wanted, changed)
        ).written(suffix),
    )


def report_of_cohort(here: frame.Here, table: Any, parts: Sequence[Part], name: str) -> None:
    """Offers the report on the cohort in force."""
    _offer(
        f"{here.study.name}-cohort",
        "All about this cohort in one file that needs no network: shares and types with intervals, "
        "contributions, entanglement, members, faithfulness, methods with equations, BibTeX. It takes about ten "
        "seconds.",
        lambda suffix: report.cohort(about_cohort.members(here.study, table, parts, name)).written(
            suffix
        ),
    )


def _offer(name: str, says: str, make: Callable[[str], bytes]) -> None:
    with st.popover(
        "Report", icon=":material/description:", help="A report to read, print or send"
    ):
        st.caption(says)
        with st.container(horizontal=True):
            for suffix, (label, kind) in KINDS.items():
                st.download_button(
                    label,
                    data=access.in_turn(provided()(partial(make, suffix))),
                    file_name=f"qfusion-{pages.file_name(name, 80)}{suffix}",
                    mime=kind,
                    on_click="ignore",
                    icon=":material/download:",
                    key=f"report{suffix}",
                )
