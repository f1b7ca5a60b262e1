"""The report on a cohort: what its members have in common, beside all samples of their split."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check
from qfusion.analysis import cohort_measures, dynamics, text
from qfusion.analysis.cohort_measures import ENTROPY, JOINT
from qfusion.analysis.sample import Sample, sample_of
from qfusion.analysis.study import Study
from qfusion.errors import InvalidInput
from qfusion.explain import RELATIONS, cohorts, stability, verdicts
from qfusion.explain import cuts as cut_answers
from qfusion.explain.building import answer as building_answer
from qfusion.explain.building import built_over_classes
from qfusion.explain.cohorts import Part
from qfusion.explain.stability import LEVEL, RESAMPLES, Interval
from qfusion.explain.verdicts import leader_of
from qfusion.figures import building, notebook, numbers
from qfusion.figures import cohort as drawing
from qfusion.figures.cohort import Estimate
from qfusion.report import about_sample
from qfusion.report.blocks import (
    HALF,
    Block,
    Document,
    Facts,
    Heading,
    Listing,
    Points,
    Strong,
    Table,
    cite,
    figure,
    number,
    paragraph,
    signed,
)

MAX_MEMBERS, MAX_TERMS, MAX_COLUMNS = 60, 12, 8
MAX_CUT = 200  # samples whose correlations are cut: seconds


@dataclass(frozen=True, eq=False)
class Members:
    """A cohort and everything that is said of it.

    Attributes:
        sample: any of its members: model, data and background.
        rows: one row an explained sample of the split (index id), with the columns that the Cohorts page has.
        inside: which of them belong to the cohort, bool (n,).
        name, filter, split: as words; name is empty where it has none.
        by, group, groups: what the samples are grouped by, the group of each, the groups in order.
        errors: what an error is. measure, strength: names of the columns of entanglement and interaction that are set
            against each other, by what they are called on an axis.
        values: these two, (n,) each.
        finding: what their correlation says in a sentence.
    """

    sample: Sample
    rows: pd.DataFrame
    inside: np.ndarray
    name: str
    filter: str
    split: str
    by: str
    group: np.ndarray
    groups: tuple[str, ...]
    errors: str
    measure: str
    strength: str
    values: tuple[np.ndarray, np.ndarray]
    finding: str

    @property
    def title(self) -> str:
        """The name, or else the filter."""
        return self.name or self.filter or f"all of {self.split}"

    @property
    def cohort(self) -> pd.DataFrame:
        """The rows of the cohort."""
        return self.rows[self.inside]

    def called(self, whole: bool) -> str:
        """Name of a level with its size."""
        return (
            f"all of {self.split} (n = {len(self.rows):,})"
            if whole
            else f"cohort (n = {int(self.inside.sum()):,})"
        )

    def dividends(self) -> dict[str, np.ndarray]:
        """Dividends (n,) by coalition: all, or the largest on average where there are very many."""
        columns = {
            term: self.rows[f"dividend[{term}]"].to_numpy(dtype=float)
            for term in self.sample.dividends
            if term
        }
        stored = sorted(columns, key=lambda term: -float(np.abs(columns[term]).mean()))[:MAX_TERMS]
        return {term: values for term, values in columns.items() if term in stored}


def document(result: Members) -> Document:
    """Returns the report on a cohort."""
    sample = result.sample
    parts: list[Block] = []
    for section in (_summary, _shares, _types, _terms, _built, _entanglement, _cuts, _members):
        parts += section(result)
    parts += [
        *about_sample.trust_section(sample, one=False),
        *about_sample.methods_section(sample),
        *_intervals(result),
        *_again(result),
    ]
    return Document(
        f"Cohort ‘{result.title}’: what {sample.name} decides by",
        f"{sample.study.card.get('title', sample.name)}; data: {sample.dataset.title}",
        f"Report on {len(result.cohort):,} samples of data set {sample.dataset.name} and how model "
        f"{sample.name} decides on them.",
        tuple(parts),
    )


def _means(
    result: Members, columns: Mapping[str, np.ndarray]
) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """Means with intervals, of all rows and of the cohort."""
    dataset = result.sample.dataset
    return (
        stability.means(columns, clusters=cohort_measures.clusters_of(dataset, result.rows)),
        stability.means(
            {name: values[result.inside] for name, values in columns.items()},
            clusters=cohort_measures.clusters_of(dataset, result.cohort),
        ),
    )


def _how(result: Members) -> str:
    """How intervals are made."""
    return cohort_measures.intervals(result.sample.dataset, result.rows)


def _share_means(result: Members) -> tuple[dict[str, Interval], dict[str, Interval]]:
    return _means(
        result,
        {
            name: result.rows[f"share[{name}]"].to_numpy(dtype=float)
            for name in result.sample.modalities
        },
    )


def _summary(result: Members) -> Iterator[Block]:
    sample, cohort = result.sample, result.cohort
    whole, part = _share_means(result)
    errors = _means(result, {"e": result.rows["error"].to_numpy(dtype=float)})
    kinds = cohort["relation"].value_counts()
    joint = _means(result, {"j": result.rows["joint_share"].to_numpy(dtype=float)})
    yield Heading("In short")
    yield paragraph(
        f"{len(cohort):,} of the {len(result.rows):,} explained samples of {result.split} form this cohort: "
        f"{result.filter or 'no filter'}."
    )
    yield Points(
        (
            (Strong("Which modality decides? "), _leading(whole, part, result.split)),
            (
                Strong("How do the modalities relate? "),
                f"Most often it is {kinds.index[0]}, {kinds.iloc[0]:,} of {len(cohort):,} "
                f"({kinds.iloc[0] / len(cohort):.0%}).",
            ),
            (
                Strong("How much is said only jointly? "),
                f"{joint[1]['j'].value:.0%} of all terms by size{_between(joint[1]['j'])}; in all of {result.split} "
                f"{joint[0]['j'].value:.0%}.",
            ),
            (
                Strong("Is it harder? "),
                f"{harder(_error(result, result.inside), _error(result, ~result.inside))}; all "
                f"of {result.split}: {number(errors[0]['e'].value)} ({result.errors}).",
            ),
            *(
                ((Strong("Does entanglement go with joint deciding? "), f"{result.finding}."),)
                if result.measure
                else ()
            ),
        )
    )
    yield Facts(
        (
            (
                "Model",
                f"{sample.name}: {sample.study.card.get('title', '')} ({sample.study.card['model']})",
            ),
            ("Data", f"{sample.dataset.name}: {sample.dataset.title}"),
            ("Filter", result.filter or "none: everyone"),
            ("Split", result.split),
            ("Members", f"{len(cohort):,} of {len(result.rows):,} explained samples"),
            (
                "Explained",
                "score of the class that is decided for" if sample.classes else sample.unit,
            ),
            ("Compared with", verdicts.behind(sample.study.bulk_background)),
            *about_sample.common(sample.study.card),
            ("Digest of the data", sample.dataset.digest),
            ("Digest of the background", sample.background.key),
        ),
        "What this report is about, and what it was made with.",
    )


def _error(result: Members, where: np.ndarray) -> Interval:
    return stability.means({"e": result.rows["error"].to_numpy(dtype=float)[where]})["e"]


def harder(inside: Interval, outside: Interval) -> str:
    """Whether the mean error is larger in a cohort than among the others: where their intervals do not overlap."""
    if not outside.n:
        return f"The mean error is {number(inside.value)}"
    words = (
        f"The mean error is {number(inside.value)}{_spanned(inside)} against {number(outside.value)}"
        f"{_spanned(outside)} of the others"
    )
    if not (inside.known and outside.known):
        return f"{words}: too few samples to tell whether that is chance"
    if inside.low > outside.high:
        return f"{words}: larger beyond chance"
    if inside.high < outside.low:
        return f"{words}: smaller beyond chance"
    return f"{words}: not told apart, the intervals overlap"


def _spanned(interval: Interval) -> str:
    return f" ({number(interval.low)} to {number(interval.high)})" if interval.known else ""


def _between(interval: Interval) -> str:
    return f" ({interval.low:.0%} to {interval.high:.0%})" if interval.known else ""


def _shares(result: Members) -> Iterator[Block]:
    whole, part = _share_means(result)
    sample = result.sample
    yield Heading("Which modality decides")
    yield figure(
        drawing.shares(
            _estimates(whole),
            _estimates(part),
            {},
            sample.modalities,
            whole_name=result.called(True),
            cohort_name=result.called(False),
        ),
        f"Mean part of each modality in Σ|Shapley value| (MM-SHAP); bars: {_how(result)}. Compared with "
        f"{verdicts.behind(sample.study.bulk_background)}.",
        "Mean shares: "
        + ", ".join(
            f"{name} {part[name].value:.0%} in the cohort, {whole[name].value:.0%} in all"
            for name in sample.modalities
        )
        + ".",
        HALF,
    )
    yield Table(
        ("Modality", "Cohort", "Interval", f"All of {result.split}", "Interval"),
        tuple(
            (
                name,
                f"{part[name].value:.1%}",
                _interval(part[name]),
                f"{whole[name].value:.1%}",
                _interval(whole[name]),
            )
            for name in sample.modalities
        ),
        f"Mean shares with {LEVEL:.0%} intervals.",
    )


def _leading(whole: Mapping[str, Interval], part: Mapping[str, Interval], split: str) -> str:
    """Which modality leads on average, `LEAD` ahead of every other, or that none does."""
    leader = leader_of({name: entry.value for name, entry in part.items()})
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


def _interval(interval: Interval) -> str:
    return f"{interval.low:.1%} to {interval.high:.1%}" if interval.known else "too few"


def _estimates(intervals: Mapping[str, Interval]) -> dict[str, Estimate]:
    return {name: Estimate(entry.value, entry.low, entry.high) for name, entry in intervals.items()}


def _types(result: Members) -> Iterator[Block]:
    """How the modalities relate: how many samples of each kind, and how well they are predicted."""
    errors = result.rows["error"].to_numpy(dtype=float)
    where = {kind: (result.rows["relation"] == kind).to_numpy() for kind in RELATIONS}
    pairs = {
        kind: tuple(
            stability.means(
                {"e": errors[mask & keep]},
                clusters=cohort_measures.clusters_of(
                    result.sample.dataset, result.rows[mask & keep]
                ),
            )["e"]
            for keep in (np.ones(len(errors), bool), result.inside)
        )
        for kind, mask in where.items()
    }
    whole, part = (
        [int((mask & keep).sum()) for mask in where.values()]
        for keep in (np.ones(len(errors), bool), result.inside)
    )
    drawn = drawing.types(
        list(where),
        whole,
        part,
        [
            (Estimate(a.value, a.low, a.high), Estimate(b.value, b.low, b.high))
            for a, b in pairs.values()
        ],
        whole_name=result.called(True),
        cohort_name=result.called(False),
    )
    yield Heading("How the modalities relate, and how well that is predicted")
    yield figure(
        drawn,
        "; ".join(f"{kind}: {words[0].lower()}{words[1:-1]}" for kind, words in RELATIONS.items())
        + f". Right: mean error ({result.errors}); bars: {_how(result)}.",
        "Types: "
        + ", ".join(
            f"{kind} {b:,} of {sum(part):,} in the cohort, {a:,} of {sum(whole):,} in all"
            for kind, a, b in zip(where, whole, part, strict=True)
        )
        + ".",
    )


def _terms(result: Members) -> Iterator[Block]:
    """The distribution of every term, and its means by group."""
    terms, sample = result.dividends(), result.sample
    unit = "score of the class" if sample.classes else sample.unit
    left = len(sample.dividends) - 1 - len(terms)
    yield Heading("What each combination contributed")
    yield figure(
        drawing.violins(
            terms,
            {term: values[result.inside] for term, values in terms.items()},
            {},
            sample.modalities,
            unit=unit,
            whole_name=result.called(True),
            cohort_name=result.called(False),
        ),
        "Every sample's exact contribution of each term, with its sign: all above each line in grey, the "
        "cohort below it in colour; the line inside is the mean. Compared with "
        f"{verdicts.behind(sample.study.bulk_background)}."
        + (f" The {left} terms that are smallest on average are left out." if left else ""),
        "Mean contributions in the cohort: "
        + ", ".join(f"{t} {v[result.inside].mean():+.2f}" for t, v in terms.items())
        + ".",
    )
    yield _means_of(result, terms)


def _means_of(result: Members, terms: Mapping[str, np.ndarray]) -> Table:
    """Mean contributions: a row a group, or a row a term where there are many terms."""
    everyone = np.ones(len(result.rows), dtype=bool)
    masks = (
        {name: result.inside & (result.group == name) for name in result.groups}
        if len(terms) <= MAX_COLUMNS
        else {}
    )
    masks |= {"the cohort": result.inside, f"all of {result.split}": everyone}
    filled = {name: mask for name, mask in masks.items() if mask.any()}
    names = tuple(term.replace("+", " + ") for term in terms)
    if len(terms) > MAX_COLUMNS:
        heads = tuple(f"{name} (n = {int(mask.sum()):,})" for name, mask in filled.items())
        return Table(
            ("Term", *heads),
            tuple(
                (name, *(signed(values[mask].mean()) for mask in filled.values()))
                for name, values in zip(names, terms.values(), strict=True)
            ),
            "Mean contributions.",
        )
    rows = tuple(
        (name, f"{int(mask.sum()):,}", *(signed(values[mask].mean()) for values in terms.values()))
        for name, mask in filled.items()
    )
    return Table(
        (result.by, "n", *names),
        rows,
        f"Mean contributions of the cohort by {result.by}, of the whole cohort, and of all.",
    )


def _entanglement(result: Members) -> Iterator[Block]:
    if not result.measure:
        return
    x, y = result.values
    known = np.isfinite(x) & np.isfinite(y)
    yield Heading("Entanglement and joint deciding")
    yield figure(
        drawing.relation(
            result.rows.index[known].tolist(),
            x[known],
            y[known],
            result.inside[known],
            result.measure,
            result.strength,
            whole_name=result.called(True),
            cohort_name=result.called(False),
        ),
        f"Every explained sample of {result.split}, the cohort in colour. {result.finding}.",
        f"Scatter of {int(known.sum()):,} samples: {result.finding}.",
    )
    yield paragraph(
        "Entanglement is correlation of the states, not attribution; a relation over samples is no cause."
    )


def _places(result: Members) -> np.ndarray:
    """Rows of the data set that the cohort is."""
    return result.sample.dataset.places(result.cohort.index)


def _built(result: Members) -> Iterator[Block]:
    """Which coupling and dissipation built which contribution, on average over the cohort."""
    sample = result.sample
    if not sample.can("time"):
        return
    yield Heading("Which coupling built which term?")
    try:
        made = built_over_classes(
            sample.model,
            sample.dataset.inputs(_places(result), dtype=torch.float64),
            sample.background,
        )
    except InvalidInput as error:  # evolved for too long to be resolved
        yield paragraph(str(error))
        return
    words = building_answer(made)
    whose = "score of the class that each sample is decided for" if sample.classes else sample.unit
    titles, _ = building.terms_of(made.terms, made.modalities)
    yield paragraph(
        f"Mean over the cohort. {words}. Positive and negative parts of different samples cancel in a mean."
    )
    yield figure(
        building.matrix(made.dividends, titles, made.parts, made.start, made.end, unit=whose),
        f"What the figure shows: {building.SAYS['built'][0]} Mean over {made.count:,} samples. It does not "
        f"show {building.SAYS['built'][1]}",
        f"{words}.",
    )


def _cuts(result: Members) -> Iterator[Block]:
    """How good the model would be on the cohort without the correlations of a modality."""
    sample, rows = result.sample, numbers.some(_places(result), MAX_CUT)
    if not sample.can("time") or len(sample.modalities) < 2 or len(rows) < 2:
        return
    made = dynamics.cut_curves(sample.model, sample.dataset, rows)
    answer = cut_answers.answer_for_many(made)
    yield Heading("Are the correlations needed?")
    yield paragraph(
        f"{answer}."
        + (
            f" Of the cohort, {len(rows):,} samples, evenly spaced."
            if len(rows) < len(result.cohort)
            else ""
        )
    )
    shows = building.SAYS["cut-test"]
    yield figure(
        notebook.cut_test_of(numbers.cut_table(made), sample.modalities, next(iter(made.after))),
        f"What the figure shows: {shows[0]} It does not show {shows[1]}",
        f"{answer}.",
    )


def _members(result: Members) -> Iterator[Block]:
    cohort = result.cohort.sort_values("error", ascending=False, kind="stable")
    names = result.sample.modalities
    rows = tuple(
        (
            str(name),
            _said(row["truth"]),
            _said(row["prediction"]),
            number(row["error"]),
            str(row["relation"]),
            *(f"{row[f'share[{name}]']:.0%}" for name in names),
        )
        for name, row in cohort.head(MAX_MEMBERS).iterrows()
    )
    rest = len(cohort) - len(rows)
    yield Heading("The members")
    yield Table(
        ("Sample", "Truth", "Prediction", "Error", "Type", *(f"Share {name}" for name in names)),
        rows,
        f"The samples of the cohort, the largest error first{f'; {rest:,} more are left out' if rest else ''}.",
        (4,),
    )


def _said(value: object) -> str:
    return signed(value) if isinstance(value, float) else str(value)


def _intervals(result: Members) -> Iterator[Block]:
    clusters = result.sample.dataset.clusters
    what = (
        "the samples shown"
        if clusters is None
        else (
            f"the {clusters.count_words(result.sample.dataset.places(result.rows.index))} behind the samples, "
            f"which are not "
            "independent"
        )
    )
    yield paragraph(
        f"Intervals are {LEVEL:.0%} percentile bootstrap intervals ",
        cite("efron1993"),
        f" of {RESAMPLES:,} resamples of {what}, with seed 0; below ten none is given. "
        "They say how far another draw might move a number, not another training run.",
    )


def _again(result: Members) -> Iterator[Block]:
    sample = result.sample
    words = [
        "python",
        "-m",
        "qfusion",
        "report",
        "--model",
        sample.name,
        "--data",
        sample.dataset.name,
        "--cohort",
        result.filter,
    ]
    kind, label = sample.background.kind, sample.background.label
    words += (
        ["--contrast", label]
        if kind == "contrast"
        else []
        if kind in ("joint", "cohort")
        else ["--background", kind]
    )
    yield Heading("The same again")
    yield Listing(shlex.join([*words, "--out", "report.html"]), "Command")


# What a report is made of, from a workspace and the reader's choices. Free of streamlit.


def members(study: Study, table: Any, parts: Sequence[Part], name: str = "") -> Members:
    """A cohort as the Cohorts page shows it.

    Args:
        table: of `cohort_measures.table`. parts: of the filter. name: of the cohort, if it has one.

    Raises:
        InvalidInput: when no explained sample passes the filter.
    """
    within = cohorts.within_split(parts, table) & np.isfinite(table[JOINT].to_numpy())
    rows, inside = table[within], cohorts.passing(parts, table)[within]
    check(
        bool(inside.any()),
        f"No explained sample passes the filter `{cohorts.written(parts)[:120]}`. Loosen it.",
    )
    split = " and ".join(value for part in cohorts.split_of(parts) for value in part.values)
    by = _grouping(study, rows)
    group, names = cohort_measures.groups(study, rows, by)
    measure, x, y, finding = (
        cohort_measures.measure_titles(study).get(ENTROPY, ""),
        np.zeros(0),
        np.zeros(0),
        "",
    )
    if measure:
        x, y = cohort_measures.entropies(study, rows, ENTROPY), rows[JOINT].to_numpy()
        finding = cohort_measures.finding(
            stability.correlation(x, y, clusters=cohort_measures.clusters_of(study.dataset, rows)),
            ENTROPY,
            JOINT,
        )
    return Members(
        sample_of(study, int(np.flatnonzero(within)[inside][0])),
        rows,
        inside,
        name,
        cohorts.written(parts),
        "every split" if split == cohorts.EVERYTHING else split,
        by,
        group,
        names,
        study.unit_of_error,
        measure,
        cohort_measures.strength_titles(study)[JOINT],
        (x, y),
        finding,
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
