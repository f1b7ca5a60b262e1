"""Panels on whether the model fuses: joint terms, loss reduction, rankings and interactions."""

import numpy as np
import pandas as pd

from qfusion._checks import check_present
from qfusion.data.coalition_terms import split_term
from qfusion.explain import backgrounds, bootstrap
from qfusion.figures import model_charts, style
from qfusion.plugins.why import evidence
from qfusion.plugins.why.fusion import (
    contribution_ranking,
    explanation_clusters,
    fusion_charts,
    fusion_tests,
    seed_clusters,
)
from qfusion.plugins.why.fusion.words import (
    LOSS_NAMES,
    describe_basins,
    describe_importance,
    describe_joint_effect,
    describe_multiplicity,
    describe_ranking,
    describe_synergies,
)
from qfusion.study import jobs, metric_gains, performance, text, trust
from qfusion.study.sample import Sample
from qfusion.study.study import Study, dividend_column
from qfusion.views import cohort_contributions, faithfulness
from qfusion.views.pages import cohorts, panel
from qfusion.views.pages.choices import has_truth, needs
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.decisions import (
    background_markdown,
    describe_comparison,
    describe_standard_errors,
)
from qfusion.views.words.names import (
    describe_intervals,
    describe_level_intervals,
    name_cohort_with_size,
    name_split,
)
from qfusion.views.words.rules import describe_drawn

MAX_POINTS = 1_500  # of a swarm, a coalition


@panel.cached
def emap(study: Study) -> View:
    """Draw the gain of joint terms in every metric: the model against its EMAP, and against its own terms."""
    labels = metric_gains.metric_labels(study.dataset)
    first = next(iter(labels))
    (result, worth), (_, own) = (
        evidence.remove_joint_terms(study, kind) for kind in backgrounds.ADDITIVE_PARTS
    )
    if result.error is None:
        sampled = ""
    else:
        sampled = (
            f" EMAP is sampled: {result.rows:,} shuffled rows, standard error of the {study.quantity} at most "
            f"{result.error:.2g} on average."
        )
    title = text.escape_markdown(describe_joint_effect(result, worth, first))
    figure = model_charts.interval_dots(
        [labels[name].short for name in labels],
        {
            kind: model_charts.interval_ends(part["gain"].values())
            for kind, part in zip(backgrounds.ADDITIVE_PARTS, (worth, own), strict=True)
        },
        hues=[style.GREY] * len(labels),
        x_title="better with joint terms by (units of the metric)",
    )
    shows = (
        f"the improvement of metrics by joint terms on {result.samples:,} test samples. EMAP is "
        f"the sum over modalities that is nearest to the model's {study.quantity} on all combinations "
        f"of {result.rows:,} test rows; own terms are baseline and own contributions, against "
        f"{background_markdown(study.explanation_background)}. "
        f"{interval_words(study, backgrounds.RESAMPLES)}.{sampled}"
    )
    alt = (
        "Worth of joint terms: "
        + ", ".join(f"{labels[name].short} {one.value:+.3f}" for name, one in worth["gain"].items())
        + "."
    )
    return View(
        name="why-emap",
        title=title,
        figure=figure,
        caption=shows,
        limits="A projection is no trained additive model, and can be worse than chance.",
        alternative=alt,
        table=lambda: bootstrap.interval_frame("metric", **worth),
    )


@panel.cached
def loss_reduction(study: Study) -> View:
    """Draw the reduction of the test loss by each coalition and modality."""
    game = fusion_tests.split_loss(study)
    terms = study.terms
    title = LOSS_NAMES[game.loss]
    mean = " of the softmax of the mean log-odds" if study.classes else ""
    figure = model_charts.interval_dots(
        list(terms),
        {
            "contribution": model_charts.interval_ends(game.dividends.values()),
            "Shapley value": model_charts.interval_ends(map(game.shapley.get, terms)),
        },
        hues=[style.term_colour(term, study.modalities) for term in terms],
        x_title=f"reduction of the {title}",
    )
    exact = " with exact values" if study.is_exact else ""
    shows = (
        f"the reduction of the {title}{mean} by coalitions, with the modalities outside them absent, "
        f"mean over {game.total.n:,} test samples: SAGE's game{exact}. Contributions and "
        f"Shapley values both sum to the total reduction. {interval_words(study)}. "
        f"{describe_comparison(study.explanation_background)}{describe_standard_errors(study)}"
    )
    alt = (
        f"Reduction of the {title}: "
        + rules.list_terms({term: one.value for term, one in game.dividends.items()}, "+.3f")
        + "."
    )
    return View(
        name="why-loss",
        title=text.escape_markdown(describe_importance(game)),
        figure=figure,
        caption=shows,
        limits="A model trained without a modality may lose less.",
        alternative=alt,
        table=game.frame,
    )


def coalition_ranking(levels: performance.CohortComparison) -> View:
    """Draw the coalitions of a cohort by their contributions."""
    study = levels.study
    ranked = _term_ranking(levels)
    figure = model_charts.interval_dots(
        list(ranked.sizes),
        {
            "mean size": model_charts.interval_ends(ranked.sizes.values()),
            "mean with sign": model_charts.interval_ends(ranked.means.values()),
        },
        hues=[style.term_colour(term, study.modalities) for term in ranked.sizes],
        x_title=text.with_unit("contribution", cohort_contributions.contribution_unit(levels)),
    )
    alt = (
        "Mean sizes: "
        + rules.list_terms({term: one.value for term, one in ranked.sizes.items()})
        + "."
    )
    kind = "exact " if study.is_exact else ""
    limits = "Does not show their distribution over samples: see the swarm."
    if not study.reads_features:
        kind = "measured "
    if not study.reads_features and not study.is_exact:
        limits += (
            " Nor sizes without noise: with standard errors all are too large, most of all those of joint terms, which "
            "have the errors of all coalitions. Means with sign are not."
        )
    return View(
        name="why-ranking",
        title=describe_ranking(ranked, text.term),
        figure=figure,
        caption=f"mean size and mean of the {kind}contributions, the largest size first; {_describe_cohort(levels)}",
        limits=limits,
        alternative=alt,
        table=ranked.frame,
    )


def pair_interactions(levels: performance.CohortComparison) -> View:
    """Draw the mean interaction of any two modalities over a cohort."""
    study = levels.study
    known = _term_ranking(levels).pairs
    clear = [text.term(pair) for pair, one in known.items() if one.excludes_zero]
    if clear:
        words = f"Mean interaction differs from 0: {', '.join(clear)}"
    else:
        words = "No mean interaction of a pair differs from 0 significantly"
    figure = fusion_charts.interaction_matrix(
        [split_term(pair) for pair in known],
        model_charts.interval_ends(known.values()),
        study.modalities,
        unit=cohort_contributions.contribution_unit(levels),
    )
    alt = (
        "Mean interactions of two modalities: "
        + rules.list_terms({pair: one.value for pair, one in known.items()}, "+.3f")
        + "."
    )
    return View(
        name="why-pairs",
        title=words,
        figure=figure,
        caption=f"mean Shapley interaction index of any two modalities with its interval; {_describe_cohort(levels)}",
        limits="Interactions whose signs cancel over samples look small: the ranking shows their size.",
        alternative=alt,
        table=lambda: bootstrap.interval_frame("pair", interaction=known),
    )


def contribution_swarm(levels: performance.CohortComparison) -> View:
    """Draw every sample's contributions, by coalition."""
    study = levels.study
    ranked = _term_ranking(levels)
    rows = levels.rows[levels.inside]
    rows = rows.iloc[jobs.drawn_places(len(rows), MAX_POINTS, MAX_POINTS)]
    by = "certainty" if study.classes else "truth"
    columns = {term: rows[dividend_column(term)].to_numpy(float) for term in ranked.sizes}
    title = f"Contributions of {describe_drawn(len(rows), int(levels.inside.sum()))}, one by one"
    figure = fusion_charts.contribution_swarm(
        columns,
        rows[by].to_numpy(float),
        rows.index.tolist(),
        by=by,
        unit=cohort_contributions.contribution_unit(levels),
    )
    alt = "Medians: " + rules.list_terms({t: float(np.median(v)) for t, v in columns.items()}) + "."

    def table() -> pd.DataFrame:
        return rows[[by, *map(dividend_column, columns)]].reset_index()

    return View(
        name="why-swarm",
        title=title,
        figure=figure,
        caption="one point per sample and coalition, stacked where values are close"
        f"{f', coloured by the rank of {by}' if rows[by].notna().any() else ''}; {_describe_cohort(levels)}",
        limits="The terms of one sample are not connected.",
        alternative=alt,
        table=table,
    )


def synergy(study: Study) -> View:
    """Show how close sampled synergies are to the exact dividends of pairs, as a table without a figure."""
    frame = fusion_tests.sample_synergies(study)
    shows = (
        f"F_syn = v(ab) − v(a) − v(b) + v(∅) of pairs, against {fusion_tests.ROWS} training samples drawn at "
        "random "
        f"{fusion_tests.DRAWS} times (the same rows for all samples), beside the dividend against "
        f"{background_markdown(study.explanation_background)}: correlation over test samples, and root mean square "
        "error "
        "over the dividend's own."
    )
    return View(
        name="why-synergy",
        title=text.escape_markdown(describe_synergies(frame)),
        figure=None,
        caption=shows,
        limits="This is F_syn of whole modalities, not within a modality, as its authors compute it.",
        alternative=describe_synergies(frame),
        table=lambda: frame,
    )


def seed_basins(sample: Sample) -> View:
    """Draw whether training seeds explain a test sample in one way or in several; only where seeds were measured."""
    study = trust.with_training_background(sample.study)
    seeds = trust.load_stability(study)
    result = seed_clusters.cluster_seeds(study)
    values = check_present(
        trust.seed_values(study, seeds, sample.row, faithfulness.DIVIDENDS),
        f"Sample {sample.id} is not a test sample: seeds are compared on these. Pick one.",
    )
    labels = result.labels[np.flatnonzero(study.dataset.rows(trust.SPLIT) == sample.row)[0]]
    words = describe_basins(
        explanation_clusters.contrast_basins(
            labels, values.to_numpy(), list(values.columns), seeds.seeds
        ),
        values,
    )
    figure = fusion_charts.seed_basins(
        values.to_numpy(),
        labels,
        list(values.columns),
        seeds.seeds,
        unit="log-odds of the true class (nats)" if seeds.of_true_class else study.score_unit(0),
    )
    shows = (
        f"its contributions by each of {len(seeds.seeds)} training seeds, one line per seed. Seeds "
        f"are split at the largest silhouette; a silhouette above {result.threshold:.2f} counts as "
        f"several explanations. About {explanation_clusters.FALSE:.0%} of the samples with a single "
        f"explanation exceed it by chance. {text.escape_markdown(describe_multiplicity(result))}."
    )

    def table() -> pd.DataFrame:
        return values.assign(explanation=labels + 1).reset_index()

    return View(
        name="why-basins",
        title=f"Sample {text.escape_markdown(sample.id)}: {text.escape_markdown(words)}",
        figure=figure,
        caption=shows,
        limits="These are means over seeds, not explanations of one seed.",
        alternative=f"{words}.",
        table=table,
    )


def _term_ranking(levels: performance.CohortComparison) -> contribution_ranking.Ranking:
    return fusion_tests.rank_coalitions(
        levels.study, levels.places(levels.rows[levels.inside]), levels.output_wanted
    )


def _describe_cohort(levels: performance.CohortComparison) -> str:
    return (
        f"{text.escape_markdown(name_cohort_with_size(levels))} of {text.escape_markdown(name_split(levels))}. "
        f"{describe_level_intervals(levels)}. "
        f"{describe_comparison(levels.study.explanation_background)}{describe_standard_errors(levels.study)}"
    )


def interval_words(study: Study, resamples: int = 2000) -> str:
    """Return how the intervals over the explained test samples of a study were resampled."""
    rows = study.dataset.table.loc[study.dataset.ids[trust.explained_test_rows(study)]]
    return describe_intervals(study.dataset, rows, resamples)


# whether the model has several pairs of modalities: of one pair the interaction is its joint term
has_pairs = needs(where=lambda study: len(study.modalities) > 2)
# whether it can be run on samples whose modalities are replaced, as sampled methods do
can_sample = needs(where=lambda study: len(study.modalities) > 1 and study.reads_features)
_can_project = needs(where=lambda study: study.has_truth and study.reads_features)


MODEL_PANELS = {
    "why-emap": panel.Panel(emap, fits=_can_project, scope="study"),
    "why-loss": panel.Panel(loss_reduction, fits=has_truth, scope="study"),
    "why-ranking": panel.Panel(coalition_ranking, scope="levels", fits=cohorts.has_cohort_samples),
    "why-pairs": panel.Panel(
        pair_interactions,
        scope="levels",
        fits=lambda levels, **_: has_pairs(levels) and cohorts.has_cohort_samples(levels),
    ),
    "why-swarm": panel.Panel(contribution_swarm, scope="levels", fits=cohorts.has_cohort_samples),
    "why-synergy": panel.Panel(synergy, scope="study", fits=can_sample),
    "why-basins": panel.Panel(seed_basins, fits=faithfulness.is_measured_over_seeds),
}
