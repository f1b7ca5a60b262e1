"""Three levels on the same axes: all explained samples of a split, a cohort of them, and one sample.

levels = levels_of(open_sample("qj-planted", "p0031"), "relation=conflict; error>1")
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion.analysis.cohort import cohort_measures, draws
from qfusion.analysis.cohort.cohort_measures import FEW_SLOW, JOINT, MAX_SLOW, clusters_of, is_slow
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import Sample
from qfusion.analysis.subject import Workspace
from qfusion.explain import cohorts, stability
from qfusion.explain.cohorts import Part
from qfusion.explain.stability import Interval

means = memo(256)(stability.means)
correlation = memo(128)(stability.correlation)


@dataclass(frozen=True, eq=False)
class Levels:
    """The three levels.

    Attributes:
        sample: the current one. asked: number of the explained score; None: of each sample its predicted class's.
        rows: the explained samples of the split. inside: which of them are the cohort's, bool (n,).
        parts: of the filter. split: as words. name: of the cohort, as words.
        own: the current sample's row, None when it is not explained.
    """

    sample: Sample
    asked: int | None
    rows: pd.DataFrame
    inside: np.ndarray
    parts: tuple[Part, ...]
    split: str
    name: str
    own: pd.Series | None

    @property
    def work(self) -> Workspace:
        """The model on its data."""
        return self.sample.work

    @property
    def everyone(self) -> str:
        """The first level's name with its size."""
        return f"all of {self.split} (n = {len(self.rows):,})"

    @property
    def cohort(self) -> str:
        """The second level's name with its size."""
        return f"{self.name} (n = {int(self.inside.sum()):,})"

    def clusters(self, keep: np.ndarray | None = None) -> np.ndarray | None:
        """Numbers of what the rows of the table (those to keep) share, (n, k); None where they are independent."""
        return clusters_of(self.work.dataset, self.rows if keep is None else self.rows[keep])

    @property
    def intervals(self) -> str:
        """How intervals over rows are made, in words."""
        return cohort_measures.intervals(self.work.dataset, self.rows)

    def places(self, rows: pd.DataFrame) -> np.ndarray:
        """Where rows of the table stand in the data set, (n,)."""
        return self.work.dataset.places(rows.index)


def levels_of(sample: Sample, filter: str = "", *, output: str = "", name: str = "") -> Levels:
    """Returns a sample, the cohort of a filter and all explained samples of its split.

    Args:
        sample: of any model.
        filter: of the cohort, such as "relation=conflict; error>1"; everyone in the test split unless told.
        output: the class whose score is explained; of each sample its predicted one unless told.
        name: of the cohort, where it has one.

    Raises:
        NotFound, InvalidInput: when the filter names what is not there, or there is no such class.
    """
    work, parts = sample.work, cohorts.parse(filter)
    asked = work.classes.index(choose("Class", output, work.classes)) if output else None
    table = cohort_measures.table_for(work, asked, parts)
    explained = np.isfinite(table[JOINT].to_numpy())
    within = cohorts.within_split(parts, table) & explained
    split = " and ".join(value for part in cohorts.split_of(parts) for value in part.values)
    return Levels(
        sample,
        asked,
        table[within],
        cohorts.passing(parts, table)[within],
        parts,
        "every split" if split == cohorts.EVERYTHING else split,
        f"cohort ‘{name}’" if name else "cohort",
        table.loc[sample.id] if explained[sample.row] else None,
    )


@dataclass(frozen=True, eq=False)
class Related:
    """A measure of entanglement and the strength of the interaction, sample by sample.

    Attributes:
        rows: of the samples that are measured. inside: which of them are the cohort's, bool (n,).
        x, y: the measure and the strength, (n,).
        correlations: Pearson's and Spearman's of "all" and of the "cohort".
    """

    rows: pd.DataFrame
    inside: np.ndarray
    x: np.ndarray
    y: np.ndarray
    correlations: dict[str, dict[str, Interval]]


def related(levels: Levels, measure: str, strength: str, everyone: bool = False) -> Related:
    """Returns a measure of entanglement against a strength of the interaction; of `FEW_SLOW` samples drawn at random
    where it is slow and there are more than `MAX_SLOW`.

    Args:
        levels: of a model that entangles.
        measure: a key of `cohort_measures.measure_titles`. strength: a key of `cohort_measures.strength_titles`.
        everyone: of all samples, however long it takes.

    Raises:
        NotFound: when there is no such measure.
    """
    choose("Measure", measure, cohort_measures.measure_titles(levels.work))
    choose("Strength", strength, cohort_measures.STRENGTHS)
    rows, inside = levels.rows, levels.inside
    if is_slow(measure):
        at = draws.places(len(rows), MAX_SLOW, FEW_SLOW, everyone)
        rows, inside = rows.iloc[at], inside[at]
        slow = tuple(filter(is_slow, cohort_measures.measure_titles(levels.work)))
        x = cohort_measures.correlations(levels.work, levels.places(rows), slow)[measure]
    else:
        x = cohort_measures.entropies(levels.work, rows, measure)
    y = rows[strength].to_numpy(dtype=float)
    correlations = {
        name: correlation(x[keep], y[keep], clusters=clusters_of(levels.work.dataset, rows[keep]))
        for name, keep in (("all", np.ones(len(rows), dtype=bool)), ("cohort", inside))
    }
    return Related(rows, inside, x, y, correlations)
