"""The target of a data set, a number or a class, and the conventions by which scores are evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from qfusion._checks import check, choose

# Scores are evaluated as those of MOSI and MOSEI, as those of CH-SIMS, or plainly, without reading them as sentiment.
MOSI_CONVENTION = "mosi"
CONVENTIONS = {MOSI_CONVENTION: "MOSI / MOSEI", "sims": "CH-SIMS", "plain": "plain"}
SHARE_OF_VOTES = "share of votes"  # beginning of the name of a target that people's votes are for
METRICS_OF = {
    MOSI_CONVENTION: "MOSI and MOSEI (Acc-2, Acc-5, Acc-7, F1, MAE, correlation, R2)",
    "sims": "CH-SIMS (Acc-2, Acc-3, Acc-5, F1, MAE, correlation)",
    "plain": "any number (MAE, correlation, R2)",
}
LARGEST_SCORE = {MOSI_CONVENTION: 3.0, "sims": 1.0}  # in absolute value


@dataclass(frozen=True)
class Target:
    """The quantity to predict: a number in a range, or a class.

    If samples may have several labels, each set of labels that occurs is a class (the label powerset of Tsoumakas and
    Vlahavas 2007, ECML). `DataSet.select_label` turns one label into a question with the answers no and yes.

    Attributes:
        kind: "regression" or "classification".
        name: for example "sentiment".
        range: lowest and highest value of a regression target, or None if it is unbounded.
        classes: names of the classes 0, 1, ...; empty for regression.
        unit: meaning of one step, to print beside an axis.
        labels: names of the labels, if samples may have several.
        sets: for every class, the indices of its labels.
        convention: of the metrics of a number, one of CONVENTIONS, `MOSI_CONVENTION` by default; "classes" for classes.
        known: whether targets are known. If not, those of the data set are the model's own values, and pages show
            neither truth nor errors.
    """

    kind: str
    name: str
    range: tuple[float, float] | None = None
    classes: tuple[str, ...] = ()
    unit: str = ""
    labels: tuple[str, ...] = ()
    sets: tuple[tuple[int, ...], ...] = ()
    convention: str = ""
    known: bool = True

    def __post_init__(self) -> None:
        choose("Kind of target", self.kind, ("regression", "classification"))
        is_regression = self.kind == "regression"
        check(
            is_regression or len(self.classes) >= 2,
            f"Argument `classes` must name at least two classes, but is {self.classes}. Name every class.",
        )
        check(
            self.range is None or self.range[0] < self.range[1],
            f"Argument `range` must be (low, high) with low < high, but is {self.range}. Swap or widen it.",
        )
        check(
            is_regression or self.convention in ("", "classes"),
            f"Argument `convention` is of scores, and has to be left out for classes, but is "
            f"{self.convention[:40]!r}. Leave it out.",
        )
        convention = "classes"
        if is_regression:
            convention = choose("Convention", self.convention or MOSI_CONVENTION, CONVENTIONS)
        object.__setattr__(self, "convention", convention)
        if self.labels:
            self._check_label_sets()

    @property
    def label(self) -> str:
        """The label in question, if the target is one of several labels; else empty."""
        return self.name if self.name in self.labels and len(self.classes) == 2 else ""

    @property
    def boundary(self) -> float | None:
        """Score between two decisions: 0 of the log-odds of a class and of scores with two sides; None of a number that
        is measured by its distance from the truth alone, or that cannot be negative."""
        has_sides = self.range is None or self.range[0] < 0
        return (
            0.0
            if self.kind == "classification" or (self.convention != "plain" and has_sides)
            else None
        )

    def _check_label_sets(self) -> None:
        """Check that `sets` holds indices of labels for every class."""
        indices = [index for labels in self.sets for index in labels]
        are_labels = all(0 <= index < len(self.labels) for index in indices)
        check(
            len(self.sets) == len(self.classes) and are_labels,
            f"Argument `sets` must say of each of the {len(self.classes)} classes which of the {len(self.labels)} "
            f"labels it has, but has {len(self.sets)} entries. Give one tuple of indices a class.",
        )


def check_convention(convention: str, y: np.ndarray) -> None:
    """Check that targets (N,) fit the convention of their metrics; targets that are not finite are ignored.

    Raises:
        NotFound: when there is no such convention.
        InvalidInput: when a target lies outside the range of the convention.
    """
    choose("Convention", convention, CONVENTIONS)
    if convention not in LARGEST_SCORE:
        return
    largest = LARGEST_SCORE[convention]
    finite = y[np.isfinite(y)]
    low = finite.min(initial=0.0)
    high = finite.max(initial=0.0)
    check(
        max(-low, high) <= largest,
        f"Argument `convention` must fit the targets: scores of {CONVENTIONS[convention]} lie in "
        f"[-{largest:g}, {largest:g}], but these go from {low:g} to {high:g}. Choose another of "
        f"{', '.join(CONVENTIONS)}, or correct the targets.",
    )


def guess_convention(y: np.ndarray, *, annotated: bool, pickled: bool) -> str:
    """Return the convention that fits scores (N,).

    It is "sims" if every modality has its own targets and all scores lie in [-1, 1], `MOSI_CONVENTION` for an MMSA
    pickle with larger scores up to 3, and "plain" otherwise.

    Args:
        y: scores; those that are not finite are ignored.
        annotated: whether every modality has its own targets.
        pickled: whether the scores come from an MMSA pickle.
    """
    largest = np.abs(y[np.isfinite(y)]).max(initial=0.0)
    if annotated and largest <= LARGEST_SCORE["sims"]:
        return "sims"
    if pickled and LARGEST_SCORE["sims"] < largest <= LARGEST_SCORE[MOSI_CONVENTION]:
        return MOSI_CONVENTION
    return "plain"


LABEL_PREFIX = "label_"  # before the name of a modality, in the table of samples
CONFLICT_COLUMN = "label_conflict"
UNKNOWN_CONFLICT = "unknown"


class UnimodalLabels(NamedTuple):
    """Labels of single modalities.

    Attributes:
        table: a column a modality, indexed by id, NaN where there is no label.
        planted: whether these are the hidden scores of planted data.
    """

    table: pd.DataFrame
    planted: bool

    @property
    def description(self) -> str:
        """The kind of labels, for captions and titles."""
        return "hidden scores" if self.planted else "people's labels"


def label_conflicts(labels: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return which samples have conflicting labels, (B,): 1 or 0, NaN where a label is missing.

    Labels conflict if both signs occur among those of the single modalities and of the whole; 0 has neither sign.

    Args:
        labels: of single modalities, (B, M), NaN where there is none.
        whole: of the sample as a whole, (B,).

    Raises:
        InvalidInput: when the numbers of samples differ.
    """
    check(
        len(labels) == len(whole),
        f"Arguments `labels` (B, M) and `whole` (B,) must have one length, but have "
        f"{len(labels)} and {len(whole)}.",
    )
    scores = np.column_stack([labels, whole]).astype(float)
    is_complete = np.isfinite(scores).all(1)
    has_both_signs = (scores > 0).any(1) & (scores < 0).any(1)
    return np.where(is_complete, has_both_signs, np.nan)


def unimodal_columns(labels: pd.DataFrame, whole: np.ndarray) -> pd.DataFrame:
    """Return the columns of labels for tables and filters.

    They are a column a modality, and `CONFLICT_COLUMN` with "yes", "no", or "unknown" where a label is missing.
    """
    conflicts = label_conflicts(labels.to_numpy(float), whole)
    columns = labels.add_prefix(LABEL_PREFIX).astype(float)
    columns[CONFLICT_COLUMN] = np.select(
        [conflicts == 1, conflicts == 0], ["yes", "no"], UNKNOWN_CONFLICT
    )
    return columns
