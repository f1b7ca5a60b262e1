"""The report on a cohort: what its members have in common, beside all samples of their split.

The text is in the templates `cohort.html`, `trust.html` and `methods.html`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check
from qfusion.analysis import (
    cohort_groups,
    cohort_levels,
    cohort_measures,
    cohort_table,
    cut_measures,
    drawn_samples,
    text,
)
from qfusion.analysis.cohort_levels import Levels, filter_split
from qfusion.analysis.sample import build_sample
from qfusion.analysis.study import Study
from qfusion.explain import RELATIONS, bootstrap, cohort_filters
from qfusion.explain.leaders import leading_modality
from qfusion.explain.path_attribution import aumann_shapley, aumann_shapley_over_classes
from qfusion.figures import cohort_charts, generator_attribution
from qfusion.models.abilities import can
from qfusion.report.document import Report
from qfusion.report.model_context import model_context, path_attribution_context
from qfusion.report.number_text import format_number
from qfusion.report.shown_commands import command_line, has_command, output_options
from qfusion.report.template_blocks import fill_template
from qfusion.wording.cohorts import (
    describe_correlation,
    name_all,
    name_all_with_size,
    name_cohort_with_size,
)
from qfusion.wording.list_names import with_id
from qfusion.wording.verdicts import RELATION_DEFINITIONS

MAX_MEMBERS = 60  # of the table of members
MAX_TERMS = 12  # whose distribution is shown
MAX_COLUMNS = 8  # terms up to which means by group are shown
MAX_CUT_ROWS = 200  # rows of the cut test, which takes seconds


@dataclass(frozen=True, eq=False)
class CohortMembers(Levels):
    """A cohort and its statistics; `sample` is one of its members, since none is selected.

    Attributes:
        title: its name, or else its filter; empty without both.
    """

    title: str

    @property
    def filter(self) -> str:
        """The filter of the cohort as text; empty for all samples."""
        return cohort_filters.format_conditions(self.parts)

    @property
    def explained_output(self) -> str:
        """Description of the explained output in words."""
        return (
            "log-odds of the class decided for (nats)"
            if self.study.classes and self.output_wanted is None
            else self.sample.unit
        )

    @property
    def members(self) -> pd.DataFrame:
        """The rows of the cohort."""
        return self.rows[self.inside]

    @property
    def name_options(self) -> dict[str, Any]:
        """Names that figures use for all rows and for the cohort, with their sizes."""
        return {
            "whole_name": name_all_with_size(self),
            "cohort_name": name_cohort_with_size(self),
        }

    @cached_property
    def finding(self) -> str:
        """A sentence on the correlation of entanglement and joint decisions; empty for models without entanglement."""
        if cohort_measures.ENTROPY not in cohort_measures.measure_titles(self.study):
            return ""
        correlation = bootstrap.correlation(
            cohort_measures.entropies(self.study, self.rows, cohort_measures.ENTROPY),
            self.rows[cohort_table.JOINT].to_numpy(),
            clusters=self.clusters(),
        )
        return describe_correlation(correlation, cohort_measures.ENTROPY, cohort_table.JOINT)

    def dividends(self) -> dict[str, np.ndarray]:
        """Return the dividends (n,) by coalition; of more than MAX_TERMS the largest on average."""
        columns = {}
        for term in self.sample.dividends:
            if term:
                columns[term] = self.rows[f"dividend[{term}]"].to_numpy(dtype=float)
        sizes = {term: float(np.abs(values).mean()) for term, values in columns.items()}
        largest = sorted(sizes, key=lambda term: -sizes[term])[:MAX_TERMS]
        return {term: values for term, values in columns.items() if term in largest}


def select_members(
    study: Study,
    table: Any,
    parts: Sequence[cohort_filters.Part],
    name: str = "",
    output: int | None = None,
) -> CohortMembers:
    """Return the cohort that passes a filter, as the Cohorts page shows it.

    Args:
        table: of `cohort_table.cohort_table_with_maps`, for the same output.
        parts: of the filter.
        name: of the cohort, if it has one.
        output: number of the explained class; the predicted class of each sample by default.

    Raises:
        InvalidInput: when no explained sample passes the filter.
    """
    rows, inside, split, is_partial = filter_split(table, parts)
    check(
        bool(inside.any()),
        f"No explained sample passes the filter `{cohort_filters.format_conditions(parts)[:120]}`. Loosen it.",
    )
    return CohortMembers(
        build_sample(study, study.dataset.row(str(rows.index[inside][0])), output),
        output,
        rows,
        inside,
        tuple(parts),
        split,
        is_partial,
        name="",
        own=None,
        title=name or cohort_filters.format_conditions(parts),
    )


def report_on_cohort(cohort: CohortMembers) -> Report:
    """Return the report on a cohort."""
    sample = cohort.sample
    clusters = sample.dataset.clusters
    resampled = "the samples shown"
    if clusters is not None:
        count = clusters.describe_count(sample.dataset.find_rows(cohort.rows.index))
        resampled = f"the {count} behind the samples, which are not independent"
    filter_words = ["--cohort", cohort.filter]
    if cohort.output_wanted is not None:
        filter_words += output_options(sample)
    return Report(
        f"Cohort ‘{cohort.title or name_all(cohort)}’: what {sample.name} decides by",
        f"{sample.study.card.get('title', sample.name)}; data: "
        f"{with_id(sample.dataset.title, sample.dataset.name)}",
        f"Report on {len(cohort.members):,} samples of data set {sample.dataset.name} and how model "
        f"{sample.name} decides on them.",
        fill_template(
            '{% include "cohort.html" %}',
            **model_context(sample, own=False),
            **shares_context(cohort),
            **_relations_context(cohort),
            **_terms_context(cohort),
            **_dynamics_context(cohort),
            **_entanglement_context(cohort),
            cohort=cohort,
            cut=measure_cuts(cohort),
            resampled=resampled,
            commanded=has_command(sample),
            command=command_line(sample, "report", *filter_words),
            drawing=cohort_charts,
            bootstrap=bootstrap,
            RELATIONS=RELATION_DEFINITIONS,
            MAX_MEMBERS=MAX_MEMBERS,
        ),
    )


def _means(
    result: CohortMembers, columns: Mapping[str, np.ndarray], keep: np.ndarray
) -> dict[str, bootstrap.Interval]:
    """Return the means of columns over the rows to keep, with intervals."""
    return bootstrap.means(
        {name: values[keep] for name, values in columns.items()}, clusters=result.clusters(keep)
    )


def shares_context(result: CohortMembers) -> dict[str, Any]:
    """Return the Shapley shares and errors of the cohort, of all samples and of the others."""
    rows = result.rows
    shares = {name: rows[f"share[{name}]"].to_numpy(float) for name in result.sample.modalities}
    columns = {key: rows[key].to_numpy(dtype=float) for key in ("joint_share",)}
    everyone = np.ones(len(rows), dtype=bool)
    whole = _means(result, shares, everyone)
    part = _means(result, shares, result.inside)
    if result.study.has_truth:
        columns["error"] = rows["error"].to_numpy(dtype=float)
    of_cohort = _means(result, columns, result.inside)
    others = _means(result, columns, ~result.inside)
    return {
        "whole": whole,
        "part": part,
        "of_all": _means(result, columns, everyone),
        "of_cohort": of_cohort,
        "leading": _describe_leader(whole, part, name_all(result)),
        "relations": result.members["relation"].value_counts(),
        "harder": compare_errors(of_cohort["error"], others["error"])
        if result.study.has_truth
        else "",
        "between": _format_interval,
    }


def compare_errors(inside: bootstrap.Interval, outside: bootstrap.Interval) -> str:
    """Return whether the mean error of a cohort differs from that of the others: their intervals must not overlap."""
    if not outside.n:
        return f"The mean error is {format_number(inside.value)}"
    words = (
        f"The mean error is {format_number(inside.value)}{_format_interval(inside, format_number)} against "
        f"{format_number(outside.value)}{_format_interval(outside, format_number)} of the others"
    )
    if not (inside.known and outside.known):
        return f"{words}: too few samples for a test"
    if inside.low > outside.high:
        return f"{words}: larger beyond chance"
    if inside.high < outside.low:
        return f"{words}: smaller beyond chance"
    return f"{words}: no significant difference, the intervals overlap"


def _format_interval(
    interval: bootstrap.Interval, write: Callable[[float], str] = "{:.0%}".format
) -> str:
    return f" ({write(interval.low)} to {write(interval.high)})" if interval.known else ""


def _describe_leader(
    whole: Mapping[str, bootstrap.Interval], part: Mapping[str, bootstrap.Interval], every: str
) -> str:
    """Return which modality leads on average, by more than `leaders.LEAD`, or that none does."""
    leader = leading_modality({name: entry.value for name, entry in part.items()})
    if not leader:
        shares = [
            f"{name} {entry.value:.0%}{_format_interval(entry)}" for name, entry in part.items()
        ]
        return f"None leads on average: {', '.join(shares)} of the Shapley shares."
    share = part[leader]
    return (
        f"{leader} leads with {share.value:.0%} of the Shapley shares on average{_format_interval(share)}; "
        f"in {every} it has {whole[leader].value:.0%}."
    )


def _relations_context(result: CohortMembers) -> dict[str, Any]:
    """Return how many samples have each relation of the modalities, and their errors; of all and of the cohort."""
    counts_of_all, counts_of_cohort, mean_errors = [], [], []
    for relation in RELATIONS:
        whole = (result.rows["relation"] == relation).to_numpy()
        part = whole & result.inside
        counts_of_all.append(int(whole.sum()))
        counts_of_cohort.append(int(part.sum()))
        mean_errors.append(
            (cohort_levels.mean_error(result, whole), cohort_levels.mean_error(result, part))
        )
    return {
        "counts": [counts_of_all, counts_of_cohort],
        "errors": mean_errors if result.study.has_truth else [],
    }


def _terms_context(result: CohortMembers) -> dict[str, Any]:
    """Return the distribution of every term, and its means by group unless there are many terms."""
    terms = result.dividends()
    inside = {term: values[result.inside] for term, values in terms.items()}
    by = _grouping(result.study, result.rows)
    many = len(terms) > MAX_COLUMNS
    masks = {}
    if not many:
        group, names = cohort_groups.groups(result.study, result.rows, by)
        masks = {name: result.inside & (group == name) for name in names}
    masks["the cohort"] = result.inside
    masks[name_all(result)] = np.ones(len(result.rows), dtype=bool)
    return {
        "terms": terms,
        "inside": inside,
        "means": {term: values.mean() for term, values in inside.items()},
        "left_out": len(result.sample.dividends) - 1 - len(terms),
        "by": by,
        "many": many,
        "groups": {name: mask for name, mask in masks.items() if mask.any()},
    }


def _dynamics_context(result: CohortMembers) -> dict[str, Any]:
    """Return the attribution of each contribution to terms of the dynamics, on average over the cohort."""
    sample = result.sample
    if not can(sample.model, "time"):
        return {}
    features = sample.dataset.inputs(result.places(result.members), dtype=torch.float64)
    build = aumann_shapley_over_classes
    if result.output_wanted is not None:
        build = partial(aumann_shapley, output=sample.output)
    return {
        "building": generator_attribution,
        **path_attribution_context(lambda: build(sample.model, features, sample.background)),
    }


def _entanglement_context(result: CohortMembers) -> dict[str, Any]:
    """Return the scatter plot of entanglement and joint share, a point a sample."""
    if not result.finding:
        return {}
    measure, strength = cohort_measures.ENTROPY, cohort_table.JOINT
    x = cohort_measures.entropies(result.study, result.rows, measure)
    y = result.rows[strength].to_numpy()
    known = np.isfinite(x) & np.isfinite(y)
    return {
        "related": int(known.sum()),
        "relation": cohort_charts.scatter(
            result.rows.index[known].tolist(),
            x[known],
            y[known],
            cohort_measures.measure_titles(result.study)[measure],
            cohort_measures.strength_titles(result.study)[strength],
            cohort=result.inside[known],
            **result.name_options,
        ),
    }


def measure_cuts(result: CohortMembers) -> Any:
    """Return the metrics on the cohort without the correlations of each modality; None where none can be cut."""
    sample = result.sample
    rows = drawn_samples.thin_rows(result.places(result.members), MAX_CUT_ROWS)
    if not can(sample.model, "time") or len(sample.modalities) < 2 or len(rows) < 2:
        return None
    return cut_measures.cut_curves(sample.model, sample.dataset, rows)


def _grouping(study: Study, rows: Any) -> str:
    """Return the grouping of the rows: the class, else a planted type, else the sign of the truth."""
    offered = cohort_groups.groupings(study, rows)
    groupings = [text.column("regime"), "sign of truth", "relation"]
    if study.classes:
        groupings.insert(0, "truth")
    return next(grouping for grouping in groupings if grouping in offered)
