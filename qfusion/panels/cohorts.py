"""All samples, a cohort of them and one sample: on a map, and on the same axes.

Intervals are percentile bootstrap intervals; they resample the clusters that the data set names, else samples.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtri

from qfusion._checks import choose
from qfusion._sentences import share
from qfusion.analysis import cohort_measures, dynamics, errors, sample, text
from qfusion.analysis.study import SAID, Study, dividend_column, said_columns
from qfusion.explain import RELATIONS, cohorts as filters, cuts, evidence, stability, verdicts
from qfusion.figures import (
    building,
    cohort as figures,
    notebook,
    numbers,
    samples as map_figures,
    style,
)
from qfusion.panels import address, panel
from qfusion.panels.dynamics import can_cut
from qfusion.training import metrics

MAX_DRAWN = 4_000  # points: more make pages slow
FEWEST = 3
_MEANS = {
    cohort_measures.STATES: "the reduced density matrices of its modalities (distances are Hilbert-Schmidt distances)",
    cohort_measures.FINAL: "its final state (of states in time ρ(T), distances are Hilbert-Schmidt distances; of "
    "a network the populations of the kept and ⟨Z⟩ of the measured qubits)",
    cohort_measures.DIVIDENDS: "the terms of its decision without the baseline",
    cohort_measures.FEATURES: "what the encoders of its modalities give",
}


def sample_map(
    levels: errors.Levels,
    theme: style.Theme = "light",
    *,
    of: str = "",
    method: str = "PCA",
    colour: str = "truth",
    everyone: bool = False,
) -> panel.Picture:
    """All samples on a map of two dimensions.

    Args:
        levels: all samples, a cohort, one sample.
        theme: of the figure.
        of: the coordinates that are reduced, see `coordinates.kinds`; the first unless told.
        method: "PCA" or "UMAP".
        colour: a column, see `colours`.
        everyone: all samples are placed where some are drawn unless told.
    """
    placed = on_map(levels, of, method, everyone)
    at, colour = drawn(levels, placed), text.column(colour)
    study = levels.study
    rows = levels.rows.loc[list(map(str, study.dataset.ids[placed.rows[at]]))]
    inside = levels.inside[levels.rows.index.get_indexer(rows.index)]
    column = text.column_of(
        choose("Colour", colour, colours(study, levels.rows)), map(str, rows.columns)
    )
    values, names, hues = _coloured(study, rows, column)
    explained = placed.explained
    titles = (
        ("UMAP 1", "UMAP 2")
        if explained is None
        else (
            f"component 1 ({explained[0]:.1%} of the variance)",
            f"component 2 ({explained[1]:.1%} of the variance)",
        )
    )
    what = cohort_measures.TITLES[placed.what]
    return panel.Picture(
        "sample-map",
        reduced(
            what, None if explained is None else float(explained.sum()), placed.trustworthiness
        ),
        map_figures.places(
            rows.index.tolist(),
            placed.xy[at],
            values,
            inside,
            names=names,
            hues=hues,
            by=colour,
            titles=titles,
            tips=_tips(rows),
            chosen=levels.sample.id,
            theme=theme,
        ),
        shows=f"each sample by {_MEANS[placed.what]}, reduced to two dimensions by {_method(placed)} Colour: "
        f"{text.plain(colour)}; large: the cohort; ring: sample {text.plain(levels.sample.id)}. "
        + f"Of {placed.given:,} explained samples of {text.plain(levels.split)}"
        + (
            ""
            if len(placed.rows) == placed.given
            else f", {len(placed.rows):,} of them placed (drawn at random)"
        )
        + f", {len(at):,} are drawn."
        + (
            f" {sample.against_words(study.bulk_background)}"
            if placed.what == cohort_measures.DIVIDENDS
            else ""
        ),
        not_shown="distances: who is near whom counts, sizes of and gaps between groups do not. Another machine may "
        "place samples a little differently."
        if placed.method == "UMAP"
        else "other directions: samples that lie together here may differ in them.",
        alt=f"Map of {len(at)} samples by {what}, {placed.method}, coloured by {colour}.",
        table=lambda: (
            rows[["truth", "prediction", "error"]]
            .assign(
                in_cohort=inside,
                x=placed.xy[at, 0],
                y=placed.xy[at, 1],
                **{
                    column if column not in ("truth", "prediction", "error") else "colour": rows[
                        column
                    ]
                },
            )
            .reset_index()
        ),
    )


def reduced(what: str, held: float | None, stored: float) -> str:
    """How much two dimensions hold.

    Args:
        what: is reduced. held: part of the variance of principal components, 0 to 1; None of UMAP.
        stored: trustworthiness of the neighbours, NaN where it is not measured.
    """
    if held is not None:
        return f"Two components hold {share(held)} of the variance of the {what}"
    if np.isnan(stored):
        return f"UMAP of the {what}"
    return f"UMAP of the {what}: neighbours are kept with trustworthiness {stored:.2f}"


def on_map(
    levels: errors.Levels, of: str = "", method: str = "PCA", everyone: bool = False
) -> cohort_measures.SampleMap:
    """Where the samples of the split lie; arguments as of `sample_map`."""
    return cohort_measures.sample_map(
        levels.study,
        of or next(iter(cohort_measures.coordinate_kinds(levels.study))),
        method,
        levels.places(levels.rows),
        levels.output_wanted,
        everyone,
    )


def drawn(levels: errors.Levels, result: cohort_measures.SampleMap) -> np.ndarray:
    """Places on the map of the samples that are drawn: all, or so many spread evenly, and the open one."""
    at = cohort_measures.thinned(np.arange(len(result.rows)), MAX_DRAWN)
    return np.union1d(at, np.flatnonzero(result.rows == levels.sample.row)).astype(int)


def colours(study: Study, rows: pd.DataFrame) -> tuple[str, ...]:
    """Columns that points can be coloured by, as readers say them: numbers, and words of which there are few."""
    first = [
        "truth",
        "prediction",
        "error",
        *([cohort_measures.VERDICT] if study.classes else []),
        cohort_measures.DOMINANT,
        "relation",
        "leader",
    ]
    result = [name for name in map(str, rows.columns) if name not in (*first, "split", *SAID)]
    numeric = [name for name in result if pd.api.types.is_numeric_dtype(rows[name])]
    few = [
        name
        for name in result
        if name not in numeric and 1 < rows[name].astype(str).nunique() <= map_figures.MAX_GROUPS
    ]
    return tuple(
        text.column(name)
        for name in (*first, *few, *numeric)
        if pd.api.types.is_numeric_dtype(rows[name])
        or rows[name].astype(str).nunique() <= map_figures.MAX_GROUPS
    )


def _coloured(
    study: Study, rows: pd.DataFrame, colour: str
) -> tuple[np.ndarray, list[str], list[str]]:
    """Values, names of groups and their hues."""
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
        cohort_measures.DOMINANT: study.terms,
        "relation": tuple(RELATIONS),
        cohort_measures.VERDICT: ("right", "wrong"),
    }.get(colour, ())
    there = set(words)
    names = [name for name in order if name in there] or sorted(there)
    places = np.array([names.index(name) for name in words], dtype=int)
    if colour == cohort_measures.DOMINANT:
        hues = [style.term_colour(name, study.modalities) for name in names]
        return places, [name.replace("+", " + ") for name in names], hues
    return places, names, [style.GREEN, style.VERMILLION] if names == ["right", "wrong"] else []


def _tips(rows: pd.DataFrame) -> list[str]:
    number = "{:+.2f}" if pd.api.types.is_float_dtype(rows["truth"]) else "{}"
    form = f"label {number}, prediction {number}"
    return list(map(form.format, rows["truth"], rows["prediction"]))


def _method(result: cohort_measures.SampleMap) -> str:
    neighbours = f"{cohort_measures.NEIGHBOURS} neighbours"
    stored = result.trustworthiness
    return (
        f"UMAP ({neighbours}, seed {cohort_measures.SEED})"
        if result.method == "UMAP"
        else "principal components"
    ) + ("." if np.isnan(stored) else f"; trustworthiness of {neighbours} {stored:.3f}.")


def enough(levels: errors.Levels, **_: object) -> bool:
    """Whether there are samples enough for a map."""
    return len(levels.rows) >= FEWEST


MAP_OF = address.Choice(
    "map",
    "Map of",
    "The first are shown.",
    values=lambda study: cohort_measures.coordinate_kinds(study).values(),
    read=cohort_measures.KEYS,
    style={"width": 190},
)
MAP_METHOD = address.Choice(
    "map.method",
    "Method",
    "Principal components are shown.",
    values=cohort_measures.METHODS,
    look="segments",
)
MAP_COLOUR = address.Choice(
    "map.colour",
    "Colour",
    "The labels are shown.",
    values=lambda study: colours(study, cohort_measures.cohort_table(study, None)),
    style={"width": 190},
)


# All samples, a cohort of them and one sample on the same axes.

MAX_TERMS = 8
_CAUTION = {
    True: "a cause: both may follow from a third thing, such as how extreme a sample is. The entropy alone is "
    "not entanglement here: jumps mix states too; pick negativity for that.",
    False: "a cause: both may follow from a third thing, such as how clear a sample is. What convolution "
    "entangles later is not in it. " + evidence.INERT,
}


def shares(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """Mean share of every modality in the sizes of the Shapley values."""
    names = levels.study.modalities
    column = cohort_measures.share_column
    columns = {name: levels.rows[column(name)].to_numpy(dtype=float) for name in names}
    whole = errors.means(columns, clusters=levels.clusters())
    part = errors.means(
        {name: values[levels.inside] for name, values in columns.items()},
        clusters=levels.clusters(levels.inside),
    )
    return panel.Picture(
        "cohort-shares",
        mean_leader(
            {n: whole[n].value for n in names},
            {n: part[n].value for n in names},
            levels.split if levels.parts else "",
        ),
        figures.shares(
            whole,
            part,
            {} if levels.own is None else {name: float(levels.own[column(name)]) for name in names},
            names,
            whole_name=levels.everyone,
            cohort_name=levels.cohort,
            theme=theme,
        ),
        shows=f"the mean part of each modality in Σ|Shapley value| (MM-SHAP); bars: {levels.intervals}; "
        "diamond: the sample. " + _compared(levels),
        not_shown="whether the modality was right, or which of its joint terms it shares.",
        alt="Mean shares: "
        + ", ".join(
            f"{n} {part[n].value:.2f} in the cohort, {whole[n].value:.2f} in all" for n in names
        )
        + ".",
        table=lambda: pd.DataFrame(
            [
                {
                    "modality": n,
                    "level": level,
                    "value": result[n].value,
                    "low": result[n].low,
                    "high": result[n].high,
                    "n": result[n].n,
                    "resamples": result[n].resamples,
                }
                for n in names
                for level, result in (("all", whole), ("cohort", part))
            ]
        ),
    )


def mean_leader(whole: Mapping[str, float], part: Mapping[str, float], split: str = "") -> str:
    """Which modality leads on average, 10 points ahead of every other, or that none does.

    Args:
        whole, part: mean shares by modality, of all and of a cohort; not numbers where there are no samples.
        split: that both are of; empty where the cohort is all of it.
    """
    means = part if split else whole
    if any(np.isnan(value) for value in means.values()):
        return "No sample of this cohort"
    leader = verdicts.leader_of(means)
    if not leader:
        ranked = sorted(means.items(), key=lambda item: -item[1])
        shares = ", ".join(f"{text.plain(name)} {mean:.0%}" for name, mean in ranked)
        return f"No modality leads{' in the cohort' if split else ' on average'}: {shares}"
    if not split:
        return (
            f"{text.plain(leader)} leads with {whole[leader]:.0%} of the Shapley shares on average"
        )
    return (
        f"{text.plain(leader)} leads in the cohort with {part[leader]:.0%} of the Shapley shares; in all of "
        f"{split} it has {whole[leader]:.0%}"
    )


def types(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """How the modalities relate: how many samples of each kind, and how well they are predicted."""
    kinds, rows, inside = list(RELATIONS), levels.rows, levels.inside
    is_kind = {kind: (rows["relation"] == kind).to_numpy() for kind in kinds}
    size = rows["error"].to_numpy(dtype=float)
    result = {
        kind: [
            errors.means({"e": size[keep]}, clusters=levels.clusters(keep))["e"]
            for keep in (where, where & inside)
        ]
        for kind, where in is_kind.items()
    }
    whole, part = (
        [int((where & keep).sum()) for where in is_kind.values()] for keep in (True, inside)
    )
    return panel.Picture(
        "types",
        _worst({kind: pair[0] for kind, pair in result.items()}),
        figures.types(
            kinds,
            whole,
            part,
            [(a, b) for a, b in result.values()],
            chosen="" if levels.own is None else str(levels.own["relation"]),
            whole_name=levels.everyone,
            cohort_name=levels.cohort,
            theme=theme,
        ),
        shows="how the modalities relate: "
        + "; ".join(f"{k}: {words[0].lower()}{words[1:-1]}" for k, words in RELATIONS.items())
        + f". Right: mean error ({text.plain(levels.study.unit_of_error)}) with {levels.intervals}. Click a bar "
        f"to make it the cohort. {_compared(levels)}",
        not_shown="why they differ in error: a type may be harder for other reasons.",
        alt="Types: " + ", ".join(f"{k} {n}" for k, n in zip(kinds, whole, strict=True)) + ".",
        table=lambda: pd.DataFrame(
            [
                {
                    "type": k,
                    "level": level,
                    "count": n[i],
                    "mean_error": result[k][j].value,
                    "low": result[k][j].low,
                    "high": result[k][j].high,
                }
                for i, k in enumerate(kinds)
                for j, (level, n) in enumerate((("all", whole), ("cohort", part)))
            ]
        ),
    )


def dividends(
    levels: errors.Levels, theme: style.Theme = "light", *, by: str = cohort_measures.NOT_GROUPED
) -> panel.Picture:
    """The distribution of every dividend, of all and of the cohort.

    Args:
        levels: all samples, a cohort, one sample.
        theme: of the figure.
        by: "nothing", or what the samples are grouped by, see `cohort_measures.groupings`.
    """
    study, rows, inside = levels.study, levels.rows, levels.inside
    terms = _terms(study.terms, rows)
    values = {term: rows[dividend_column(term)].to_numpy(dtype=float) for term in terms}
    own = (
        {}
        if levels.own is None
        else {term: float(levels.own[dividend_column(term)]) for term in terms}
    )
    unit = (
        "score of the predicted class"
        if study.classes and levels.output_wanted is None
        else study.unit_of(levels.output_wanted or 0)
    )
    if by == cohort_measures.NOT_GROUPED:
        shape, group = "violins, the line inside is the mean", np.full(len(rows), "", dtype=object)
        drawn = figures.violins(
            values,
            {term: result[inside] for term, result in values.items()},
            own,
            study.modalities,
            unit=unit,
            whole_name=levels.everyone,
            cohort_name=levels.cohort,
            theme=theme,
        )
    else:
        shape = "boxes: quartiles, whiskers 5 % to 95 %"
        group, names = cohort_measures.groups(study, rows, by)
        at = (
            str(group[rows.index.get_loc(levels.sample.id)])
            if levels.sample.id in rows.index
            else ""
        )
        drawn = figures.boxes(
            values,
            inside,
            group,
            names,
            study.modalities,
            sample=(at, own) if at else None,
            by=by,
            unit=unit,
            whole_name=levels.everyone,
            cohort_name=levels.cohort,
            theme=theme,
        )
    rest = len(study.terms) - len(terms)
    return panel.Picture(
        "dividends",
        _spread(values, inside),
        drawn,
        shows=f"every sample's exact contribution of each term, with its sign; {shape}; grey: all, coloured: "
        "the cohort, diamond: this "
        "sample. "
        + _compared(levels)
        + (
            f" The {len(terms)} terms of largest mean size are drawn, {rest} are not."
            if rest
            else ""
        ),
        not_shown="how the terms of one sample go together: see the sample's waterfall.",
        alt=f"Contributions, {by}; medians of all: "
        + panel.terms(
            {term: float(np.median(result)) for term, result in values.items() if len(result)}
        )
        + ".",
        table=lambda: (
            rows[[dividend_column(term) for term in terms]]
            .assign(in_cohort=inside, group=group)
            .reset_index()
        ),
    )


def entanglement(
    levels: errors.Levels,
    theme: style.Theme = "light",
    *,
    measure: str = "",
    strength: str = cohort_measures.JOINT,
    everyone: bool = False,
) -> panel.Picture:
    """The honest test of "entanglement explains fusion": one measure against the interaction strength.

    Args:
        levels: all samples, a cohort, one sample; of a model that entangles.
        theme: of the figure.
        measure: of entanglement or mixing, see `cohort_measures.measure_titles`; the first unless told.
        strength: "joint", the sum of the sizes of the joint terms, or "joint_share", their part of all.
        everyone: measured on all samples where some are drawn unless told.
    """
    study = levels.study
    titles, strengths = (
        cohort_measures.measure_titles(study),
        cohort_measures.strength_titles(study),
    )
    measure = measure or next(iter(titles), "")
    result = errors.related(levels, measure, strength, everyone)
    return panel.Picture(
        "entanglement",
        f"Does entanglement explain fusion? {cohort_measures.finding(result.correlations['all'], measure, strength)}",
        figures.relation(
            result.rows.index.tolist(),
            result.x,
            result.y,
            result.inside,
            titles[measure],
            strengths[strength],
            chosen=levels.sample.id,
            captions=next(
                (result.rows[column].astype(str).tolist() for column in said_columns(result.rows)),
                None,
            ),
            whole_name=f"others of {levels.split}",
            cohort_name=f"{levels.name} (n = {int(result.inside.sum()):,})",
            theme=theme,
        ),
        shows=f"one point a sample: {cohort_measures.drawn_words(len(result.rows), len(levels.rows))}; intervals: "
        f"{cohort_measures.intervals(study.dataset, result.rows)}. Click a point to open it. {_compared(levels)}",
        not_shown=f"{_CAUTION[study.can('time')]} Of {len(titles) * len(strengths)} pairs of measures some are related "
        "by chance.",
        alt=f"{titles[measure]} against {strengths[strength]} for {len(result.rows)} samples.",
        table=lambda: pd.DataFrame(
            {
                "id": result.rows.index,
                "in_cohort": result.inside,
                measure: result.x,
                strength: result.y,
            }
        ),
    )


def cut_test(
    levels: errors.Levels, theme: style.Theme = "light", *, everyone: bool = False
) -> panel.Picture:
    """How good the model is on the cohort without the correlations of a modality; only of models with time.

    Args:
        everyone: measured on all of the cohort where some are drawn unless told.
    """
    rows = cut_rows(levels, everyone)
    result = dynamics.cuts_of_rows(levels.study, levels.places(rows))
    metric, how = (
        next(iter(result.after)),
        cohort_measures.intervals(levels.study.dataset, rows, cuts.RESAMPLES),
    )
    return panel.Picture(
        "cut-test",
        f"Are the correlations needed? {text.plain(cuts.answer_for_many(result))}",
        notebook.cut_test_of(
            numbers.cut_table(result), levels.study.modalities, metric, theme=theme
        ),
        shows=f"{building.SAYS['cut-test'][0]} Here {cut_about(levels, everyone)}, the model as learned; {how}.",
        not_shown=building.SAYS["cut-test"][1],
        alt=f"{metrics.describe[metric].short} of {len(rows):,} samples after a cut at each time.",
        table=lambda: numbers.cut_table(result),
    )


def cut_rows(levels: errors.Levels, everyone: bool = False) -> pd.DataFrame:
    """The samples of the cohort whose correlations are cut: those that can be evolved in some seconds, or everyone."""
    rows = levels.rows[levels.inside]
    return rows.iloc[
        cohort_measures.drawn_places(
            len(rows), cohort_measures.MAX_SLOW, cohort_measures.FEW_SLOW, everyone
        )
    ]


def cut_about(levels: errors.Levels, everyone: bool = False) -> str:
    """Which these are, as markdown."""
    some, whole = len(cut_rows(levels, everyone)), int(levels.inside.sum())
    return cohort_measures.drawn_words(some, whole) + (
        f" of the {text.plain(levels.name)}" if levels.parts else ""
    )


def _compared(levels: errors.Levels) -> str:
    return sample.against_words(levels.study.bulk_background)


def _worst(errors: dict[str, stability.Interval]) -> str:
    """Which type is predicted worst, where the intervals tell it apart from the others."""
    known = {kind: entry for kind, entry in errors.items() if entry.known}
    if len(known) < 2:
        return "How do the modalities relate?"
    worst = max(known, key=lambda kind: known[kind].value)
    best = min(known, key=lambda kind: known[kind].value)
    means = f"mean error {known[worst].value:.2f} against {known[best].value:.2f}"
    if all(known[worst].low > entry.high for kind, entry in known.items() if kind != worst):
        return f"‘{worst}’ is predicted worst: {means} in ‘{best}’"
    if known[worst].low > known[best].high:
        return f"‘{worst}’ is predicted worse than ‘{best}’: {means}"
    return "No type is predicted clearly worse than another: the intervals overlap"


def _terms(every: tuple[str, ...], rows: pd.DataFrame) -> list[str]:
    """The terms that are drawn: all, or those of the largest mean size."""
    if len(every) <= MAX_TERMS:
        return list(every)
    means = rows[[dividend_column(term) for term in every]].abs().mean().fillna(0.0).to_numpy()
    return [every[i] for i in np.sort(np.argsort(-means, kind="stable")[:MAX_TERMS])]


def _spread(values: Mapping[str, np.ndarray], part: np.ndarray) -> str:
    """In which term a cohort differs most from the rest, where one differs by more than two standard errors, allowing
    for the number of terms; of everyone, which term varies most.

    Args:
        values: of each term, by coalition, (n,) each. part: who is in the cohort, bool (n,).
    """
    if not part.any():
        return "How are the terms of the decisions distributed?"
    if part.all():
        return panel.superlative(
            {term: float(result.std()) for term, result in values.items()},
            none="No term varies from sample to sample by as much as 0.01",
            one="{names} varies most from sample to sample (standard deviation {value:.2f})",
            some="{names} vary most, alike, from sample to sample (standard deviation {value:.2f})",
            name=text.term,
        )
    moved = {
        term: float(result[part].mean() - result[~part].mean()) for term, result in values.items()
    }
    far = float(ndtri(1 - (1 - stability.LEVEL) / 2 / len(values)))
    return panel.superlative(
        {
            term: value
            for term, value in moved.items()
            if abs(value) > far * _error(values[term], part)
        },
        by_size=True,
        none="The cohort does not differ from the rest in the mean of any term, beyond chance",
        one="The cohort differs most from the rest in {names}, on average",
        some="The cohort differs most, alike, from the rest in {names}, on average",
        name=lambda term: f"{text.term(term)} ({moved[term]:+.2f})",
    )


def _error(values: np.ndarray, part: np.ndarray) -> float:
    """Standard error of the difference of two means; infinite where a group has one sample alone."""
    groups = values[part], values[~part]
    if min(map(len, groups)) < 2:
        return math.inf
    return math.sqrt(sum(float(group.var(ddof=1)) / len(group) for group in groups))


AT_ONCE = 1.0  # seconds: what takes longer is asked for first


def cut_seconds(levels: errors.Levels, everyone: bool = False) -> float:
    """How long the cuts of the cohort take, roughly."""
    return 8e-3 * len(cut_rows(levels, everyone)) * (math.prod(levels.study.model.dims) / 64) ** 2.5


def worth_cutting(levels: errors.Levels, wanted: bool = False, **_: object) -> bool:
    """Whether there are correlations to cut, of several samples, and it takes a second at most or is asked for."""
    return (
        can_cut(levels) and len(cut_rows(levels)) > 1 and (wanted or cut_seconds(levels) < AT_ONCE)
    )


def _require_filter(study: Study, words: str) -> None:
    parts = filters.parse(words)
    filters.passing(parts, cohort_measures.table_for(study, None, parts))


FILTER = address.Text(
    "filter",
    "Filter of the cohort",
    "All test samples are shown.",
    "Conditions separated by `;`, all of which must hold: `column=value`, `!=`, `<`, `<=`, `>`, `>=`, or `column~word` "
    "for what contains a word; several values as `truth=3|5`. Without `split=` the test split is meant; `split=all` "
    "takes every split.",
    most=filters.MAX_TEXT,
    test=_require_filter,
    style={"placeholder": "such as relation=conflict; error>1; split=test"},
)
BY = address.Choice(
    "by",
    "Grouped by",
    "Samples are not grouped.",
    "Quarters hold a quarter of the split's samples each.",
    lambda study: cohort_measures.groupings(study, cohort_measures.cohort_table(study, None)),
    style={"width": 340},
)
MEASURE = address.Choice(
    "measure",
    "x axis: entanglement or mixing",
    "The entropy is shown.",
    values=cohort_measures.measure_titles,
)
STRENGTH = address.Choice(
    "strength",
    "y axis: interaction strength",
    "The sum is shown.",
    "What the modalities of a sample say only together: the sum of the sizes of its joint terms, or their part of the "
    "whole decision.",
    cohort_measures.STRENGTHS,
)
CUTS = address.Switch("cuts", "Cut the correlations", "They are not cut.")
CONTROLS = (FILTER, BY, MEASURE, STRENGTH, CUTS, panel.EVERYONE, MAP_OF, MAP_METHOD, MAP_COLOUR)
PANELS = {
    "sample-map": panel.Panel(
        sample_map,
        {"of": MAP_OF, "method": MAP_METHOD, "colour": MAP_COLOUR, "everyone": panel.EVERYONE},
        fits=enough,
        scope="levels",
    ),
    "cohort-shares": panel.Panel(shares, scope="levels"),
    "types": panel.Panel(types, scope="levels"),
    "dividends": panel.Panel(dividends, {"by": BY}, scope="levels"),
    "entanglement": panel.Panel(
        entanglement,
        {"measure": MEASURE, "strength": STRENGTH, "everyone": panel.EVERYONE},
        fits=lambda levels, **_: bool(cohort_measures.measure_titles(levels.study)),
        scope="levels",
    ),
    "cut-test": panel.Panel(
        cut_test,
        {"everyone": panel.EVERYONE},
        conditions={"wanted": CUTS},
        fits=worth_cutting,
        scope="levels",
    ),
}
