"""Labels of single modalities, as annotators of CH-SIMS gave them (Yu and others 2020, ACL).

In planted data, the hidden scores that every sample was made from replace them: they are the exact contributions of
single modalities to the sample. Labels are read beside contributions and can be an additional target in training;
nothing else uses them.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from qfusion._checks import check

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
