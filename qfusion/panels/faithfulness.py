"""The limits of a model's explanations: deletion and insertion, planted truth, other methods, training seeds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, check_present, choose
from qfusion._sentences import count, listed
from qfusion.analysis import (
    label_comparison,
    method_comparison,
    modality_attribution,
    text,
    trust,
)
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.errors import QFusionError
from qfusion.explain import attribution, faithfulness, feature_deletion, reliability, stability
from qfusion.figures import style, trust_charts
from qfusion.panels import panel, params
from qfusion.panels.label_agreement import (
    calibration,
    conflict,
    has_labels,
    is_labelled,
    rank_correlations,
    sample_labels,
)
from qfusion.wording.backgrounds import background_markdown, describe_comparison
from qfusion.wording.cohorts import describe_intervals
from qfusion.wording.numbers import agree_verb
from qfusion.wording.reliability import describe_finding

DELETION, INSERTION = _DIRECTIONS = ("deletion", "insertion")
MEASURES = LOG_ODDS, PROBABILITY = ("log-odds", "probability")  # of a class
DIVIDENDS = stability.TERM_KINDS[0]
ROUNDING = 1e-9  # differences of Shapley values below it are rounding


def trust_warnings(study: Study, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw every caution on the explanations of a model, as a table: it has no figure."""
    study = trust.with_training_background(study)
    rows, _ = trust.explain_test_rows(study)
    words = [describe_finding(finding) for finding in trust.reliability_findings(study)]
    shows = (
        f"what was measured on {len(rows):,} test samples of {text.escape_markdown(study.dataset.name)} against "
        f"{background_markdown(study.explanation_background)}: every sentence follows from the figures below. "
    )
    if study.is_sampled:
        shows += (
            f"Contributions of a sample add up to its {study.quantity}; against other rows they would differ, by the "
            "standard error that the Samples page says."
        )
    else:
        shows += (
            f"Contributions are exact: they add up to the {study.quantity}, and nothing is sampled."
        )
    alt = "; ".join(one.sentence for one in words)

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"kind": [one.kind for one in words], "sentence": [one.sentence for one in words]}
        )

    return panel.PanelFigure(
        "cautions",
        f"When not to trust the explanations of {text.escape_markdown(study.name)}",
        None,
        shows=shows,
        not_shown="whether the model is right; only how far its explanation is the model's own, and would be another "
        "seed's.",
        alt=alt,
        table=table,
    )


def modality_curves(
    study: Study, theme: style.Theme = "light", *, kind: str = DELETION, measure: str = LOG_ODDS
) -> panel.PanelFigure:
    """Draw modalities taken away or given back one after another, the most important first.

    Args:
        study: a model on its data.
        theme: of the figure.
        kind: "deletion" or "insertion".
        measure: "log-odds" or "probability" of the predicted class; of a regression it is the score.
    """
    curves = trust.modality_curves(study, _probability(study, measure))
    return _curves(
        study,
        curves,
        kind,
        "modalities",
        f"Modalities: {describe_beaten_orders(curves)}",
        "modalities in the order of their absolute Shapley values",
        "replaced by the background. " + describe_comparison(study.explanation_background),
        theme,
    )


def feature_curves(
    study: Study,
    theme: style.Theme = "light",
    *,
    kind: str = DELETION,
    modality: str = "",
    ranking: str = feature_deletion.FIRST,
    measure: str = LOG_ODDS,
    everyone: bool = False,
) -> panel.PanelFigure:
    """Draw features of one modality taken away or given back one after another, the most important first.

    Args:
        study: a model on its data.
        theme: of the figure.
        kind: "deletion" or "insertion".
        modality: whose features; the first unless told.
        ranking: title of one of `explain.attribution.METHODS`.
        measure: "log-odds" or "probability" of the predicted class; of a regression it is the score.
        everyone: measured on all test samples, where some are drawn of a large set unless told.
    """
    modality = choose("Modality", modality or study.modalities[0], study.modalities)
    curves = trust.feature_curves(study, modality, ranking, _probability(study, measure), everyone)
    steps = modality in modality_attribution.sequences(study)
    whole = len(study.dataset.rows(trust.SPLIT))
    drawn = ""
    if curves.samples < whole:
        ids = study.dataset.ids[trust.asked_inside(study, everyone)]
        drawn = (
            f" The {curves.samples:,} were drawn at random from {whole:,}; the interval of the area: "
            f"{describe_intervals(study.dataset, pd.DataFrame(index=ids))}."
        )
    return _curves(
        study,
        curves,
        kind,
        f"features-{modality}",
        f"Inside {text.escape_markdown(modality)}: {describe_beaten_orders(curves)}",
        f"{'time steps' if steps else 'features'} of {text.escape_markdown(modality)} in the order of {ranking}",
        f"replaced by their mean over the {trust.count_training_rows(study):,} training samples, the other "
        f"modalities as they are.{drawn}",
        theme,
        style.term_colour(modality, study.modalities),
    )


def _curves(
    study: Study,
    curves: faithfulness.Curves,
    kind: str,
    name: str,
    head: str,
    players: str,
    how: str,
    theme: style.Theme,
    hue: str | None = None,
) -> panel.PanelFigure:
    inserted = choose("Curve", kind, _DIRECTIONS) == INSERTION
    if inserted:
        values, random = (curves.insertion, curves.random_insertion)
    else:
        values, random = (curves.deletion, curves.random_deletion)
    what, line = ("given back", "falls") if inserted else ("taken away", "rises")
    unit = study.unit_of(0)
    whom = ""
    if study.classes:
        unit = f"{curves.unit} (nats)" if curves.unit == LOG_ODDS else curves.unit
        whom = " for the predicted class of each"
    if inserted:
        title = f"Given back: the {curves.unit} {agree_verb(curves.unit)} restored {describe_return(curves)}"
    else:
        title = head
    figure = trust_charts.deletion_curves(
        curves.shares,
        values,
        random,
        what=f"share {what}, most important first",
        unit=f"mean |change| of the {unit}",
        hue=hue,
        theme=theme,
    )
    shows = (
        f"{players}, {what} one after another and {how} Mean over {curves.samples:,} test samples{whom}; the "
        f"sooner the line {line}, the better. Grey: the same in {len(random)} random orders, drawn anew for "
        "every sample."
    )
    alt = f"{kind} curve against random orders: {', '.join(f'{v:.2f}' for v in values)}."
    return panel.PanelFigure(
        f"{kind}-{name}",
        title,
        figure,
        shows=shows,
        not_shown="whether the model is right: only whether the order is the model's own.",
        alt=alt,
        table=curves.frame,
    )


def _probability(study: Study, measure: str) -> bool:
    return choose("Measure", measure, MEASURES) == PROBABILITY and bool(study.classes)


def describe_beaten_orders(curves: faithfulness.Curves) -> str:
    """Describe how many random orders ours beats, at deletion and at insertion.

    Of samples drawn from more, where their intervals let it be told.
    """
    gain = float(curves.deletion_gain.mean())
    orders = len(curves.random_deletion)
    about = f"(area {gain:.3g} on average{_interval(curves, 0)})"
    if curves.intervals is not None and not all(
        interval.excludes_zero for interval in curves.intervals
    ):
        return f"{curves.samples:,} samples do not tell whether our order beats random ones {about}"
    if len(curves.shares) == 2:
        return "there is one order, so that none can be better"
    if curves.better:
        return f"our order beats every one of {count(orders, 'random order')} {about}"
    lost = int(((curves.deletion_gain <= 0) | (curves.insertion_gain <= 0)).sum())
    return f"our order does **not** beat {lost} of {count(orders, 'random order')}"


def describe_return(curves: faithfulness.Curves) -> str:
    """Describe whether the output returns sooner in our order than in all random ones.

    Of samples drawn from more, where their interval lets it be told.
    """
    gain = float(curves.insertion_gain.mean())
    orders = len(curves.random_insertion)
    won = int((curves.insertion_gain > 0).sum())
    if curves.intervals is not None and not curves.intervals[1].excludes_zero:
        return (
            f"sooner than in random orders or not: {curves.samples:,} samples do not tell (area {gain:+z.3g} on "
            f"average{_interval(curves, 1)})"
        )
    return (
        f"sooner than in {'every one' if won == orders else won} of {count(orders, 'random order')} (area "
        f"{gain:+z.3g} on average{_interval(curves, 1)})"
    )


def _interval(curves: faithfulness.Curves, place: int) -> str:
    """Return the interval of an area, where the samples are drawn from more."""
    interval = None if curves.intervals is None else curves.intervals[place]
    if interval is None or not interval.known:
        return ""
    return f", {interval.level:.0%} interval {interval.low:.2g} to {interval.high:.2g}"


def planted_truth(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw exact against planted contributions of the test samples; only of data with a planted truth."""
    study = trust.with_training_background(sample.study)
    against_truth = check_present(
        trust.compare_with_truth(study),
        f"The data set '{study.dataset.name}' has no planted truth. Choose 'planted' or 'scenes'.",
    )
    rows, _ = trust.explain_test_rows(study)
    place = np.flatnonzero(rows == sample.row)
    varying = np.isfinite(against_truth.rank)
    check(bool(varying.any()), "No term varies in truth, so that none can be compared with it.")
    same = [term for term, varies in zip(against_truth.terms, varying, strict=True) if not varies]
    if same:
        constant = (
            f" {text.escape_markdown(listed(same)).capitalize()}, the same for all of them in truth or in the model, "
            "cannot follow and are not drawn."
        )
    else:
        constant = ""
    if study.classes:
        of_classes = f", for ‘{text.escape_markdown(study.classes[0])}’: 1 where it is right and −1 where not"
    else:
        of_classes = ""
    figure = trust_charts.truth_scatter(
        against_truth.true[:, varying],
        against_truth.ours[:, varying],
        [term for term in against_truth.terms if term not in same],
        against_truth.rank[varying],
        study.modalities,
        ids=study.dataset.ids[rows].tolist(),
        chosen=int(place[0]) if len(place) else None,
        unit=study.unit_of(0),
        theme=theme,
    )
    shows = (
        f"each term of {len(rows):,} test samples: what the model's exact explanation says against what was "
        f"planted{of_classes}, the model's against {background_markdown(study.explanation_background)} and the truth "
        f"against all of them; ρ is the rank correlation, the ring this sample.{constant}"
    )
    alt = (
        "Scatter of true and exact contributions: "
        + ", ".join(
            f"{t} {r:.2f}"
            for t, r in zip(against_truth.terms, against_truth.rank, strict=True)
            if np.isfinite(r)
        )
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"sample": study.dataset.ids[rows]}
            | {
                f"true[{t}]": v
                for t, v in zip(against_truth.terms, against_truth.true.T, strict=True)
            }
            | {
                f"exact[{t}]": v
                for t, v in zip(against_truth.terms, against_truth.ours.T, strict=True)
            }
        )

    return panel.PanelFigure(
        "truth",
        describe_truth_correlation(
            dict(zip(against_truth.terms, against_truth.rank.tolist(), strict=True))
        ),
        figure,
        shows=shows,
        not_shown="data in which the truth is not known: there, only the other views help.",
        alt=alt,
        table=table,
    )


def other_methods(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw Shapley values of a sample by four methods, as a table: it has no figure.

    Only against samples as background.
    """
    study = sample.study
    compared = method_comparison.with_row_background(study)
    if compared.background.kind == study.background.kind:
        differs = ""
    else:
        differs = " These methods need whole rows; other panels draw each absent modality on its own, so values differ."
    estimates = method_comparison.estimates(study, sample.row, sample.output)
    exact, brute, *others = estimates
    title = describe_estimates(
        exact.seconds, brute.seconds, brute.error, max(one.error for one in others)
    )
    shows = (
        f"Shapley values of sample {text.escape_markdown(sample.id)} for the {text.escape_markdown(sample.unit)} by "
        "four ways, seed "
        "0. captum's estimators at their defaults; a coalition they ask for again is not run again but charged "
        "again. " + describe_comparison(compared.background) + differs
    )
    return panel.PanelFigure(
        "estimators",
        title,
        None,
        shows=shows,
        not_shown="other seeds of the estimators, or a whole data set: benchmarks in the repository measure many "
        "samples, and shap too.",
        alt=title + ".",
        table=lambda: faithfulness.frame(estimates, study.modalities),
    )


def describe_estimates(exact: float, brute: float, apart: float, error: float) -> str:
    """Describe how exact and brute-force Shapley values, and sampled ones, compare.

    Args:
        exact, brute: seconds. apart: the largest difference of these two. error: the largest of the sampled ones.
    """
    if apart == 0:
        agrees = "agrees in every digit"
    elif apart < ROUNDING:
        agrees = f"agrees to {apart:.0e}"
    else:
        agrees = f"differs by {apart:.0e}"
    if error < ROUNDING:
        sampled = "sampling errs by no more than rounding"
    else:
        sampled = f"sampling errs by up to {error:.2g}"
    return f"Exact in {_time(exact)}; brute force {agrees} and takes {_time(brute)}; {sampled}"


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def seed_ranks(
    study: Study, theme: style.Theme = "light", *, terms: str = DIVIDENDS
) -> panel.PanelFigure:
    """Draw the rank correlation of the terms between training seeds; only where seeds were measured.

    Args:
        study: a model on its data.
        theme: of the figure.
        terms: "contributions" or "Shapley values".
    """
    seeds = _seeds(study, terms)
    count = len(seeds.seeds)
    whose = " to the log-odds of the true class" if seeds.of_true_class else ""
    ranks = seeds.rank_correlations(terms)
    title = describe_least_stable({name: mean for name, (mean, _) in ranks.items()})
    figure = trust_charts.rank_bars(
        ranks,
        study.modalities,
        floor=reliability.STABLE,
        theme=theme,
        x_title=f"rank correlation of {terms} between seeds (dotted: {reliability.STABLE:g})",
    )
    shows = (
        f"whether {count} models that differ in their training seed alone order {seeds.dividends.shape[1]:,} "
        f"test samples alike: mean over all pairs of seeds, the tick the lowest. {terms.capitalize()}{whose} "
        f"against {seeds.background_size:,} training samples."
    )
    alt = (
        "Rank correlation between seeds: "
        + ", ".join(f"{name} {mean:.2f}" for name, (mean, _) in ranks.items())
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            [{"term": name, "mean": mean, "lowest": low} for name, (mean, low) in ranks.items()]
        )

    return panel.PanelFigure(
        "seed-ranks",
        title,
        figure,
        shows=shows,
        not_shown="other training data, settings or libraries.",
        alt=alt,
        table=table,
    )


def seed_sample(
    sample: Sample, theme: style.Theme = "light", *, terms: str = DIVIDENDS
) -> panel.PanelFigure:
    """Draw a test sample by every training seed; only where seeds were measured.

    Args:
        sample: of the test split.
        theme: of the figure.
        terms: "contributions" or "Shapley values".
    """
    study = sample.study
    seeds = _seeds(study, terms)
    seed_values = check_present(
        trust.seed_values(study, seeds, sample.row, terms),
        f"Sample {sample.id} is not a test sample: seeds are compared on these. Pick one.",
    )
    values = seed_values.to_numpy()
    figure = trust_charts.seed_dots(
        values,
        list(seed_values.columns),
        study.modalities,
        seeds.seeds,
        unit=f"log-odds of the true class ‘{study.classes[int(study.dataset.y[sample.row])]}’ (nats)"
        if seeds.of_true_class
        else study.unit_of(0),
        theme=theme,
    )
    alt = (
        "Terms by seed: "
        + ", ".join(
            f"{term} {column.min():+.2f} to {column.max():+.2f}"
            for term, column in zip(seed_values.columns, values.T, strict=True)
        )
        + "."
    )
    return panel.PanelFigure(
        "seed-sample",
        f"Sample {text.escape_markdown(sample.id)}: {describe_sign_changes(values)}",
        figure,
        shows=f"{terms} of this sample by each of {len(seeds.seeds)} training seeds; the filled dot is the model shown "
        "on the other pages.",
        not_shown="which seed is right: where they differ, the data do not decide.",
        alt=alt,
        table=lambda: seed_values.reset_index(),
    )


def describe_truth_correlation(rank: Mapping[str, float]) -> str:
    """Describe how well terms follow the planted truth.

    Rank correlations by coalition, NaN where a term is constant.
    """
    known = {term: value for term, value in rank.items() if np.isfinite(value)}
    if not known:
        return "No term varies, so that none can follow the truth"
    constant = len(rank) - len(known)
    words = panel.superlative(
        known,
        smallest=True,
        only="Rank correlation with the truth: {value:.2f}",
        one="Rank correlations with the truth from {value:.2f} ({names}) to {high:.2f}",
        some="Rank correlations with the truth from {value:.2f} ({names}) to {high:.2f}",
        every="Rank correlations with the truth: {value:.2f}",
        name=text.term,
        high=max(known.values()),
    )
    if not constant:
        return words
    return f"{words}; {count(constant, 'term')} {'is' if constant == 1 else 'are'} constant"


def describe_least_stable(ranks: Mapping[str, float]) -> str:
    """Describe which terms keep the order of samples least over training seeds; mean rank correlations by term."""
    return panel.superlative(
        ranks,
        smallest=True,
        one="Least stable: {names} (rank correlation {value:.2f})",
        some="Least stable: {names} (rank correlation {value:.2f} each)",
        every="All terms are equally stable (rank correlation {value:.2f})",
        name=text.term,
    )


def describe_sign_changes(values: np.ndarray) -> str:
    """Describe how many terms change their sign with the training seed; values (seeds, terms)."""
    unsure = int(((values.min(0) < 0) & (values.max(0) > 0)).sum())
    if not unsure:
        return f"every term keeps its sign over the {len(values)} seeds"
    return f"{unsure} of {count(values.shape[1], 'term')} {'changes' if unsure == 1 else 'change'} sign with the seed"


def _seeds(study: Study, terms: str) -> stability.Stability:
    choose("Terms", terms, stability.TERM_KINDS)
    return trust.load_stability(study)


PEOPLE = "People"
VIEWS = ("Deletion", "Truth", "Other methods", "Training seeds", PEOPLE)


def has_seed_measurements(study: Study, **_: Any) -> bool:
    """Return whether the explanations are measured over training seeds."""
    return seed_measurements(trust.with_training_background(study))[0] is not None


def seed_measurements(study: Study) -> tuple[stability.Stability | None, str]:
    """Return what was measured over training seeds, or why there is nothing, as markdown."""
    try:
        return trust.load_stability(study), ""
    except QFusionError as error:
        return None, text.message(error)


def is_measured_over_seeds(sample: Sample, terms: str = DIVIDENDS) -> bool:
    """Return whether the sample is one of those that are measured over training seeds."""
    default = trust.with_training_background(sample.study)
    return (
        has_seed_measurements(default)
        and trust.seed_values(default, trust.load_stability(default), sample.row, terms) is not None
    )


PROOF = params.SelectParam("proof", "View", "Deletion is shown.", values=VIEWS, look="tabs")
RANKING = params.SelectParam(
    "proof.rank",
    "Ranked by",
    "Gradient x input is used.",
    "Ways to say which features mattered: all look at how the output answers to small changes.",
    lambda _: attribution.by_title(),
    default=feature_deletion.FIRST,
    look="segments",
)
FEATURES_OF = params.SelectParam(
    "proof.of",
    "Features of",
    "The first is shown.",
    "Whose features are taken away one by one.",
    lambda study: study.modalities,
    look="segments",
)
MEASURE = params.SelectParam(
    "proof.by",
    "Measured by",
    "Log-odds are measured.",
    "The log-odds of the predicted class, or its softmax.",
    MEASURES,
    look="segments",
)
RUN = params.SwitchParam(
    "proof.run",
    "Run them on this sample",
    "They are not run.",
    "Takes some seconds for each sample: brute force runs the model on every background sample for every coalition.",
)
_DELETED, _TRUE, _OTHERS, _SEEDS = map(PROOF.chosen, VIEWS[:4])
NAMED = {
    f"{kind}-features-": panel.Panel(
        feature_curves,
        {"measure": MEASURE, "ranking": RANKING, "everyone": panel.EVERYONE},
        {"kind": kind},
        rest="modality",
        opens=_DELETED,
        endings=lambda view, study: [view.one_of("proof.of", study.modalities)],
        scope="study",
    )
    for kind in _DIRECTIONS
}


OTHER = params.SelectParam(
    "proof.with",
    "Second model",
    "None is compared.",
    "A second model of the same data: one that had the labels as additional targets (`unimodal`), say.",
    label_comparison.rivals,
    empty=True,
    style={"placeholder": "none", "width": 320},
)
CONTROLS = (PROOF, RANKING, FEATURES_OF, MEASURE, panel.EVERYONE, RUN, panel.TERMS, OTHER)
_OPEN = PROOF.chosen(PEOPLE)
_OTHER = {"other": OTHER}
PANELS = {
    "cautions": panel.Panel(trust_warnings, scope="study"),
    "truth": panel.Panel(
        planted_truth,
        fits=lambda sample: (
            trust.compare_with_truth(trust.with_training_background(sample.study)) is not None
        ),
        opens=_TRUE,
    ),
    "estimators": panel.Panel(
        other_methods,
        opens=panel.all_open(_OTHERS, RUN.opens),
        fits=lambda sample: method_comparison.playable(sample.study),
    ),
    **{
        f"{kind}-modalities": panel.Panel(
            modality_curves, {"measure": MEASURE}, {"kind": kind}, opens=_DELETED, scope="study"
        )
        for kind in _DIRECTIONS
    },
    "seed-ranks": panel.Panel(
        seed_ranks, {"terms": panel.TERMS}, opens=_SEEDS, fits=has_seed_measurements, scope="study"
    ),
    "seed-sample": panel.Panel(
        seed_sample, {"terms": panel.TERMS}, opens=_SEEDS, fits=is_measured_over_seeds
    ),
    "people-alone": panel.Panel(
        rank_correlations, _OTHER, fits=has_labels, opens=_OPEN, scope="study"
    ),
    "people-conflict": panel.Panel(conflict, _OTHER, fits=has_labels, opens=_OPEN, scope="study"),
    "people-calibration": panel.Panel(calibration, fits=has_labels, opens=_OPEN, scope="study"),
}
OF_SAMPLE = {"people": panel.Panel(sample_labels, fits=is_labelled)}
