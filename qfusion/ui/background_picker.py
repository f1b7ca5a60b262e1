"""The picker of the background: the training set, states without information, one other sample, or a cohort."""

from dataclasses import replace

import streamlit as st

from qfusion._sentences import true_minus
from qfusion.analysis import background_choice, cohort_table, text
from qfusion.analysis.study import Study
from qfusion.errors import QFusionError
from qfusion.ui import closed_box, page_params, saved, state
from qfusion.ui.sample_box import exists, sample_box
from qfusion.ui.widgets import check, draw, follow
from qfusion.views.pages import address
from qfusion.views.words.rules import describe_softmax


def background_picker(study: Study, row: int) -> Study:
    """Draw the picker; return the study with that background. A link may say it as the command line does (`joint`,
    `contrast`, ...)."""
    if not study.reads_features:  # it has its own baseline
        return study
    labels = {kind: label for label, kind in background_choice.OFFERED.items()}
    key = address.BACKGROUND.key
    wanted = page_params.param_text(key)
    if wanted in labels and key not in st.session_state:
        page_params.drop_link({key: [labels[wanted]]})
    check(address.BACKGROUND, address.CONTRAST, study=study)
    with closed_box.place(address.BACKGROUND):
        kind = draw(address.BACKGROUND, width="stretch")
        option = state.get(address.BACKGROUND.key) or background_choice.DEFAULT_BACKGROUND
        closed_box.show_option(str(option))
    if kind == "cohort":
        return _cohort(study)
    sample = _other(study, row) if kind == "contrast" else ""
    if sample == str(study.dataset.ids[row]):
        st.caption(
            "The background is this sample itself, so every contribution is 0. Choose another one."
        )
    return background_choice.with_background(study, kind, sample)


def _cohort(study: Study) -> Study:
    """Return the study with a saved cohort as its background. Members of the cohort are determined by the decisions
    against the training set.
    """
    known = {cohort.name: cohort.parts for cohort in saved.saved_cohorts()}
    if not known:
        st.caption(
            "No cohort is saved yet. Save one on the Cohorts page; until then the training set is the "
            "background."
        )
        return study
    members = replace(address.MEMBERS, values=list(known))
    check(members)
    name = draw(members)
    try:
        rows = cohort_table.members(study, known[name])
    except QFusionError as error:
        st.warning(
            text.message(
                f"Cohort ‘{name}’ does not fit this model: {error} The training set is used as background."
            )
        )
        return study
    if not len(rows):
        st.warning(
            text.message(
                f"Cohort ‘{name}’ has no sample here. The training set is used as background."
            )
        )
        return study
    st.caption(f"{len(rows):,} samples")
    return background_choice.with_background(study, "cohort", name, rows)


def cohort(study: Study) -> str:
    """The cohort that decisions are compared with, as NAME:FILTER; empty where it is something else."""
    behind = study.background
    return next(
        (
            str(cohort)
            for cohort in saved.saved_cohorts()
            if behind.kind == "cohort" and cohort.name == behind.label
        ),
        "",
    )


def _other(study: Study, row: int) -> str:
    default = background_choice.default_contrast(study, row)
    follow(address.CONTRAST.key, default)  # before its value is read here
    value = page_params.param_text(address.CONTRAST.key) or default
    place = study.dataset.row(value if exists(study.dataset, value) else default)
    says = (
        f"It is predicted ‘{text.escape_markdown(study.classes[int(study.predicted[place])])}’ "
        f"({describe_softmax(study.probabilities[place].max())})"
        if study.classes
        else true_minus(f"Its score is {study.scores[place, 0]:+.2f}")
    )
    return sample_box(address.CONTRAST, study.dataset, default, help=f"{says}. Type to search.")


def background_in_links() -> dict[str, str]:
    """Return the background parameters of links and of the next page. The default background adds none."""
    chosen = str(state.get(address.BACKGROUND.key) or background_choice.DEFAULT_BACKGROUND)
    if chosen == background_choice.DEFAULT_BACKGROUND:
        return {}
    which = {"contrast": address.CONTRAST.key, "cohort": address.MEMBERS.key}
    key = which.get(background_choice.OFFERED.get(chosen, ""), "")
    return {address.BACKGROUND.key: chosen} | (
        {key: str(state.get(key))} if key and state.get(key) else {}
    )
