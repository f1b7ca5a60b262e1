"""Whether explanations reflect the model and agree: deletion, planted truth, other methods, training seeds."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd

from qfusion._checks import check, check_present, choose
from qfusion._sentences import count, listed, share
from qfusion.errors import QFusionError
from qfusion.explain import (
    attribution as attribution_methods,
    disturbances,
    faithfulness,
    findings,
    stability,
)
from qfusion.explain.coalitions import SPREADS
from qfusion.figures import style, trust_charts
from qfusion.study import attribution, text, trust
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views.pages.choices import AllSamples, TermKind
from qfusion.views.pages.params import SelectParam
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.decisions import (
    background_markdown,
    describe_comparison,
    describe_standard_errors,
)
from qfusion.views.words.names import describe_intervals
from qfusion.views.words.reliability import (
    describe_beaten_orders,
    describe_finding,
    describe_return,
)
from qfusion.views.words.rules import agree_verb

DELETION, INSERTION = DIRECTIONS = ("deletion", "insertion")
FEWEST_STEPS = 3  # of a curve: those of two modalities are told in a sentence, without a figure
MEASURES = LOG_ODDS, PROBABILITY = ("log-odds", "probability")  # of a class


RANKING = SelectParam(
    "proof.rank",
    "Ranked by",
    "Gradient x input is used.",
    "Gradient methods that rank features by the response of the output to small changes.",
    lambda _: attribution_methods.methods_by_title(),
    default=disturbances.FIRST,
    look="segments",
)

MEASURE = SelectParam(
    "proof.by",
    "Measured by",
    "Log-odds are measured.",
    "The log-odds of the predicted class, or its softmax.",
    MEASURES,
    look="segments",
)
Measure = Annotated[Literal["log-odds", "probability"], MEASURE]


def cautions(study: Study, cached_only: bool = False) -> View:
    """Every caution on the explanations of a model, as a table: it has no figure.

    Args:
        study: a model on its data.
        cached_only: leave out what takes longest unless it is computed already, see `trust.reliability_findings`.
    """
    study = trust.with_training_background(study)
    samples = len(trust.explained_test_rows(study))
    dataset = text.escape_markdown(study.dataset.name)
    background = background_markdown(study.explanation_background)
    findings = trust.reliability_findings(study, cached_only=cached_only)
    words = [describe_finding(finding) for finding in findings]
    if study.is_exact:
        sums = f"Contributions are exact: they sum to the {study.quantity}, without sampling."
    else:
        errors = describe_standard_errors(study)
        sums = f"Contributions of a sample sum to its {study.quantity}.{errors}"
    return View(
        None,
        describe_readable_terms(_readable_shares(study))
        or f"Limits of the explanations of {text.escape_markdown(study.name)}",
        caption=f"results on {samples:,} test samples of {dataset} against {background}. Every sentence follows from "
        f"the figures below. A term exceeds its spread where it is larger than {SPREADS:g} standard deviations. {sums}",
        limits="This tells whether explanations reflect the model and agree between training seeds, not whether the "
        "model is right.",
        table=pd.DataFrame(
            {"kind": [one.kind for one in words], "sentence": [one.sentence for one in words]}
        ),
        alternative="; ".join(one.sentence for one in words),
    )


def _readable_shares(study: Study) -> dict[str, float]:
    """Return in how many of the explained test samples, 0 to 1, each term is beyond its spread over training seeds;
    empty where that is not measured.
    """
    if not has_seed_measurements(study):
        return {}
    inside = np.isin(study.explained_rows, study.dataset.rows(trust.SPLIT))
    within = study.explained_verdicts().within_spread[inside]
    shares = 1 - within.mean(0)
    return {term: float(part) for term, part in zip(study.coalitions, shares, strict=True) if term}


def describe_readable_terms(shares: Mapping[str, float]) -> str:
    """Describe which terms are beyond their spread over training seeds most and least often; empty of no term.

    Args:
        shares: of the test samples, 0 to 1, by coalition.
    """
    if not shares:
        return ""
    most, least = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    if shares[most] == shares[least]:
        return f"Every term exceeds its spread over training seeds in {share(shares[most])} of the test samples"
    return (
        f"{text.term(most)} exceeds its spread over training seeds in {share(shares[most])} of the test "
        f"samples, {text.term(least)} in {share(shares[least])}"
    )


def modality_curves(
    study: Study,
    kind: Literal["deletion", "insertion"] = "deletion",
    *,
    measure: Measure = "log-odds",
) -> View:
    """Modalities taken away or given back one after another, the most important first.

    Args:
        study: a model on its data.
        kind: what is done to the modalities.
        measure: of the predicted class; of a regression it is the score.
    """
    curves = trust.modality_curves(study, _is_probability(study, measure))
    compared = describe_comparison(study.explanation_background)
    return _draw_curves(
        study,
        curves,
        kind,
        "modalities",
        f"Modalities: {describe_beaten_orders(curves)}",
        "modalities in the order of their absolute Shapley values",
        f"replaced by the background. {compared}",
    )


def feature_curves(
    study: Study,
    kind: Literal["deletion", "insertion"] = "deletion",
    modality: str = "",
    *,
    ranking: Annotated[str, RANKING] = disturbances.FIRST,
    measure: Measure = "log-odds",
    all_samples: AllSamples = False,
) -> View:
    """Features of one modality taken away or given back one after another, the most important first.

    Args:
        study: a model on its data.
        kind: what is done to the features.
        modality: whose features; the first by default.
        ranking: title of one of `explain.attribution.METHODS`.
        measure: of the predicted class; of a regression it is the score.
        all_samples: measured on all test samples, where some are drawn of a large set by default.
    """
    modality = choose("Modality", modality or study.modalities[0], study.modalities)
    curves = trust.feature_curves(
        study, modality, ranking, _is_probability(study, measure), all_samples
    )
    whole = len(study.dataset.rows(trust.SPLIT))
    drawn = ""
    if curves.samples < whole:
        ids = study.dataset.ids[trust.asked_inside(study, all_samples)]
        interval = describe_intervals(study.dataset, pd.DataFrame(index=ids))
        drawn = (
            f" The {curves.samples:,} were drawn at random from {whole:,}; the interval of the area: "
            f"{interval}."
        )
    features = "features"
    if modality in attribution.sequences(study):
        features = "time steps"
    name = text.escape_markdown(modality)
    training = trust.count_training_rows(study)
    return _draw_curves(
        study,
        curves,
        kind,
        f"features-{modality}",
        f"Inside {name}: {describe_beaten_orders(curves)}",
        f"{features} of {name} in the order of {ranking}",
        f"replaced by their mean over the {training:,} training samples, the other modalities as they are.{drawn}",
        style.term_colour(modality, study.modalities),
    )


def _draw_curves(
    study: Study,
    curves: faithfulness.Curves,
    kind: str,
    name: str,
    title: str,
    players: str,
    how: str,
    hue: str | None = None,
) -> View:
    what, line, values, random = "deleted", "rises", curves.deletion, curves.random_deletion
    if choose("Curve", kind, DIRECTIONS) == INSERTION:
        what, line, values, random = "inserted", "falls", curves.insertion, curves.random_insertion
        title = f"Inserted: the {curves.unit} {agree_verb(curves.unit)} restored {describe_return(curves)}"
    unit = study.score_unit(0)
    whom = ""
    figure = None
    if study.classes:
        unit = f"{curves.unit} (nats)" if curves.unit == LOG_ODDS else curves.unit
        whom = " for the predicted class of each"
    listed_values = ", ".join(f"{value:.2f}" for value in values)
    if len(curves.shares) > FEWEST_STEPS:
        figure = trust_charts.deletion_curves(
            curves.shares,
            values,
            random,
            what=f"share {what}, most important first",
            unit=f"mean |change| of the {unit}",
            hue=hue,
        )
    return View(
        figure,
        title,
        caption=f"{players}, {what} one after another and {how} Mean over {curves.samples:,} test samples{whom}; the "
        f"sooner the line {line}, the better. Grey: the same for {len(random)} random orders, drawn separately for "
        "each sample.",
        limits="This tells whether the order reflects the model, not whether the model is right.",
        table=curves.frame(),
        alternative=f"{kind} curve against random orders: {listed_values}.",
        name=f"{kind}-{name}",
    )


def _is_probability(study: Study, measure: str) -> bool:
    return choose("Measure", measure, MEASURES) == PROBABILITY and bool(study.classes)


def truth(sample: Sample) -> View:
    """Exact against planted contributions of the test samples; only of data with a planted truth."""
    study = trust.with_training_background(sample.study)
    against_truth = check_present(
        trust.compare_with_truth(study),
        f"The data set '{study.dataset.name}' has no planted truth. Choose 'planted' or 'scenes'.",
    )
    terms, ranks = against_truth.terms, against_truth.rank
    rows = trust.explained_test_rows(study)
    ids = study.dataset.ids[rows]
    place = np.flatnonzero(rows == sample.row)
    varying = np.isfinite(ranks)
    check(bool(varying.any()), "No term varies in truth, so that none can be compared with it.")
    known = {term: float(rank) for term, rank in zip(terms, ranks, strict=True)}
    shown = [term for term, varies in zip(terms, varying, strict=True) if varies]
    constant = ""
    if len(shown) < len(terms):
        names = text.escape_markdown(listed([term for term in terms if term not in shown]))
        constant = f" {names.capitalize()} are constant in the truth or in the model and not drawn."
    of_classes = ""
    if study.classes:
        first = text.escape_markdown(study.classes[0])
        of_classes = f", for ‘{first}’: 1 where it is right and −1 where not"
    background = background_markdown(study.explanation_background)
    correlations = ", ".join(f"{term} {known[term]:.2f}" for term in shown)
    return View(
        trust_charts.truth_scatter(
            against_truth.true[:, varying],
            against_truth.ours[:, varying],
            shown,
            ranks[varying],
            study.modalities,
            ids=ids.tolist(),
            chosen=int(place[0]) if len(place) else None,
            unit=study.score_unit(0),
            same_unit=not study.classes,
        ),
        describe_truth_correlation(known),
        caption=f"each term of {len(rows):,} test samples: the term of the model and the planted term{of_classes}. "
        f"The background is {background} for the model and all samples for the truth. ρ is the rank correlation; "
        f"dotted: {'the least-squares line' if study.classes else 'equal values'}; the ring is this sample.{constant}",
        limits="This needs data with a known truth; for other data, use the other views.",
        table=pd.DataFrame(
            {"sample": ids}
            | {f"true[{t}]": v for t, v in zip(terms, against_truth.true.T, strict=True)}
            | {f"exact[{t}]": v for t, v in zip(terms, against_truth.ours.T, strict=True)}
        ),
        alternative=f"Scatter of true contributions and those of the model: {correlations}.",
    )


def describe_truth_correlation(rank: Mapping[str, float]) -> str:
    """Describe how well terms follow the planted truth.

    Rank correlations by coalition, NaN where a term is constant.
    """
    known = {term: value for term, value in rank.items() if np.isfinite(value)}
    if not known:
        return "No term varies, so correlations are undefined"
    constant = len(rank) - len(known)
    words = rules.describe_extremum(
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


DIVIDENDS = stability.TERM_KINDS[0]
ROUNDING = 1e-9  # differences of Shapley values below it are rounding


def estimators(sample: Sample) -> View:
    """Shapley values of a sample by four methods, as a table: it has no figure.

    Only against samples as background.
    """
    study = sample.study
    compared = trust.with_row_background(study)
    differs = ""
    if compared.background.kind != study.background.kind:
        differs = " These methods need whole rows; other panels draw each absent modality on its own, so values differ."
    estimates = trust.estimates(study, sample.row, sample.output)
    exact, brute, *others = estimates
    title = describe_estimates(
        exact.seconds, brute.seconds, brute.error, max(one.error for one in others)
    )
    name, unit = text.escape_markdown(sample.id), text.escape_markdown(sample.unit)
    background = describe_comparison(compared.background)
    return View(
        None,
        title,
        caption=f"Shapley values of sample {name} for the {unit} by four ways, seed 0. captum's estimators at their "
        "defaults; a coalition they ask for again is not run again but charged again. "
        f"{background}{differs}",
        limits="One seed of the estimators on one sample: benchmarks in the repository measure many samples, and shap "
        "too.",
        table=faithfulness.frame(estimates, study.modalities),
        alternative=f"{title}.",
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


def seed_ranks(study: Study, *, terms: TermKind = "contributions") -> View:
    """The rank correlation of the terms between training seeds; only where seeds were measured."""
    seeds = _load_seeds(study, terms)
    whose = " to the log-odds of the true class" if seeds.of_true_class else ""
    ranks = seeds.rank_correlations(terms)
    means = {name: mean for name, (mean, _) in ranks.items()}
    listed_means = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items())
    return View(
        trust_charts.rank_bars(
            ranks,
            study.modalities,
            floor=findings.STABLE,
            x_title=f"rank correlation of {terms} between seeds (dotted: {findings.STABLE:g})",
        ),
        describe_least_stable(means),
        caption=f"whether {len(seeds.seeds)} models that differ in their training seed alone order "
        f"{seeds.dividends.shape[1]:,} test samples alike: mean over all pairs of seeds, the tick the lowest. "
        f"{terms.capitalize()}{whose} against {seeds.background_size:,} training samples.",
        limits="Only the seed differs: not the training data, settings or libraries.",
        table=pd.DataFrame(
            [{"term": name, "mean": mean, "lowest": low} for name, (mean, low) in ranks.items()]
        ),
        alternative=f"Rank correlation between seeds: {listed_means}.",
    )


def seed_sample(sample: Sample, *, terms: TermKind = "contributions") -> View:
    """A test sample by every training seed; only where seeds were measured."""
    study = sample.study
    seeds = _load_seeds(study, terms)
    seed_values = check_present(
        trust.seed_values(study, seeds, sample.row, terms),
        f"Sample {sample.id} is not a test sample: seeds are compared on these. Pick one.",
    )
    values = seed_values.to_numpy()
    unit = study.score_unit(0)
    if seeds.of_true_class:
        true_class = study.classes[int(study.dataset.y[sample.row])]
        unit = f"log-odds of the true class ‘{true_class}’ (nats)"
    spans = ", ".join(
        f"{term} {column.min():+.2f} to {column.max():+.2f}"
        for term, column in zip(seed_values.columns, values.T, strict=True)
    )
    return View(
        trust_charts.seed_dots(
            values, list(seed_values.columns), study.modalities, seeds.seeds, unit=unit
        ),
        f"Sample {text.escape_markdown(sample.id)}: {describe_sign_changes(values)}",
        caption=f"{terms} of this sample by each of {len(seeds.seeds)} training seeds; the filled dot is the model "
        "shown on the other pages.",
        limits="No seed is the right one: where they differ, the data do not decide.",
        table=seed_values.reset_index(),
        alternative=f"Terms by seed: {spans}.",
    )


def describe_least_stable(ranks: Mapping[str, float]) -> str:
    """Describe which terms keep the order of samples least over training seeds; mean rank correlations by term."""
    return rules.describe_extremum(
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


def _load_seeds(study: Study, terms: str) -> stability.Stability:
    choose("Terms", terms, stability.TERM_KINDS)
    return trust.load_stability(study)


def has_seed_measurements(study: Study, **_: Any) -> bool:
    """Return whether the explanations are measured over training seeds."""
    return seed_measurements(trust.with_training_background(study))[0] is not None


def seed_measurements(study: Study) -> tuple[stability.Stability | None, str]:
    """Return the measurements over training seeds, or the reason why there are none, as Markdown."""
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
