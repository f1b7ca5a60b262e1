"""Boxes to choose a sample by its id, and the background: the training set, states without information, one other
sample, or a cohort."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from qfusion._sentences import true_minus
from qfusion.app import links, state, widgets
from qfusion.app.widgets import bind, check, draw, follow, take_link
from qfusion.data import DataSet
from qfusion.errors import QFusionError
from qfusion.study import cohorts, opening, text
from qfusion.study.study import Study
from qfusion.views.pages import address, params
from qfusion.views.words.rules import describe_softmax

OFFERED = 10_000  # ids that are all sent
AROUND = 100  # ids before and after the chosen one, of more
WORDS = 40  # characters of a sample's text
_LETTER, _BESIDE, _WIDEST = (
    8,
    64,
    340,
)  # pixels of a letter, of what is beside an id, and of the widest box


def exists(dataset: DataSet, sample: object) -> bool:
    """Whether a data set has a sample of this id."""
    return bool(dataset.known_ids([str(sample)]))


def is_foreign(dataset: DataSet, key: str) -> bool:
    """Return whether a reader's choice under a key belongs to another data set."""
    return state.get(key) is not None and not exists(dataset, state.get(key))


def listed_ids(dataset: DataSet, *chosen: str) -> list[str]:
    """Ids that a box lists: all, or of a large data set the chosen ones and those around the first."""
    own = dataset.ids[len(dataset) :]  # a visitor's, first
    if len(dataset) <= OFFERED:
        return [str(id_) for id_ in (*own, *dataset.ids[: len(dataset)])]
    row = dataset.row(chosen[0])
    near = dataset.ids[max(0, row - AROUND) : row + AROUND + 1]
    return list(dict.fromkeys([*map(str, (*own, *near)), *chosen]))


def sample_names(dataset: DataSet, ids: list[str]) -> Mapping[str, str]:
    """Return what a box shows for each id: the id and the text of the sample, if the data set has texts."""
    if len(dataset) <= OFFERED:
        return text.name_all_samples(dataset, WORDS)
    return text.name_samples(dataset, ids, WORDS)


def box_width(control: params.SampleParam, default: str) -> int:
    """Return the width of a box, in pixels, in which the chosen id is not cut: at least the box's own width."""
    chosen = str(state.get(control.key) or default)
    return max(control.style["width"], min(_LETTER * len(chosen) + _BESIDE, _WIDEST))


def sample_box(
    control: params.SampleParam,
    dataset: DataSet,
    default: str,
    on_change: Callable[[], None] | None = None,
    follows: bool = False,
    **words: Any,
) -> str:
    """Draw the box of a choice and return the chosen id. A value of another data set is dropped. For a large data set,
    the text typed into the box is an id or a part of one.

    Args:
        control: the choice.
        dataset: whose samples.
        default: the id it opens on.
        on_change: called once another is chosen.
        follows: whether it takes another default where that changes and nobody has chosen, see `follow`.
        words: more arguments of `st.selectbox`.
    """
    key = control.key
    take_link(control)
    if is_foreign(dataset, key):
        state.delete(key)
    if follows:
        follow(key, default)
    large = len(dataset) > OFFERED
    now = state.param_text(key) or default
    ids = listed_ids(dataset, now if exists(dataset, now) else default, default)
    names = sample_names(dataset, ids)
    style = {"help": control.help or None, **control.style, **words}
    if isinstance(style.get("width"), int):
        style["width"] = box_width(control, default)

    def choose_written() -> None:
        sample = matching(dataset, str(state.get(key) or now))
        if sample is None:
            state.notice(
                f"No sample id contains ‘{text.escape_markdown(str(state.get(key)), 80)}’. The sample is "
                "unchanged."
            )
        state.put(key, sample or now)
        if on_change is not None:
            on_change()

    return str(
        st.selectbox(
            control.label,
            ids,
            index=None if large and state.get(key) is not None else ids.index(default),
            on_change=choose_written if large else on_change,
            accept_new_options=large,
            format_func=lambda name: names.get(name, name),
            **style,
            **bind(control, default),
        )
        or default
    )


def matching(dataset: DataSet, wanted: str) -> str | None:
    """Return the id that was typed, else the first id that contains the text, ignoring case, or None if there is
    none.
    """
    if exists(dataset, wanted):
        return wanted
    part = wanted.strip().casefold()
    return (
        next((str(id_) for id_ in dataset.ids if part in str(id_).casefold()), None)
        if part
        else None
    )


def background_picker(study: Study, row: int) -> Study:
    """Draw the picker; return the study with that background. A link may say it as the command line does (`joint`,
    `contrast`, ...)."""
    if not study.reads_features:  # it has its own baseline
        return study
    labels = {kind: label for label, kind in opening.OFFERED.items()}
    key = address.BACKGROUND.key
    wanted = state.param_text(key)
    if wanted in labels and key not in st.session_state:
        state.drop_link({key: [labels[wanted]]})
    check(address.BACKGROUND, address.CONTRAST, study=study)
    with widgets.place(address.BACKGROUND):
        kind = draw(address.BACKGROUND, width="stretch")
        option = state.get(address.BACKGROUND.key) or opening.DEFAULT_BACKGROUND
        widgets.show_option(str(option))
    if kind == "cohort":
        return _cohort(study)
    sample = _other(study, row) if kind == "contrast" else ""
    if sample == str(study.dataset.ids[row]):
        st.caption(
            "The background is this sample itself, so every contribution is 0. Choose another one."
        )
    return opening.with_background(study, kind, sample)


def _cohort(study: Study) -> Study:
    """Return the study with a saved cohort as its background. Members of the cohort are determined by the decisions
    against the training set.
    """
    known = {cohort.name: cohort.parts for cohort in links.saved_cohorts()}
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
        rows = cohorts.members(study, known[name])
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
    return opening.with_background(study, "cohort", name, rows)


def cohort(study: Study) -> str:
    """The cohort that decisions are compared with, as NAME:FILTER; empty where it is something else."""
    behind = study.background
    return next(
        (
            str(cohort)
            for cohort in links.saved_cohorts()
            if behind.kind == "cohort" and cohort.name == behind.label
        ),
        "",
    )


def _other(study: Study, row: int) -> str:
    default = opening.default_contrast(study, row)
    follow(address.CONTRAST.key, default)  # before its value is read here
    value = state.param_text(address.CONTRAST.key) or default
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
    chosen = str(state.get(address.BACKGROUND.key) or opening.DEFAULT_BACKGROUND)
    if chosen == opening.DEFAULT_BACKGROUND:
        return {}
    which = {"contrast": address.CONTRAST.key, "cohort": address.MEMBERS.key}
    key = which.get(opening.OFFERED.get(chosen, ""), "")
    return {address.BACKGROUND.key: chosen} | (
        {key: str(state.get(key))} if key and state.get(key) else {}
    )
