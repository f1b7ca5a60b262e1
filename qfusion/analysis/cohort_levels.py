"""All samples of a split, a cohort of them and one sample, on the same axes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion._memory_cache import memo
from qfusion.analysis import Sample, cohort_measures, cohort_table, drawn_samples, outputs
from qfusion.analysis.study import Study
from qfusion.explain import bootstrap, cohort_filters

means = memo(256)(bootstrap.means)
correlation = memo(128)(bootstrap.correlation)


@dataclass(frozen=True, eq=False)
class Levels:
    """The three levels.

    Attributes:
        sample: the current one. output_wanted: number of the explained score; None: of each sample its predicted
            class's.
        rows: the explained samples of the split. inside: which of them are the cohort's, bool (n,).
        parts: of the filter. split: names of the splits; is_partial: whether some of their samples are not explained.
        name: of the cohort; empty unless it is saved under one.
        own: the current sample's row, None when it is not explained; of a visitor's sample see `cohort_table.own_row`.
    """

    sample: Sample
    output_wanted: int | None
    rows: pd.DataFrame
    inside: np.ndarray
    parts: tuple[cohort_filters.Part, ...]
    split: tuple[str, ...]
    is_partial: bool
    name: str
    own: pd.Series | None

    @property
    def study(self) -> Study:
        """The model on its data."""
        return self.sample.study

    def clusters(self, keep: np.ndarray | None = None) -> np.ndarray | None:
        """Return the cluster numbers of the rows of the table (those to keep), (n, k), or None if the rows are
        independent.
        """
        return cohort_table.row_clusters(
            self.study.dataset, self.places(self.rows if keep is None else self.rows[keep])
        )

    def places(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the positions of rows of the table in the data set, (n,)."""
        return self.study.dataset.find_rows(rows.index)


def build_levels(sample: Sample, filter: str = "", *, output: str = "", name: str = "") -> Levels:
    """Return a sample, the cohort of a filter and all explained samples of its split.

    Args:
        sample: of any model.
        filter: of the cohort, such as "relation=conflict; error>1"; everyone in the test split unless told.
        output: what is explained, see `outputs.parse`; of each sample the class decided for unless told.
        name: of the cohort, where it has one.

    Raises:
        NotFound, InvalidInput: when the filter names what is not there, or there is no such class.
    """
    study, parts = sample.study, cohort_filters.parse(filter)
    wanted = outputs.parse(output, study.classes)
    study, number = study.with_reference(wanted.reference), wanted.number
    table = cohort_table.cohort_table_with_maps(study, number, parts)
    rows, inside, split, is_partial = filter_split(table, parts)
    return Levels(
        sample,
        number,
        rows,
        inside,
        parts,
        split,
        is_partial,
        name,
        _sample_row(sample, study, number, table),
    )


def _sample_row(
    sample: Sample, study: Study, output: int | None, table: pd.DataFrame
) -> pd.Series | None:
    """Return the row of the current sample, or None where it is not explained."""
    if sample.is_own:
        return cohort_table.own_row(study, sample.row, output)
    row = table.loc[sample.id]
    return row if np.isfinite(float(row[cohort_table.JOINT])) else None


def filter_split(
    table: pd.DataFrame, parts: Sequence[cohort_filters.Part]
) -> tuple[pd.DataFrame, np.ndarray, tuple[str, ...], bool]:
    """Return the explained rows of a filter's splits, and which of them pass it, bool (n,).

    Returns:
        rows, mask, names of the splits, and whether some of their samples are not explained.
    """
    every = cohort_filters.rows_in_split(parts, table)
    within = every & np.isfinite(table[cohort_table.JOINT].to_numpy())
    split = tuple(value for part in cohort_filters.split_conditions(parts) for value in part.values)
    is_partial = bool(within.sum() < every.sum())
    return table[within], cohort_filters.select_rows(parts, table)[within], split, is_partial


def mean_error(levels: Levels, keep: np.ndarray) -> bootstrap.Interval:
    """Return the mean error of some rows of the split, with its interval; not a number where no truth is known.

    Args:
        keep: which rows, bool (n,).
    """
    if not levels.study.has_truth:
        keep = np.zeros_like(keep)
    errors = levels.rows["error"].to_numpy(dtype=float)[keep]
    return means({"error": errors}, clusters=levels.clusters(keep))["error"]


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
    correlations: dict[str, dict[str, bootstrap.Interval]]


def correlate_measures(
    levels: Levels, measure: str, strength: str, everyone: bool = False
) -> Related:
    """Return a measure of entanglement against a strength of the interaction; of `FEW_SLOW` samples drawn at random
    where it is slow and there are more than `MAX_SLOW`.

    Args:
        levels: of a model that entangles.
        measure: a key of `cohort_measures.measure_titles`. strength: a key of `cohort_measures.strength_titles`.
        everyone: of all samples, however long it takes.

    Raises:
        NotFound: when there is no such measure.
    """
    choose("Measure", measure, cohort_measures.measure_titles(levels.study))
    choose("Strength", strength, cohort_table.STRENGTHS)
    rows, inside = levels.rows, levels.inside
    if cohort_measures.is_slow(measure):
        at = drawn_samples.drawn_places(
            len(rows), cohort_measures.MAX_SLOW, cohort_measures.FEW_SLOW, everyone
        )
        rows, inside = rows.iloc[at], inside[at]
        x = cohort_measures.correlations(levels.study, levels.places(rows))[measure]
    else:
        x = cohort_measures.entropies(levels.study, rows, measure)
    y = rows[strength].to_numpy(dtype=float)
    choices = {"all": np.ones(len(rows), dtype=bool), "cohort": inside}
    measured = {}
    for name, chosen in choices.items():
        places = levels.places(rows[chosen])
        clusters = cohort_table.row_clusters(levels.study.dataset, places)
        measured[name] = correlation(x[chosen], y[chosen], clusters=clusters)
    return Related(rows, inside, x, y, measured)
