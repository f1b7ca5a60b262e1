"""Boxes to choose a sample by its id.

Of a large data set only some ids are sent to the browser; any id can be typed.
"""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from qfusion.analysis import sample_words, text
from qfusion.data import DataSet
from qfusion.ui import page_params, state
from qfusion.ui.widgets import bind, follow, take_link
from qfusion.views.pages import params

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
        return sample_words.name_all_samples(dataset, WORDS)
    return sample_words.name_samples(dataset, ids, WORDS)


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
        state.forget(key)
    if follows:
        follow(key, default)
    large = len(dataset) > OFFERED
    now = page_params.param_text(key) or default
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
