"""The report on a cohort: what its members have in common, beside all samples of their split."""

from __future__ import annotations

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
from qfusion.errors import InvalidInput
from qfusion.explain import RELATIONS, cohorts, cuts, stability, verdicts
from qfusion.explain.building import answer as building_answer, built_over_classes
from qfusion.figures import building, cohort as drawing, notebook, numbers
from qfusion.report.about_sample import about, command, methods_section, shows, trust_section
from qfusion.report.blocks import (
    HALF,
    Block,
    Report,
    cite,
    figure,
    heading,
    listing,
    number,
    paragraph,
    points,
    signed,
    strong,
    table,
)

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
    sample = cohort.sample
    return Report(
        f"Cohort ‘{cohort.title}’: what {sample.name} decides by",
        f"{sample.study.card.get('title', sample.name)}; data: {sample.dataset.title}",
        f"Report on {len(cohort.members):,} samples of data set {sample.dataset.name} and how model "
        f"{sample.name} decides on them.",
        [
            *_summary(cohort),
            *_shares(cohort),
            *_types(cohort),
            *_terms(cohort),
            *_built(cohort),
            *_entanglement(cohort),
            *_cuts(cohort),
            *_members(cohort),
            *trust_section(sample, one=False),
            *methods_section(sample),
            *_again(cohort),
        ],
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


def _share_means(
    result: Members,
) -> tuple[dict[str, stability.Interval], dict[str, stability.Interval]]:
    return _means(
        result,
        {
            name: result.rows[f"share[{name}]"].to_numpy(dtype=float)
            for name in result.sample.modalities
        },
    )


def _summary(result: Members) -> list[Block]:
    sample, cohort = result.sample, result.members
    whole, part = _share_means(result)
    columns = {key: result.rows[key].to_numpy(dtype=float) for key in ("error", "joint_share")}
    of_all, of_cohort = _means(result, columns)
    inside, outside = (
        stability.means({"error": columns["error"][mask]})["error"]
        for mask in (result.inside, ~result.inside)
    )
    kinds = cohort["relation"].value_counts()
    answers = [
        (strong("Which modality decides? "), _leading(whole, part, result.split)),
        (
            strong("How do the modalities relate? "),
            f"Most often it is {kinds.index[0]}, {kinds.iloc[0]:,} of {len(cohort):,} "
            f"({kinds.iloc[0] / len(cohort):.0%}).",
        ),
        (
            strong("How much is said only jointly? "),
            f"{of_cohort['joint_share'].value:.0%} of all terms by size{_between(of_cohort['joint_share'])}; in all of "
            f"{result.split} {of_all['joint_share'].value:.0%}.",
        ),
        (
            strong("Is it harder? "),
            f"{harder(inside, outside)}; all "
            f"of {result.split}: {number(of_all['error'].value)} ({sample.study.unit_of_error}).",
        ),
    ]
    entangled = (strong("Does entanglement go with joint deciding? "), f"{result.finding}.")
    return [
        heading("In short"),
        paragraph(
            f"{len(cohort):,} of the {len(result.rows):,} explained samples of {result.split} form this cohort: "
            f"{result.filter or 'no filter'}."
        ),
        points(*answers, *([entangled] if result.finding else [])),
        about(
            sample,
            [
                ("Filter", result.filter or "none: everyone"),
                ("Split", result.split),
                ("Members", f"{len(cohort):,} of {len(result.rows):,} explained samples"),
                (
                    "Explained",
                    "score of the class that is decided for" if sample.classes else sample.unit,
                ),
                ("Compared with", verdicts.behind(sample.study.bulk_background)),
            ],
        ),
    ]


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


def _shares(result: Members) -> list[Block]:
    whole, part = _share_means(result)
    sample = result.sample
    shares = ", ".join(
        f"{name} {part[name].value:.0%} in the cohort, {whole[name].value:.0%} in all"
        for name in sample.modalities
    )
    return [
        heading("Which modality decides"),
        figure(
            drawing.shares(whole, part, {}, sample.modalities, **result.called),
            f"Mean part of each modality in Σ|Shapley value| (MM-SHAP); bars: {result.intervals}. Compared with "
            f"{verdicts.behind(sample.study.bulk_background)}.",
            f"Mean shares: {shares}.",
            HALF,
        ),
        table(
            ("Modality", "Cohort", "Interval", f"All of {result.split}", "Interval"),
            [
                (
                    name,
                    f"{part[name].value:.1%}",
                    _interval(part[name]),
                    f"{whole[name].value:.1%}",
                    _interval(whole[name]),
                )
                for name in sample.modalities
            ],
            f"Mean shares with {stability.LEVEL:.0%} intervals.",
        ),
    ]


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


def _interval(interval: stability.Interval) -> str:
    return f"{interval.low:.1%} to {interval.high:.1%}" if interval.known else "too few"


def _types(result: Members) -> list[Block]:
    """How the modalities relate: how many samples of each kind, and how well they are predicted."""
    counts, errors = [], []
    for mask in (np.ones(len(result.rows), dtype=bool), result.inside):
        rows = {kind: result.rows[mask & (result.rows["relation"] == kind)] for kind in RELATIONS}
        counts.append([len(of_kind) for of_kind in rows.values()])
        errors.append(
            {
                kind: stability.means(
                    {kind: of_kind["error"].to_numpy(dtype=float)},
                    clusters=cohort_measures.clusters_of(
                        result.sample.dataset, result.places(of_kind)
                    ),
                )[kind]
                for kind, of_kind in rows.items()
            }
        )
    whole, part = counts
    types = ", ".join(
        f"{kind} {b:,} of {sum(part):,} in the cohort, {a:,} of {sum(whole):,} in all"
        for kind, a, b in zip(RELATIONS, whole, part, strict=True)
    )
    return [
        heading("How the modalities relate, and how well that is predicted"),
        figure(
            drawing.types(
                list(RELATIONS),
                whole,
                part,
                [(errors[0][kind], errors[1][kind]) for kind in RELATIONS],
                **result.called,
            ),
            "; ".join(
                f"{kind}: {words[0].lower()}{words[1:-1]}" for kind, words in RELATIONS.items()
            )
            + f". Right: mean error ({result.study.unit_of_error}); bars: {result.intervals}.",
            f"Types: {types}.",
        ),
    ]


def _terms(result: Members) -> list[Block]:
    """The distribution of every term, and its means by group."""
    terms, sample = result.dividends(), result.sample
    left = len(sample.dividends) - 1 - len(terms)
    inside = {term: values[result.inside] for term, values in terms.items()}
    return [
        heading("What each combination contributed"),
        figure(
            drawing.violins(
                terms,
                inside,
                {},
                sample.modalities,
                unit="score of the class" if sample.classes else sample.unit,
                **result.called,
            ),
            "Every sample's exact contribution of each term, with its sign: all above each line in grey, the "
            "cohort below it in colour; the line inside is the mean. Compared with "
            f"{verdicts.behind(sample.study.bulk_background)}."
            + (f" The {left} terms that are smallest on average are left out." if left else ""),
            "Mean contributions in the cohort: "
            + ", ".join(f"{term} {values.mean():+.2f}" for term, values in inside.items())
            + ".",
        ),
        _means_of(result, terms),
    ]


def _means_of(result: Members, terms: Mapping[str, np.ndarray]) -> Block:
    """Mean contributions: a row a group, or a row a term where there are many terms."""
    many = len(terms) > MAX_COLUMNS
    by = _grouping(result.study, result.rows)
    group, names_of_groups = cohort_measures.groups(result.study, result.rows, by)
    masks = {} if many else {name: result.inside & (group == name) for name in names_of_groups}
    masks |= {
        "the cohort": result.inside,
        f"all of {result.split}": np.ones(len(result.rows), dtype=bool),
    }
    filled = {name: mask for name, mask in masks.items() if mask.any()}
    names = [term.replace("+", " + ") for term in terms]
    if many:
        return table(
            ("Term", *(f"{name} (n = {int(mask.sum()):,})" for name, mask in filled.items())),
            [
                (name, *(signed(values[mask].mean()) for mask in filled.values()))
                for name, values in zip(names, terms.values(), strict=True)
            ],
            "Mean contributions.",
        )
    return table(
        (by, "n", *names),
        [
            (
                name,
                f"{int(mask.sum()):,}",
                *(signed(values[mask].mean()) for values in terms.values()),
            )
            for name, mask in filled.items()
        ],
        f"Mean contributions of the cohort by {by}, of the whole cohort, and of all.",
    )


def _entanglement(result: Members) -> list[Block]:
    if not result.finding:
        return []
    study = result.study
    x, y = (
        cohort_measures.entropies(study, result.rows, cohort_measures.ENTROPY),
        result.rows[cohort_measures.JOINT].to_numpy(),
    )
    known = np.isfinite(x) & np.isfinite(y)
    return [
        heading("Entanglement and joint deciding"),
        figure(
            drawing.relation(
                result.rows.index[known].tolist(),
                x[known],
                y[known],
                result.inside[known],
                cohort_measures.measure_titles(study)[cohort_measures.ENTROPY],
                cohort_measures.strength_titles(study)[cohort_measures.JOINT],
                **result.called,
            ),
            f"Every explained sample of {result.split}, the cohort in colour. {result.finding}.",
            f"Scatter of {int(known.sum()):,} samples: {result.finding}.",
        ),
        paragraph(
            "Entanglement is correlation of the states, not attribution; a relation over samples is no cause."
        ),
    ]


def _built(result: Members) -> list[Block]:
    """Which coupling and dissipation built which contribution, on average over the cohort."""
    sample = result.sample
    if not sample.can("time"):
        return []
    question = heading("Which coupling built which term?")
    features = sample.dataset.inputs(result.places(result.members), dtype=torch.float64)
    try:
        built = built_over_classes(sample.model, features, sample.background)
    except InvalidInput as error:  # evolved for too long to be resolved
        return [question, paragraph(str(error))]
    words = building_answer(built)
    titles, _ = building.terms_of(built.terms, built.modalities)
    return [
        question,
        paragraph(
            f"Mean over the cohort. {words}. Positive and negative parts of different samples cancel in a mean."
        ),
        figure(
            building.matrix(
                built.dividends,
                titles,
                built.parts,
                built.start,
                built.end,
                unit="score of the class that each sample is decided for"
                if sample.classes
                else sample.unit,
            ),
            shows("built", f" Mean over {built.count:,} samples."),
            f"{words}.",
        ),
    ]


def _cuts(result: Members) -> list[Block]:
    """How good the model would be on the cohort without the correlations of a modality."""
    sample, rows = result.sample, numbers.some(result.places(result.members), MAX_CUT)
    if not sample.can("time") or len(sample.modalities) < 2 or len(rows) < 2:
        return []
    curves = dynamics.cut_curves(sample.model, sample.dataset, rows)
    answer = f"{cuts.answer_for_many(curves)}."
    some = f" Of the cohort, {len(rows):,} samples, evenly spaced."
    return [
        heading("Are the correlations needed?"),
        paragraph(answer + (some if len(rows) < len(result.members) else "")),
        figure(
            notebook.cut_test_of(
                numbers.cut_table(curves), sample.modalities, next(iter(curves.after))
            ),
            shows("cut-test"),
            answer,
        ),
    ]


def _members(result: Members) -> list[Block]:
    cohort = result.members.sort_values("error", ascending=False, kind="stable")
    rest = len(cohort) - MAX_MEMBERS
    return [
        heading("The members"),
        table(
            (
                "Sample",
                "Truth",
                "Prediction",
                "Error",
                "Type",
                *(f"Share {name}" for name in result.sample.modalities),
            ),
            [
                (
                    str(name),
                    *(
                        signed(value) if isinstance(value, float) else str(value)
                        for value in (row["truth"], row["prediction"])
                    ),
                    number(row["error"]),
                    str(row["relation"]),
                    *(f"{row[f'share[{name}]']:.0%}" for name in result.sample.modalities),
                )
                for name, row in cohort.head(MAX_MEMBERS).iterrows()
            ],
            f"The samples of the cohort, the largest error first{f'; {rest:,} more are left out' if rest > 0 else ''}.",
            (4,),
        ),
    ]


def _again(result: Members) -> list[Block]:
    """How intervals are made, and how to get the same numbers."""
    dataset = result.sample.dataset
    what = "the samples shown"
    if dataset.clusters is not None:
        count = dataset.clusters.count_words(dataset.places(result.rows.index))
        what = f"the {count} behind the samples, which are not independent"
    words = command(result.sample, "report", "--cohort", result.filter)
    return [
        paragraph(
            f"Intervals are {stability.LEVEL:.0%} percentile bootstrap intervals ",
            cite("efron1993"),
            f" of {stability.RESAMPLES:,} resamples of {what}, with seed 0; below ten none is given. "
            "They say how far another draw might move a number, not another training run.",
        ),
        heading("The same again"),
        listing(f"{words} --out report.html", "Command"),
    ]


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
