"""The report on a cohort: what its members have in common, beside all samples of their split. What it says stands in
`cohort.html`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check
from qfusion.analysis import cohort_measures, dynamics, text
from qfusion.analysis.errors import Levels
from qfusion.analysis.sample import sample_of
from qfusion.analysis.study import Study
from qfusion.explain import RELATIONS, cohorts, stability, verdicts
from qfusion.explain.building import built_over_classes
from qfusion.figures import building, cohort as drawing, numbers
from qfusion.report.about_sample import command, resolved, shared
from qfusion.report.blocks import Report, filled, number

MAX_MEMBERS, MAX_TERMS, MAX_COLUMNS = 60, 12, 8
MAX_CUT = 200  # samples whose correlations are cut: seconds


@dataclass(frozen=True, eq=False)
class Members(Levels):
    """A cohort and everything that is said of it; no sample is open: `sample` is any of its members.

    Attributes:
        title: its name, or else its filter.
    """

    title: str

    @property
    def filter(self) -> str:
        """By what it was chosen, as words; empty for everyone."""
        return cohorts.written(self.parts)

    @property
    def members(self) -> pd.DataFrame:
        """The rows of the cohort."""
        return self.rows[self.inside]

    @property
    def called(self) -> dict[str, Any]:
        """What figures call all rows and the cohort, with their sizes."""
        return {"whole_name": self.everyone, "cohort_name": self.cohort}

    @cached_property
    def finding(self) -> str:
        """What the correlation of entanglement and joint deciding says in a sentence; empty of what entangles
        nothing."""
        if cohort_measures.ENTROPY not in cohort_measures.measure_titles(self.study):
            return ""
        correlation = stability.correlation(
            cohort_measures.entropies(self.study, self.rows, cohort_measures.ENTROPY),
            self.rows[cohort_measures.JOINT].to_numpy(),
            clusters=self.clusters(),
        )
        return cohort_measures.finding(correlation, cohort_measures.ENTROPY, cohort_measures.JOINT)

    def dividends(self) -> dict[str, np.ndarray]:
        """Dividends (n,) by coalition: all, or the largest on average where there are very many."""
        columns = {
            term: self.rows[f"dividend[{term}]"].to_numpy(dtype=float)
            for term in self.sample.dividends
            if term
        }
        stored = sorted(columns, key=lambda term: -float(np.abs(columns[term]).mean()))[:MAX_TERMS]
        return {term: values for term, values in columns.items() if term in stored}


def report(cohort: Members) -> Report:
    """Returns the report on a cohort."""
    sample, clusters = cohort.sample, cohort.sample.dataset.clusters
    resampled = "the samples shown"
    if clusters is not None:
        count = clusters.count_words(sample.dataset.places(cohort.rows.index))
        resampled = f"the {count} behind the samples, which are not independent"
    return Report(
        f"Cohort ‘{cohort.title}’: what {sample.name} decides by",
        f"{sample.study.card.get('title', sample.name)}; data: {sample.dataset.title}",
        f"Report on {len(cohort.members):,} samples of data set {sample.dataset.name} and how model "
        f"{sample.name} decides on them.",
        filled(
            '{% include "cohort.html" %}',
            **shared(sample, own=False),
            **_shares(cohort),
            **_types(cohort),
            **_terms(cohort),
            **_built(cohort),
            **_entanglement(cohort),
            cohort=cohort,
            cut=_cuts(cohort),
            resampled=resampled,
            command=command(sample, "report", "--cohort", cohort.filter),
            drawing=drawing,
            stability=stability,
            RELATIONS=RELATIONS,
            MAX_MEMBERS=MAX_MEMBERS,
        ),
    )


def _means(
    result: Members, columns: Mapping[str, np.ndarray]
) -> tuple[dict[str, stability.Interval], dict[str, stability.Interval]]:
    """Means with intervals, of all rows and of the cohort."""
    everyone = np.ones(len(result.rows), dtype=bool)
    whole, part = (
        stability.means(
            {name: values[inside] for name, values in columns.items()},
            clusters=result.clusters(inside),
        )
        for inside in (everyone, result.inside)
    )
    return whole, part


def _shares(result: Members) -> dict[str, Any]:
    """Who decides, and whether it is harder than elsewhere."""
    rows = result.rows
    shares = {name: rows[f"share[{name}]"].to_numpy(float) for name in result.sample.modalities}
    columns = {key: rows[key].to_numpy(dtype=float) for key in ("error", "joint_share")}
    whole, part = _means(result, shares)
    of_all, of_cohort = _means(result, columns)
    inside, outside = (
        stability.means({"error": columns["error"][mask]})["error"]
        for mask in (result.inside, ~result.inside)
    )
    return {
        "whole": whole,
        "part": part,
        "of_all": of_all,
        "of_cohort": of_cohort,
        "leading": _leading(whole, part, result.split),
        "relations": result.members["relation"].value_counts(),
        "harder": harder(inside, outside),
        "between": _between,
    }


def harder(inside: stability.Interval, outside: stability.Interval) -> str:
    """Whether the mean error is larger in a cohort than among the others: where their intervals do not overlap."""
    if not outside.n:
        return f"The mean error is {number(inside.value)}"
    words = (
        f"The mean error is {number(inside.value)}{_between(inside, number)} against "
        f"{number(outside.value)}{_between(outside, number)} of the others"
    )
    if not (inside.known and outside.known):
        return f"{words}: too few samples to tell whether that is chance"
    if inside.low > outside.high:
        return f"{words}: larger beyond chance"
    if inside.high < outside.low:
        return f"{words}: smaller beyond chance"
    return f"{words}: not told apart, the intervals overlap"


def _between(interval: stability.Interval, write: Callable[[float], str] = "{:.0%}".format) -> str:
    return f" ({write(interval.low)} to {write(interval.high)})" if interval.known else ""


def _leading(
    whole: Mapping[str, stability.Interval], part: Mapping[str, stability.Interval], split: str
) -> str:
    """Which modality leads on average, `LEAD` ahead of every other, or that none does."""
    leader = verdicts.leader_of({name: entry.value for name, entry in part.items()})
    if not leader:
        return (
            "None leads on average: "
            + ", ".join(
                f"{name} {entry.value:.0%}{_between(entry)}" for name, entry in part.items()
            )
            + " of the Shapley shares."
        )
    return (
        f"{leader} leads with {part[leader].value:.0%} of the Shapley shares on average{_between(part[leader])}; "
        f"in all of {split} it has {whole[leader].value:.0%}."
    )


def _types(result: Members) -> dict[str, Any]:
    """How the modalities relate: how many samples of each kind, and how well they are predicted."""
    counts, errors = [], []
    for mask in (np.ones(len(result.rows), dtype=bool), result.inside):
        rows = [result.rows[mask & (result.rows["relation"] == kind)] for kind in RELATIONS]
        counts.append([len(of_kind) for of_kind in rows])
        errors.append(
            [
                stability.means(
                    {"error": of_kind["error"].to_numpy(dtype=float)},
                    clusters=cohort_measures.clusters_of(
                        result.sample.dataset, result.places(of_kind)
                    ),
                )["error"]
                for of_kind in rows
            ]
        )
    return {"counts": counts, "errors": list(zip(*errors, strict=True))}


def _terms(result: Members) -> dict[str, Any]:
    """The distribution of every term, and its means by group: groups are not told apart where there are many terms."""
    terms = result.dividends()
    inside = {term: values[result.inside] for term, values in terms.items()}
    by, many = _grouping(result.study, result.rows), len(terms) > MAX_COLUMNS
    group, names = cohort_measures.groups(result.study, result.rows, by)
    masks = {} if many else {name: result.inside & (group == name) for name in names}
    masks |= {
        "the cohort": result.inside,
        f"all of {result.split}": np.ones(len(result.rows), dtype=bool),
    }
    return {
        "terms": terms,
        "inside": inside,
        "means": {term: values.mean() for term, values in inside.items()},
        "left_out": len(result.sample.dividends) - 1 - len(terms),
        "by": by,
        "many": many,
        "groups": {name: mask for name, mask in masks.items() if mask.any()},
    }


def _built(result: Members) -> dict[str, Any]:
    """Which coupling and dissipation built which contribution, on average over the cohort."""
    sample = result.sample
    if not sample.can("time"):
        return {}
    features = sample.dataset.inputs(result.places(result.members), dtype=torch.float64)
    built = resolved(lambda: built_over_classes(sample.model, features, sample.background))
    return {"building": building, **built}


def _entanglement(result: Members) -> dict[str, Any]:
    """Entanglement against joint deciding, sample by sample."""
    if not result.finding:
        return {}
    measure, strength = cohort_measures.ENTROPY, cohort_measures.JOINT
    x = cohort_measures.entropies(result.study, result.rows, measure)
    y = result.rows[strength].to_numpy()
    known = np.isfinite(x) & np.isfinite(y)
    return {
        "related": int(known.sum()),
        "relation": drawing.scatter(
            result.rows.index[known].tolist(),
            x[known],
            y[known],
            cohort_measures.measure_titles(result.study)[measure],
            cohort_measures.strength_titles(result.study)[strength],
            cohort=result.inside[known],
            **result.called,
        ),
    }


def _cuts(result: Members) -> Any:
    """How good the model would be on the cohort without the correlations of a modality; None where none is cut."""
    sample, rows = result.sample, numbers.some(result.places(result.members), MAX_CUT)
    if not sample.can("time") or len(sample.modalities) < 2 or len(rows) < 2:
        return None
    return dynamics.cut_curves(sample.model, sample.dataset, rows)


# What a report is made of, from a workspace and the reader's choices. Free of streamlit.


def members(study: Study, table: Any, parts: Sequence[cohorts.Part], name: str = "") -> Members:
    """A cohort as the Cohorts page shows it.

    Args:
        table: of `cohort_measures.table`. parts: of the filter. name: of the cohort, if it has one.

    Raises:
        InvalidInput: when no explained sample passes the filter.
    """
    within = cohorts.within_split(parts, table) & np.isfinite(
        table[cohort_measures.JOINT].to_numpy()
    )
    rows, inside = table[within], cohorts.passing(parts, table)[within]
    check(
        bool(inside.any()),
        f"No explained sample passes the filter `{cohorts.written(parts)[:120]}`. Loosen it.",
    )
    split = " and ".join(value for part in cohorts.split_of(parts) for value in part.values)
    every = "every split" if split == cohorts.EVERYTHING else split
    return Members(
        sample_of(study, int(np.flatnonzero(within)[inside][0])),
        None,
        rows,
        inside,
        tuple(parts),
        every,
        "cohort",
        None,
        name or cohorts.written(parts) or f"all of {every}",
    )


def _grouping(study: Study, rows: Any) -> str:
    """By what contributions are told apart: the class, else a planted type, else the sign of the truth."""
    offered = cohort_measures.groupings(study, rows)
    planted = text.column("regime")
    return next(
        by
        for by in ("truth" if study.classes else planted, planted, "sign of truth", "relation")
        if by in offered
    )
