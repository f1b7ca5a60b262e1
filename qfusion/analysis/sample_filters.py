"""Filters of a study's samples, and the axes that they can be drawn against."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from qfusion.analysis.columns import dividend_column, negativity_column
from qfusion.analysis.spaces.evolution import negativities
from qfusion.analysis.study import Study

# Finding samples of a model on its data: which pass the reader's filters, and what they can be drawn against.

VERDICTS = ("right", "wrong")
MAX_DRAWN = 20_000  # points of a figure
MAX_ENTANGLED = 800  # samples whose entanglement is computed, which evolves every state


def passing(
    frame: pd.DataFrame,
    *,
    split: str = "test",
    search: str = "",
    relations: Sequence[str] = (),
    verdict: str = "",
    classes: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the rows of `Study.frame` that pass.

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
    if search:
        texts = frame.select_dtypes(exclude=["number", "bool"]).astype(str).assign(id=frame.index)
        keep = keep & np.any(
            [
                texts[column].str.casefold().str.contains(search.casefold(), regex=False)
                for column in texts
            ],
            axis=0,
        )
    return frame[keep]


def default_axes(study: Study) -> tuple[str, str]:
    """Return the axes that are shown first: truth and prediction, or for classes margin against rank; contributions
    where the truth is not known.
    """
    if not study.has_truth:
        first, *others = map(dividend_column, study.modalities)
        return (first, others[0] if others else first)
    return ("rank", "margin") if study.classes else ("truth", "prediction")


def margins(study: Study, rows: np.ndarray) -> np.ndarray:
    """Return the log-odds of the true class against the best of the others in nats, (N,). They are below 0 if the
    decision is wrong, and NaN if the truth is not known.
    """
    truth, scores = study.dataset.y[rows], study.logits(study.scores[rows])
    true = np.arange(scores.shape[1]) == truth[:, None]
    ahead = scores.max(1, initial=-np.inf, where=true) - scores.max(1, initial=-np.inf, where=~true)
    return np.where(truth < 0, np.nan, ahead)


def asks_entanglement(study: Study, *columns: str) -> bool:
    """Whether one of some columns is an entanglement, which is computed for the displayed rows."""
    return bool(set(columns) & {negativity_column(name) for name in study.modalities})


def axis_rows(study: Study, rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The rows that have a number on both axes, with ranks among them; of entanglement, of the first `MAX_ENTANGLED`;
    of very many, some that are evenly spread."""
    if {x, y} & {"rank", "margin"}:
        margin = pd.Series(margins(study, study.dataset.find_rows(rows.index)), rows.index)
        rows = rows.assign(margin=margin, rank=margin.rank(method="first"))
    if asks_entanglement(study, x, y):
        rows = rows.head(MAX_ENTANGLED)
        values = negativities(study, study.dataset.find_rows(rows.index)).T
        rows = rows.assign(
            **dict(zip(map(negativity_column, study.modalities), values, strict=True))
        )
    rows = rows[np.isfinite(rows[[x, y]].to_numpy(dtype=float)).all(1)]
    return (
        rows
        if len(rows) <= MAX_DRAWN
        else rows.iloc[np.linspace(0, len(rows) - 1, MAX_DRAWN).astype(int)]
    )
