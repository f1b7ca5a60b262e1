"""The backgrounds that a reader can choose, and studies with another background."""

from __future__ import annotations

from typing import Any

import numpy as np

from qfusion._memory_cache import memo
from qfusion.analysis.study import Study
from qfusion.analysis.tasks import Task
from qfusion.explain import backgrounds
from qfusion.training import checkpoint_cards

# What a decision is compared with: the choices, their backgrounds, and how they are said. Free of streamlit.

# Label, which also stands in the address -> kind of background.
BACKGROUNDS = {
    "product of marginals": "product",
    "training set": "joint",
    "nothing known": "mixed",
    "reference state": "zero",
    "one other sample": "contrast",
}
DEFAULT_BACKGROUND = "product of marginals"
ALL_ROWS = "all"  # of a background, also where some of them would do
COHORT = "a saved cohort"
OFFERED = BACKGROUNDS | {COHORT: "cohort"}


def background_of_kind(
    study: Study, kind: str, sample: str = "", members: np.ndarray | None = None
) -> Any:
    """The background of a choice.

    Args:
        kind: a value of OFFERED; sample: id, for "contrast", or the name of the cohort; members: rows of the cohort.

    Raises:
        NotFound: when there is no such sample or kind.
    """
    data = study.dataset
    match kind:
        case "contrast":
            rows = np.array([data.row(sample)])
        case "cohort":
            rows = np.asarray(members)
        case _:  # of which "mixed" and "zero" need none
            rows = data.rows(checkpoint_cards.training_split(study.card))
    return backgrounds.make_background(study.model, data, rows, kind, label=sample)


@memo(
    12,
    background=False,
    task=Task.BUILD_BACKGROUND,
    stamp=lambda study, *_: study.uses_all_rows,
)
def _with_background(study: Study, kind: str, sample: str, members: np.ndarray | None) -> Study:
    return study.with_background(background_of_kind(study, kind, sample, members)).base_study


def with_background(
    study: Study, kind: str, sample: str = "", members: np.ndarray | None = None
) -> Study:
    """A study with another background, shared; the arguments are those of `background_of_kind`."""
    if kind == backgrounds.DEFAULT == study.background.kind:
        return study
    return study.rebase(_with_background(study, kind, sample, members))


def default_contrast(study: Study, row: int) -> str:
    """Return the id of the default sample to compare with.

    For classes the surest test sample of those predicted as this one's second-best class; else the test sample of the
    better-predicted half whose score is farthest from this one's.
    """
    rows = np.setdiff1d(study.dataset.rows("test"), row)
    if study.classes:
        second = int(np.argsort(study.scores[row])[-2])
        worth = np.where(study.predicted[rows] == second, study.probabilities[rows, second], -1.0)
    else:
        away = np.abs(study.scores[rows, 0] - study.scores[row, 0])
        worth = np.where(study.errors[rows] <= np.median(study.errors[rows]), away, -1.0)
    return str(study.dataset.ids[rows[int(np.argmax(worth))]])
