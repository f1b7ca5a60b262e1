"""What people say of each modality alone: labels of single modalities, as CH-SIMS has them (Yu and others 2020, ACL).

Of planted data the hidden scores that every sample was made from take their place: they are what each modality says
alone. They are read beside contributions, and may be an additional target while training; nothing else uses them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from qfusion._checks import check

COLUMN = "label_"  # of a modality, in the table of samples
CONFLICT, UNKNOWN = "label_conflict", "unknown"


class People(NamedTuple):
    """Labels of single modalities: a column a modality, indexed by id, NaN where nobody labelled it; and whether these
    are the hidden scores of planted data."""

    table: pd.DataFrame
    planted: bool

    @property
    def whose(self) -> str:
        """What they are, in words."""
        return "hidden scores" if self.planted else "people's labels"


def conflicting(labels: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Returns which samples people call conflicting, (B,): 1 where both signs are among their labels of single
    modalities and of the whole, 0 where not, NaN where a label is missing. A label of 0 is of neither sign.

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
    found = np.column_stack([np.asarray(labels, float), np.asarray(whole, float)])
    both = (found > 0).any(1) & (found < 0).any(1)
    return np.where(np.isfinite(found).all(1), both.astype(float), np.nan)


def columns(labels: pd.DataFrame, whole: np.ndarray) -> pd.DataFrame:
    """Returns what tables and filters show of labels: a column a modality, and whether people call the sample
    conflicting: "yes", "no", or "unknown" where a label is missing."""
    found = labels.rename(columns=lambda name: f"{COLUMN}{name}").astype(float)
    called = conflicting(labels.to_numpy(float), whole)
    return found.assign(**{CONFLICT: np.select([called == 1, called == 0], ["yes", "no"], UNKNOWN)})
