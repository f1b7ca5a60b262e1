"""Samples of a cohort as points: on a map of two dimensions, and entanglement against interaction."""

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion._sentences import share
from qfusion.explain import RELATIONS, bootstrap
from qfusion.figures import cohort_charts, scatter_map, style
from qfusion.models.protocols import Evolution
from qfusion.study import cohorts, jobs, maps, performance, text
from qfusion.study.cohorts import JOINT, JOINT_SHARE
from qfusion.study.study import Study
from qfusion.study.text import SPOKEN
from qfusion.views.cohort_contributions import describe_study_background
from qfusion.views.pages.choices import AllSamples
from qfusion.views.pages.params import SelectParam
from qfusion.views.view import View
from qfusion.views.words.decisions import describe_comparison
from qfusion.views.words.names import (
    INERT,
    WITH_SIZE,
    describe_intervals,
    name_all,
    name_cohort,
    name_split,
)
from qfusion.views.words.rules import describe_drawn

# Strengths of the interaction: the quantity, its short name, and the article before "larger".
WEAK, STRONG = 0.3, 0.7  # below the first a rank correlation is weak, from the second on strong
STRENGTHS = {
    JOINT: ("the size of joint terms", "joint terms", ""),
    JOINT_SHARE: ("the joint share of decisions", "joint share", "a "),
}
CORRELATION = "rank correlation {r:+.2f}, {level:.0%} CI {low:+.2f} to {high:+.2f}, n = {count:,}"
UNKNOWN = "Unknown: {count} samples are too few, or {measure} does not vary"
NOT_SIGNIFICANT = (
    "No significant correlation of {measure} with {strength}; |ρ| above {bound:.2f} is excluded "
    "({correlation})"
)
NEGATIVE = "Inversely: more {measure} goes with {article}smaller {part} ({correlation})"
POSITIVE = (
    "{degree}: more {measure} goes with {article}larger {part} ({correlation}; r² {r2:.2f}{linear})"
)
NOT_LINEAR = "; the linear correlation is not significant"

MAX_DRAWN = 4_000  # points: more make pages slow
_MEANS = {
    maps.STATES: "the reduced density matrices of its modalities (distances are Hilbert-Schmidt "
    "distances)",
    maps.FINAL: "its final state (of states in time ρ(T), distances are Hilbert-Schmidt distances; of "
    "a network the populations of the kept and ⟨Z⟩ of the measured qubits)",
    maps.DIVIDENDS: "the terms of its decision without the baseline",
    maps.FEATURES: "the outputs of its encoders",
}
_CAUTION = {
    True: "Does not show a cause: both may follow from a third quantity, such as the clarity of a sample. Entropy "
    "includes mixing by jumps; choose log-negativity for entanglement alone.",
    False: "Does not show a cause: both may follow from a third quantity, such as the clarity of a sample. "
    "Entanglement by the later convolutions is not included. " + INERT,
}


MEASURE = SelectParam(
    "measure",
    "x axis: entanglement or mixing",
    "The entropy is shown.",
    values=performance.measure_titles,
)

STRENGTH = SelectParam(
    "strength",
    "y axis: interaction strength",
    "The sum is shown.",
    "The sum of the sizes of a sample's joint terms, or their share of the decision.",
    cohorts.STRENGTHS,
)

MAP_OF = SelectParam(
    "map",
    "Map of",
    "The first are shown.",
    values=lambda study: maps.coordinate_kinds(study).values(),
    meanings=maps.KEYS,
    style={"width": 190},
)

MAP_METHOD = SelectParam(
    "map.method",
    "Method",
    "Principal components are shown.",
    values=maps.METHODS,
    look="segments",
)

MAP_COLOUR = SelectParam(
    "map.colour",
    "Colour",
    "The first column is shown.",
    values=lambda study: colour_choices(study, cohorts.cohort_table(study, None)),
    style={"width": 190},
)


def sample_map(
    levels: performance.CohortComparison,
    *,
    of: Annotated[str, MAP_OF] = "",
    method: Annotated[Literal["PCA", "UMAP"], MAP_METHOD] = "PCA",
    colour: Annotated[str, MAP_COLOUR] = "",
    all_samples: AllSamples = False,
) -> View:
    """All samples on a map of two dimensions.

    Args:
        levels: all samples, a cohort, one sample.
        of: the coordinates that are reduced, see `coordinates.kinds`; the first by default.
        method: "PCA" or "UMAP".
        colour: a column, see `colour_choices`; the first by default.
        all_samples: all samples are placed where some are drawn by default.
    """
    placed = map_positions(levels, of, method, all_samples)
    at = drawn_positions(levels, placed)
    study = levels.study
    known = colour_choices(study, levels.rows)
    colour = choose("Colour", text.column(colour) or known[0], known)
    rows = levels.rows.loc[list(map(str, study.dataset.ids[placed.rows[at]]))]
    inside = levels.inside[levels.rows.index.get_indexer(rows.index)]
    column = text.find_column(colour, map(str, rows.columns))
    is_measured = not (study.reads_features or study.classes)
    values, names, hues = _point_colours(study, rows, column)
    explained = placed.explained
    what = maps.TITLES[placed.what]
    title = describe_reduction(
        what, None if explained is None else float(explained.sum()), placed.trustworthiness
    )
    figure = scatter_map.sample_scatter(
        rows.index.tolist(),
        placed.xy[at],
        values,
        inside,
        names=names,
        hues=hues,
        by=study.quantity if column == "prediction" and is_measured else colour,
        titles=("UMAP 1", "UMAP 2")
        if explained is None
        else (
            f"component 1 ({explained[0]:.1%} of the variance)",
            f"component 2 ({explained[1]:.1%} of the variance)",
        ),
        tips=_hover_texts(study, rows),
        chosen=levels.sample.id,
    )
    caption = (
        f"each sample by {_MEANS[placed.what]}, reduced to two dimensions by {_describe_projection(placed)} Colour: "
        f"{text.escape_markdown(colour)}; large: the cohort{_describe_ring(levels)}. "
        f"Of {placed.given:,} explained samples of {text.escape_markdown(name_split(levels))}"
    )
    if len(placed.rows) != placed.given:
        caption += f", {len(placed.rows):,} of them placed (drawn at random)"
    caption += f", {len(at):,} are drawn."
    if placed.what == maps.DIVIDENDS:
        caption += f" {describe_comparison(study.explanation_background)}"
    if placed.method == "UMAP":
        limits = (
            "Does not show distances: who is near whom counts, sizes of and gaps between groups do not. Another "
            "machine may "
            "place samples a little differently."
        )
    else:
        limits = (
            "Does not show other directions: samples that lie together here may differ in them."
        )
    alternative = f"Map of {len(at)} samples by {what}, {placed.method}, coloured by {colour}."
    table = (
        rows[["truth", "prediction", "error"]]
        .assign(
            in_cohort=inside,
            x=placed.xy[at, 0],
            y=placed.xy[at, 1],
            **{
                column if column not in ("truth", "prediction", "error") else "colour": rows[column]
            },
        )
        .reset_index()
    )
    return View(
        figure,
        title,
        caption=caption,
        limits=limits,
        table=table,
        alternative=alternative,
    )


def describe_reduction(what: str, held: float | None, stored: float) -> str:
    """Describe how much two dimensions hold.

    Args:
        what: is reduced. held: part of the variance of principal components, 0 to 1; None of UMAP.
        stored: trustworthiness of the neighbours, NaN where it is not measured.
    """
    if held is not None:
        only = "only " if held < 0.5 else ""
        return f"Two components hold {only}{share(held)} of the variance of the {what}"
    sentence = f"UMAP of the {what}"
    if not np.isnan(stored):
        sentence += f": neighbours are kept with trustworthiness {stored:.2f}"
    return sentence


def _describe_ring(levels: performance.CohortComparison) -> str:
    """Return what the ring is, which a visitor's sample does not have: it is in no split."""
    return (
        "" if levels.sample.is_own else f"; ring: sample {text.escape_markdown(levels.sample.id)}"
    )


def map_positions(
    levels: performance.CohortComparison,
    of: str = "",
    method: str = "PCA",
    all_samples: bool = False,
) -> maps.SampleMap:
    """Return where the samples of the split lie; arguments as of `sample_map`."""
    return maps.sample_map(
        levels.study,
        of or next(iter(maps.coordinate_kinds(levels.study))),
        method,
        levels.places(levels.rows),
        levels.output_wanted,
        all_samples,
    )


def drawn_positions(levels: performance.CohortComparison, result: maps.SampleMap) -> np.ndarray:
    """Return the places on the map of the samples that are drawn: all, or so many spread evenly, and the open one."""
    return np.union1d(
        jobs.thin_rows(np.arange(len(result.rows)), MAX_DRAWN),
        np.flatnonzero(result.rows == levels.sample.row),
    ).astype(int)


def colour_choices(study: Study, rows: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns by which points can be coloured, under their display names: numeric columns, and text
    columns with few distinct values.
    """
    first = [
        *(["truth"] if study.has_truth else []),
        "prediction",
        *(["error"] if study.has_truth else []),
        *([performance.VERDICT] if study.classes and study.has_truth else []),
        cohorts.DOMINANT,
        "relation",
        "leader",
    ]
    hidden = (*first, "truth", "error", performance.VERDICT, "split", *SPOKEN)
    result = [name for name in map(str, rows.columns) if name not in hidden]
    numeric = [name for name in result if pd.api.types.is_numeric_dtype(rows[name])]
    few = [
        name
        for name in result
        if name not in numeric and 1 < rows[name].astype(str).nunique() <= scatter_map.MAX_GROUPS
    ]
    return tuple(
        text.column(name)
        for name in (*first, *few, *numeric)
        if pd.api.types.is_numeric_dtype(rows[name])
        or rows[name].astype(str).nunique() <= scatter_map.MAX_GROUPS
    )


def _point_colours(
    study: Study, rows: pd.DataFrame, colour: str
) -> tuple[np.ndarray, list[str], list[str]]:
    """Return the values, names of groups and their hues."""
    column = rows[colour]
    if pd.api.types.is_numeric_dtype(column) and not (
        column.nunique() <= 6 and (column % 1 == 0).all()
    ):
        return column.to_numpy(dtype=float), [], []
    words = column.map(
        lambda entry: f"{entry:g}" if isinstance(entry, float) else str(entry)
    ).to_numpy(dtype=object)
    order = {
        "truth": study.classes,
        "prediction": study.classes,
        cohorts.DOMINANT: study.terms,
        "relation": tuple(RELATIONS),
        performance.VERDICT: ("right", "wrong"),
    }.get(colour, ())
    there = set(words)
    names = [name for name in order if name in there] or sorted(there)
    places = np.array([names.index(name) for name in words], dtype=int)
    if colour in (cohorts.DOMINANT, "leader"):
        hues = {term: style.term_colour(term, study.modalities) for term in study.terms}
        return (
            places,
            [text.term(name) for name in names],
            [hues.get(name, style.GREY) for name in names],
        )
    verdicts = {"right": style.GREY, "wrong": scatter_map.WRONG}
    return places, names, [verdicts[name] for name in names if name in verdicts]


def _hover_texts(study: Study, rows: pd.DataFrame) -> list[str]:
    outcomes = _label_and_prediction(rows)
    texts = text.table_texts(study.dataset, rows)
    if not texts:
        return outcomes
    return [f"{words}; {outcome}" for words, outcome in zip(texts, outcomes, strict=True)]


def _label_and_prediction(rows: pd.DataFrame) -> list[str]:
    number = "{:+.2f}" if pd.api.types.is_float_dtype(rows["truth"]) else "{}"
    outcome = f"label {number}, prediction {number}".format
    return list(map(outcome, rows["truth"], rows["prediction"]))


def _describe_projection(result: maps.SampleMap) -> str:
    neighbours = f"{maps.NEIGHBOURS} neighbours"
    stored = result.trustworthiness
    if result.method == "UMAP":
        sentence = f"UMAP ({neighbours}, seed {jobs.SEED})"
    else:
        sentence = "principal components"
    if np.isnan(stored):
        sentence += "."
    else:
        sentence += f"; trustworthiness of {neighbours} {stored:.3f}."
    return sentence


def entanglement(
    levels: performance.CohortComparison,
    *,
    measure: Annotated[str, MEASURE] = "",
    strength: Annotated[Literal["joint", "joint_share"], STRENGTH] = "joint",
    all_samples: AllSamples = False,
) -> View:
    """The honest test of "entanglement explains fusion": one measure against the interaction strength.

    Args:
        levels: all samples, a cohort, one sample; of a model that entangles.
        measure: of entanglement or mixing, see `measure_titles`; the first by default.
        strength: "joint", the sum of the sizes of the joint terms, or "joint_share", their part of all.
        all_samples: measured on all samples where some are drawn by default.
    """
    study = levels.study
    titles = performance.measure_titles(study)
    strengths = performance.strength_titles(study)
    measure = measure or next(iter(titles), "")
    result = performance.correlate_measures(levels, measure, strength, all_samples)
    is_all = bool(result.inside.all())
    figure = cohort_charts.scatter(
        result.rows.index.tolist(),
        result.x,
        result.y,
        titles[measure],
        strengths[strength],
        cohort=result.inside,
        chosen=levels.sample.id,
        captions=text.table_texts(study.dataset, result.rows) or None,
        whole_name=f"others of {name_split(levels)}",
        cohort_name=WITH_SIZE.format(
            name=name_all(levels) if is_all else name_cohort(levels), count=int(result.inside.sum())
        ),
    )
    caption = (
        f"one point per sample: {describe_drawn(len(result.rows), len(levels.rows))}; intervals: "
        f"{describe_intervals(study.dataset, result.rows)}. {describe_study_background(levels)}"
    )
    caution = _CAUTION[study.model.part(Evolution) is not None]
    pairs = len(titles) * len(strengths)
    alternative = f"{titles[measure]} against {strengths[strength]} for {len(result.rows)} samples."
    table = pd.DataFrame(
        {
            "id": result.rows.index,
            "in_cohort": result.inside,
            measure: result.x,
            strength: result.y,
        }
    )
    correlated = describe_correlation(result.correlations["all"], measure, strength)
    return View(
        figure,
        correlated,
        caption=caption,
        limits=f"{caution} Among {pairs} pairs of measures some correlate by chance.",
        table=table,
        alternative=alternative,
        usage="Click a point to open the sample.",
    )


def describe_correlation(
    result: Mapping[str, bootstrap.Interval], measure: str, strength: str
) -> str:
    """Return whether a measure of entanglement correlates with a strength of the interaction, as a sentence without its
    end.

    Args:
        result: Spearman's and Pearson's correlation. measure, strength: their names.
    """
    quantity, part, article = STRENGTHS[strength]
    r = result["spearman"]
    if not r.known:
        return UNKNOWN.format(count=r.n, measure=measure)
    correlation = CORRELATION.format(r=r.value, level=r.level, low=r.low, high=r.high, count=r.n)
    if not r.excludes_zero:
        return NOT_SIGNIFICANT.format(
            measure=measure, strength=quantity, bound=max(-r.low, r.high), correlation=correlation
        )
    if r.value < 0:
        return NEGATIVE.format(measure=measure, article=article, part=part, correlation=correlation)
    return POSITIVE.format(
        degree=_describe_degree(r.value),
        measure=measure,
        article=article,
        part=part,
        correlation=correlation,
        r2=r.value**2,
        linear="" if result["pearson"].excludes_zero else NOT_LINEAR,
    )


def _describe_degree(r: float) -> str:
    if abs(r) < WEAK:
        return "Weakly"
    return "Moderately" if abs(r) < STRONG else "Strongly"
