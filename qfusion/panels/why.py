"""Does fusion matter? The panels of the Why fuse? page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qfusion.analysis import cohort_measures, errors, text, trust, why
from qfusion.analysis.sample import Sample, against_words, rows_behind
from qfusion.analysis.study import Study, dividend_column
from qfusion.data.modality import split_term
from qfusion.explain import fusing
from qfusion.explain.stability import Interval
from qfusion.figures import style, trust as trust_figures, why as figures
from qfusion.panels import faithfulness, panel

# Does my model fuse?

MAX_POINTS = 1_500  # of a swarm, a coalition


def emap(study: Study, theme: style.Theme = "light") -> panel.Picture:
    """What joint terms are worth in every metric: the model against its EMAP, and against its own terms."""
    labels = why.metric_labels(study)
    first = next(iter(labels))
    (result, worth), (_, own) = (why.without_joint(study, kind) for kind in fusing.KINDS)
    sampled = (
        ""
        if result.errors is None
        else f" EMAP is sampled: {result.rows:,} shuffled rows, standard error of a score at most "
        f"{result.errors.mean():.2g} on average."
    )
    return panel.Picture(
        "why-emap",
        text.plain(fusing.fuses(result, worth, first, labels[first].short)),
        trust_figures.dots(
            [labels[name].short for name in labels],
            {
                kind: _ends(part["gain"])
                for kind, part in zip(fusing.KINDS, (worth, own), strict=True)
            },
            hues=[style.GREY] * len(labels),
            x_title="better with joint terms by (units of the metric)",
            theme=theme,
        ),
        shows=f"by how much metrics are better with joint terms than without, on {len(result.scores):,} test samples. "
        f"EMAP: scores as the sum over modalities that is nearest to the model on all combinations of {result.rows:,} "
        f"test rows; own terms: baseline and own contributions, against {rows_behind(study.bulk_background)}. "
        f"{_how(study, fusing.RESAMPLES)}.{sampled}",
        not_shown="what an additive model would reach that was trained as one: a projection of scores can decide worse "
        "than chance.",
        alt="Worth of joint terms: "
        + ", ".join(f"{labels[name].short} {one.value:+.3f}" for name, one in worth["gain"].items())
        + ".",
        table=lambda: fusing.interval_frame("metric", **worth),
    )


def loss(study: Study, theme: style.Theme = "light") -> panel.Picture:
    """What each coalition and modality takes off the test loss."""
    game, terms = why.loss_game(study), study.terms
    nothing = Interval(np.nan, np.nan, np.nan, 0, 0)
    title = fusing.LOSS_TITLES[game.loss]
    mean = " of the softmax of the mean score" if study.classes else ""
    return panel.Picture(
        "why-loss",
        text.plain(fusing.matters(game)),
        trust_figures.dots(
            list(terms),
            {
                "contribution": _ends(game.dividends),
                "Shapley value": _ends({term: game.shapley.get(term, nothing) for term in terms}),
            },
            hues=[style.term_colour(term, study.modalities) for term in terms],
            x_title=f"takes off the {title}",
            theme=theme,
        ),
        shows=f"what coalitions take off the {title}{mean} that is left without the modalities outside them, mean over "
        f"{game.total.n:,} test samples: SAGE's game with exact values. Contributions add up to all that it falls, "
        f"and so do Shapley values. {_how(study)}. {against_words(study.bulk_background)}",
        not_shown="what a model would lose that was trained without a modality.",
        alt=f"Takes off the {title}: "
        + panel.terms({term: one.value for term, one in game.dividends.items()}, "+.3f")
        + ".",
        table=game.frame,
    )


def ranking(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """The coalitions of a cohort by what they say."""
    study, ranked = levels.study, _ranked(levels)
    return panel.Picture(
        "why-ranking",
        fusing.says_most(ranked, text.term),
        trust_figures.dots(
            list(ranked.sizes),
            {"mean size": _ends(ranked.sizes), "mean with sign": _ends(ranked.means)},
            hues=[style.term_colour(term, study.modalities) for term in ranked.sizes],
            x_title=f"contribution ({_unit(levels)})",
            theme=theme,
        ),
        shows=f"mean size and mean of the exact contributions, the largest size first; {_whom(levels)}",
        not_shown="how they spread over samples, which the swarm does.",
        alt="Mean sizes: "
        + panel.terms({term: one.value for term, one in ranked.sizes.items()})
        + ".",
        table=ranked.frame,
    )


def pairs(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """The mean interaction of any two modalities over a cohort."""
    study, known = levels.study, _ranked(levels).pairs
    told = [text.term(pair) for pair, one in known.items() if one.excludes_zero]
    words = (
        f"Interaction told from 0: {', '.join(told)}"
        if told
        else "No pair's mean interaction is told from 0"
    )
    return panel.Picture(
        "why-pairs",
        words,
        figures.interactions(
            [split_term(pair) for pair in known],
            _ends(known),
            study.modalities,
            unit=_unit(levels),
            theme=theme,
        ),
        shows=f"mean Shapley interaction index of any two modalities with its interval; {_whom(levels)}",
        not_shown="interactions whose signs cancel over samples: their size stands in the ranking.",
        alt="Interactions: "
        + panel.terms({pair: one.value for pair, one in known.items()}, "+.3f")
        + ".",
        table=lambda: fusing.interval_frame("pair", interaction=known),
    )


def swarm(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """Every sample's contributions, by coalition."""
    study, ranked = levels.study, _ranked(levels)
    rows = levels.rows[levels.inside]
    rows = rows.iloc[cohort_measures.drawn_places(len(rows), MAX_POINTS, MAX_POINTS)]
    by = "certainty" if study.classes else "truth"
    columns = {term: rows[dividend_column(term)].to_numpy(float) for term in ranked.sizes}
    return panel.Picture(
        "why-swarm",
        f"Contributions of {cohort_measures.drawn_words(len(rows), int(levels.inside.sum()))}, one by one",
        figures.swarm(
            columns,
            rows[by].to_numpy(float),
            rows.index.tolist(),
            by=by,
            unit=_unit(levels),
            theme=theme,
        ),
        shows=f"a point a sample and coalition, stacked where many are alike, in the colour of its {by}; "
        f"{_whom(levels)}",
        not_shown="how the terms of one sample go together.",
        alt="Medians: " + panel.terms({t: float(np.median(v)) for t, v in columns.items()}) + ".",
        table=lambda: rows[[by, *map(dividend_column, columns)]].reset_index(),
    )


def synergy(study: Study, theme: style.Theme = "light") -> panel.Picture:
    """How near sampled synergies come to the exact dividends of pairs, as a table: it has no figure."""
    frame = why.synergies(study)
    return panel.Picture(
        "why-synergy",
        text.plain(fusing.nearly(frame)),
        None,
        shows=f"F_syn = v(ab) − v(a) − v(b) + v(∅) of pairs, against {why.ROWS} training rows drawn at random "
        f"{why.DRAWS} times (the same rows for all samples), beside the dividend against "
        f"{rows_behind(study.bulk_background)}: correlation over test samples, and root mean square error over the "
        "dividend's own.",
        not_shown="F_syn as its authors compute it inside a modality: here it is of whole modalities.",
        alt=fusing.nearly(frame),
        table=lambda: frame,
    )


def basins(sample: Sample, theme: style.Theme = "light") -> panel.Picture:
    """Whether training seeds explain a test sample in one way or in several; only where seeds were measured."""
    study = trust.as_trained(sample.study)
    seeds, result = trust.stability_of(study), why.basins(study)
    values = faithfulness._known(
        trust.seed_values(study, seeds, sample.row, faithfulness.DIVIDENDS),
        f"Sample {sample.id} is not a test sample: seeds are compared on these. Pick one.",
    )
    labels = result.labels[np.flatnonzero(study.dataset.rows(trust.SPLIT) == sample.row)[0]]
    words = fusing.basin_words(labels, values.to_numpy(), list(values.columns), seeds.seeds)
    unit = "score of the true class" if seeds.of_true_class else study.unit_of(0)
    return panel.Picture(
        "why-basins",
        f"Sample {text.plain(sample.id)}: {text.plain(words)}",
        figures.basins(
            values.to_numpy(), labels, list(values.columns), seeds.seeds, unit=unit, theme=theme
        ),
        shows=f"its contributions by each of {len(seeds.seeds)} training seeds, a line a seed. Seeds are split where "
        f"the silhouette is largest; explanations count as several above {result.threshold:.2f}, which at most "
        f"{fusing.FALSE:.0%} of samples pass whose seeds scatter about one. {text.plain(fusing.basin_share(result))}.",
        not_shown="explanations that fewer than two seeds share.",
        alt=f"{words}.",
        table=lambda: values.assign(explanation=labels + 1).reset_index(),
    )


def _ranked(levels: errors.Levels) -> fusing.Ranking:
    rows = levels.places(levels.rows[levels.inside])
    return why.ranking(levels.study, rows, levels.output_wanted)


def _ends(known: Mapping[str, Interval]) -> np.ndarray:
    return np.array([(one.value, one.low, one.high) for one in known.values()]).reshape(-1, 3)


def _unit(levels: errors.Levels) -> str:
    if levels.study.classes and levels.output_wanted is None:
        return "score of the predicted class"
    return levels.study.unit_of(levels.output_wanted or 0)


def _whom(levels: errors.Levels) -> str:
    behind = against_words(levels.study.bulk_background)
    return (
        f"{text.plain(levels.cohort)} of {text.plain(levels.split)}. {levels.intervals}. {behind}"
    )


def _how(study: Study, resamples: int = 2000) -> str:
    rows = study.dataset.table.loc[study.dataset.ids[trust.explained(study)[0]]]
    return cohort_measures.intervals(study.dataset, rows, resamples)


def is_joint(scope: Any, **_: Any) -> bool:
    """Whether there is more than one modality."""
    return len(scope.study.modalities if hasattr(scope, "study") else scope.modalities) > 1


def has_cohort(levels: errors.Levels, **_: Any) -> bool:
    """Whether the cohort has a sample."""
    return bool(levels.inside.any())


MODEL_PANELS = {
    "why-emap": panel.Panel(emap, scope="study"),
    "why-loss": panel.Panel(loss, scope="study"),
    "why-ranking": panel.Panel(ranking, scope="levels", fits=has_cohort),
    "why-pairs": panel.Panel(
        pairs, scope="levels", fits=lambda levels, **_: is_joint(levels) and has_cohort(levels)
    ),
    "why-swarm": panel.Panel(swarm, scope="levels", fits=has_cohort),
    "why-synergy": panel.Panel(synergy, scope="study", fits=is_joint),
    "why-basins": panel.Panel(basins, fits=faithfulness.own_over_seeds),
}
