"""One sample: its id, and what was said, heard and seen."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import text
from qfusion.data import Audio, Content, Image, Text, people
from qfusion.data.modality import Series
from qfusion.panels import samples
from qfusion.ui.frame.shell import Here, link
from qfusion.ui.panel import panels
from qfusion.ui.shared import report_view

HIDDEN = ("text", "transcript")


def content(
    here: Here,
    row: int | None = None,
    *,
    details: bool = True,
    only: tuple[str, ...] | None = None,
    key: str = "card",
) -> None:
    """The raw content that the data set has of a sample; says so where a modality has none.

    Args:
        row: of the sample, the current one unless given. details: with facts from the data's table, and as the page's
            main content.
        only: modalities to show. key: tells figures of one sample apart that a page shows twice.
    """
    at = here.row if row is None else row
    found = {
        name: piece
        for name, piece in here.work.dataset.content(at).items()
        if only is None or name in only
    }
    for name in (name for name in here.work.modalities if isinstance(found.get(name), Text)):
        _piece(name, found[name])
    with st.container(horizontal=True, vertical_alignment="center", wrap=len(found) > 3):
        for kind in (Image, Audio):
            for name in (
                name for name in here.work.modalities if isinstance(found.get(name), kind)
            ):
                _piece(name, found[name], "stretch" if details else 150)
    for name in here.work.modalities:
        if isinstance(found.get(name), Series):
            st.caption(text.plain(name))
            panels.small(
                samples.curve(
                    here.work, here.theme, row=at, modality=name, card="main" if details else key
                )
            )
    absent = [name for name in here.work.modalities if name not in found]
    if absent and details:
        st.caption(
            f"No raw content of {', '.join(map(text.plain, absent))} comes with this data set, only features."
        )
    if details:
        _facts(here, at)


def _piece(name: str, piece: Content, width: int | Literal["stretch"] = "stretch") -> None:
    if isinstance(piece, Text):
        with st.container(border=True):
            st.text(piece.text)
    elif isinstance(piece, Audio):
        st.audio(
            np.asarray(piece.samples),
            sample_rate=piece.rate,
            width=width,
            alt=f"Recording: {name} of the sample",
        )
    elif isinstance(piece, Image):
        st.image(
            np.asarray(piece.pixels),
            width=90,
            clamp=True,
            caption=text.plain(name),
            alt=f"Picture: {name} of the sample",
        )


def _facts(here: Here, row: int) -> None:
    """Whatever the data set's table says of the sample: video and segment times, regime."""
    facts = {
        str(name): value
        for name, value in here.work.dataset.table.iloc[row].items()
        if name not in (*HIDDEN, here.work.dataset.target.name)
        and not (str(name).startswith(people.COLUMN) and pd.isna(value))
    }
    parts = [f"split: {here.work.dataset.split[row]}"]
    if {"start", "end"} <= set(facts):
        parts.append(f"segment: {facts.pop('start'):.1f} s to {facts.pop('end'):.1f} s")
    parts += [
        f"{text.plain(text.column(name))}: {text.plain(_short(value))}"
        for name, value in facts.items()
    ]
    st.caption(" · ".join(parts))


def _short(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def heading(here: Here) -> None:
    """The sample's id, and the way on."""
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.subheader(f"Sample {text.plain(here.sample)}", anchor=False)
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            report_view.of_sample(here)
            if here.work.can("time"):
                link("pages/dynamics.py", "Follow it through time", ":material/timeline:")
            elif here.work.can("circuit"):
                link("pages/circuit.py", "Walk it through the circuit", ":material/schema:")
