"""Boxes to choose a sample by its id: of a large data set only some ids are sent to the browser, and any can be
written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from qfusion.analysis import text
from qfusion.data import DataSet
from qfusion.ui.frame import state

OFFERED = 10_000  # ids that are all sent
AROUND = 100  # ids before and after the chosen one, of more


def exists(dataset: DataSet, sample: object) -> bool:
    """Whether a data set has a sample of this id."""
    return bool(dataset.known([str(sample)]))


def is_foreign(dataset: DataSet, key: str) -> bool:
    """Whether what a reader has chosen under a key is of another data set."""
    return state.get(key) is not None and not exists(dataset, state.get(key))


def offered(dataset: DataSet, *chosen: str) -> list[str]:
    """Ids that a box lists: all, or of a large data set the chosen ones and those around the first."""
    if len(dataset) <= OFFERED:
        return [str(each) for each in dataset.ids]
    row = dataset.row(chosen[0])
    near = dataset.ids[max(0, row - AROUND) : row + AROUND + 1]
    return list(dict.fromkeys([*map(str, near), *chosen]))


def draw(
    label: str,
    dataset: DataSet,
    default: str,
    key: str,
    on_change: Callable[[], None] | None = None,
    **words: Any,
) -> str:
    """Draws the box and returns the id chosen. What is written into the box of a large data set is an id or a part of
    one.

    Args:
        label: of the box.
        dataset: whose samples.
        default: the id it opens on.
        key: of the address and the session.
        on_change: called once another is chosen.
        words: more arguments of `st.selectbox`.
    """
    if len(dataset) <= OFFERED:
        ids = offered(dataset)
        return str(
            st.selectbox(
                label,
                ids,
                index=ids.index(default),
                on_change=on_change,
                **words,
                **state.bound(key),
            )
        )
    now = str(state.get(key) or st.query_params.get(key) or default)
    ids = offered(dataset, now if exists(dataset, now) else default, default)

    def written() -> None:
        found = matching(dataset, str(state.get(key)))
        if found is None:
            state.notice(
                f"No id of the data set has ‘{text.plain(str(state.get(key)), 80)}’ in it. The sample stays."
            )
        state.put(key, found or now)
        if on_change is not None:
            on_change()

    index = None if state.get(key) is not None else ids.index(default)
    return str(
        st.selectbox(
            label,
            ids,
            index=index,
            on_change=written,
            accept_new_options=True,
            **words,
            **state.bound(key),
        )
        or default
    )


def matching(dataset: DataSet, wanted: str) -> str | None:
    """The id that was written, else the first that has it in it, in whatever letters; None where none has."""
    if exists(dataset, wanted):
        return wanted
    part = wanted.strip().casefold()
    return (
        next((str(each) for each in dataset.ids if part in str(each).casefold()), None)
        if part
        else None
    )


def step(dataset: DataSet, row: int, by: int) -> str:
    """The id so many rows further; empty where there is none."""
    return str(dataset.ids[row + by]) if 0 <= row + by < len(dataset) else ""


def fitting(dataset: DataSet, samples: Sequence[str]) -> list[str]:
    """Those of some ids that the data set has, each once."""
    return dataset.known(samples)
