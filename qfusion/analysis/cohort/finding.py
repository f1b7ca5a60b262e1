"""Finding samples of a model on its data: which pass the reader's filters, and what they can be drawn against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from qfusion.analysis import text
from qfusion.analysis.subject import Workspace, dividend_column
from qfusion.analysis.systems import jump_subject
from qfusion.analysis.systems.jump_subject import negativity_column
from qfusion.analysis.systems.network_subject import DISAGREEMENT
from qfusion.data import people

VERDICTS = ("right", "wrong")
MAX_DRAWN = 20_000  # points of a figure
MAX_ENTANGLED = 800  # samples whose entanglement is worked out: each state is evolved for it


def passing(
    frame: pd.DataFrame,
    *,
    split: str = "test",
    search: str = "",
    relations: Sequence[str] = (),
    verdict: str = "",
    classes: Sequence[str] = (),
) -> pd.DataFrame:
    """Returns the rows of `Workspace.frame` that pass.

    Args:
        frame: one row a sample.
        split: "train", "valid", "test" or "all".
        search: part of an id, or of what any column of words says; in whatever letters.
        relations: of the single modalities; any unless told.
        verdict: "right" or "wrong"; either unless told.
        classes: true ones; any unless told.
    """
    keep = (
        np.ones(len(frame), dtype=bool) if split == "all" else (frame["split"] == split).to_numpy()
    )
    if verdict:
        keep = keep & (
            (frame["truth"] == frame["prediction"]).to_numpy() == (verdict == VERDICTS[0])
        )
    if classes:
        keep = keep & frame["truth"].isin(list(classes)).to_numpy()
    if relations:
        keep = keep & frame["relation"].isin(list(relations)).to_numpy()
    return frame[keep & _contains(frame, search)] if search else frame[keep]


def _contains(frame: pd.DataFrame, words: str) -> np.ndarray:
    wanted = words.casefold()
    found = frame.index.str.casefold().str.contains(wanted, regex=False)
    for column in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            found = (
                found
                | frame[column]
                .astype(str)
                .str.casefold()
                .str.contains(wanted, regex=False)
                .to_numpy()
            )
    return np.asarray(found)


def axes(work: Workspace) -> dict[str, str]:
    """What samples can be drawn against: column -> axis title."""
    unit = "score of the class" if work.classes else work.unit_of(0)
    titles = (
        {} if work.classes else {"truth": f"truth ({unit})", "prediction": f"prediction ({unit})"}
    )
    titles |= {"certainty": "softmax of the predicted class"} if work.classes else {}
    titles |= {"error": work.unit_of_error} | work.fact_titles()
    labels = () if work.dataset.unimodal is None or work.classes else work.dataset.unimodal.columns
    titles |= {
        name: text.column(name)
        for each in labels
        if (name := f"{people.COLUMN}{each}") in work.dataset.table.columns
    }
    return titles | {
        dividend_column(term): f"contribution of {term.replace('+', ' + ')} ({unit})"
        for term in work.terms
    }


def default_axes(work: Workspace) -> tuple[str, str]:
    """Which axes are shown first: truth and prediction, or for classes error and disagreement."""
    if not work.classes:
        return "truth", "prediction"
    return "error", DISAGREEMENT if DISAGREEMENT in axes(work) else "certainty"


def asks_entanglement(work: Workspace, *wanted: str) -> bool:
    """Whether one of some columns is an entanglement, which is worked out for the rows that are shown."""
    return bool(set(wanted) & {negativity_column(name) for name in work.modalities})


def on_axes(work: Workspace, rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The rows that have a number on both axes; of entanglement, of the first `MAX_ENTANGLED`; of very many, some that
    are evenly spread."""
    if asks_entanglement(work, x, y):
        rows = rows.head(MAX_ENTANGLED)
        found = jump_subject.negativities(work, work.dataset.places(rows.index))
        rows = rows.assign(
            **dict(zip(map(negativity_column, work.modalities), found.T, strict=True))
        )
    rows = rows[np.isfinite(rows[[x, y]].to_numpy(dtype=float)).all(1)]
    return (
        rows
        if len(rows) <= MAX_DRAWN
        else rows.iloc[np.linspace(0, len(rows) - 1, MAX_DRAWN).astype(int)]
    )
