"""What a decision is compared with: the choices, their backgrounds, and how they are said. Free of streamlit."""

from __future__ import annotations

from typing import Any

import numpy as np

from qfusion import explain
from qfusion.analysis import text
from qfusion.analysis.memo import memo
from qfusion.analysis.subject import Workspace
from qfusion.analysis.systems import refinement
from qfusion.explain import verdicts
from qfusion.explain.backgrounds import background_of
from qfusion.training import checkpoint

# Label, which also stands in the address -> kind of background.
CHOICES = {
    "training set": "joint",
    "product of marginals": "product",
    "nothing known": "mixed",
    "reference state": "zero",
    "one other sample": "contrast",
}
DEFAULT = "training set"
ALL_ROWS = "all"  # of a background, also where some of them would do
COHORT = "a saved cohort"
OFFERED = CHOICES | {COHORT: "cohort"}


def of(work: Workspace, kind: str, sample: str = "", members: np.ndarray | None = None) -> Any:
    """The background of a choice.

    Args:
        kind: a value of OFFERED; sample: id, for "contrast", or the name of the cohort; members: rows of the cohort.

    Raises:
        NotFound: when there is no such sample or kind.
    """
    data = work.dataset
    if kind in ("mixed", "zero"):
        return explain.background(work.model, None, kind)
    if kind == "cohort":
        rows = np.asarray(members)
    else:
        rows = (
            np.array([data.row(sample)])
            if kind == "contrast"
            else data.rows(checkpoint.training_split(work.card))
        )
    return background_of(work.model, data, rows, kind, label=sample)


@memo(12, background=False, says="Working out the background …")
def _applied(work: Workspace, kind: str, sample: str, members: np.ndarray | None) -> Workspace:
    return work.against(of(work, kind, sample, members))


def applied(
    work: Workspace, kind: str, sample: str = "", members: np.ndarray | None = None
) -> Workspace:
    """A workspace against the training set with another background, shared; the arguments are those of `of`."""
    return work if kind == "joint" else _applied(work, kind, sample, members)


def with_rows(work: Workspace, rows: str) -> Workspace:
    """The workspace itself, or with `ALL_ROWS` the one against all rows of its background."""
    found: Workspace = (
        refinement.against_all_rows(work) if rows == ALL_ROWS and work.is_sampled else work
    )
    return found


def default_contrast(work: Workspace, row: int) -> str:
    """The sample compared with unless another is asked for.

    For classes the surest test sample of those predicted as this one's second-best class; else the test sample of the
    better-predicted half whose score is farthest from this one's.
    """
    rows = work.dataset.rows("test")
    rows = rows[rows != row]
    if work.classes:
        second = int(np.argsort(work.scores[row])[-2])
        worth = np.where(work.predicted[rows] == second, work.probabilities[rows, second], -1.0)
    else:
        close = work.errors[rows] <= np.median(work.errors[rows])
        worth = np.where(close, np.abs(work.scores[rows, 0] - work.scores[row, 0]), -1.0)
    return str(work.dataset.ids[rows[int(np.argmax(worth))]])


def behind(background: Any) -> str:
    """What stands in for modalities that a coalition leaves out, as markdown, with how many samples that is."""
    return verdicts.behind(background, verdicts.Words(lambda name: text.plain(name, 60)))


def baseline(background: Any) -> str:
    """A sentence that says what the baseline is, as markdown."""
    score = "the score of" if background.kind in ("mixed", "zero", "contrast") else "the mean over"
    return f"Baseline: {score} {behind(background)}."


def drawn(explanation: Any, output: int) -> str:
    """A sentence on how well the terms of a sample are known where its background is some rows of a larger one, as
    markdown; else empty."""
    if explanation.errors is None or not explanation.errors.any():
        return ""
    largest = explanation.errors[0, :, output].max()
    return f" Standard error of a term, as other rows might have been drawn: at most {largest:.2g}."


def against(background: Any) -> str:
    """A sentence for numbers without a baseline, as markdown."""
    return f"Compared with {behind(background)}."
