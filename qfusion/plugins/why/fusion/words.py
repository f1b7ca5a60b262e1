"""Whether a model fuses: joint terms, loss reduction, rankings, sampled synergy and explanations over seeds."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from qfusion.data.coalition_terms import split_term
from qfusion.errors import QFusionError
from qfusion.explain import bootstrap
from qfusion.explain.backgrounds import (
    Additive,
    Gains,
    JointEffect,
    ProjectionSummary,
    joint_effect,
)
from qfusion.plugins.why import evidence
from qfusion.plugins.why.fusion import fusion_tests, seed_clusters
from qfusion.plugins.why.fusion.contribution_ranking import Lead, Ranking
from qfusion.plugins.why.fusion.explanation_clusters import (
    FALSE,
    BasinContrast,
    Basins,
    Multiplicity,
)
from qfusion.plugins.why.fusion.loss_attribution import Importance, LossGame
from qfusion.study import metric_gains, trust
from qfusion.study.study import Study
from qfusion.views.words.rules import format_interval, name_metric

# Effect of the joint terms on a metric.
JOINT_EFFECT_TITLES: dict[JointEffect, str] = {
    JointEffect.ONE_MODALITY: "One modality has no joint terms: EMAP equals the model ({metric} {model:.3f})",
    JointEffect.UNKNOWN: (
        "Too few samples to tell whether joint terms help ({metric} {additive:.3f} without them, {model:.3f} with "
        "them, n = {n:,})"
    ),
    JointEffect.GAIN: (
        "Joint terms improve {metric} by {gain:.3f} (95% CI {interval}): {additive:.3f} without, {model:.3f} with them"
    ),
    JointEffect.HARM: (
        "Joint terms worsen {metric} by {harm:.3f} (95% CI {harm_interval}): {additive:.3f} without, {model:.3f} with "
        "them"
    ),
    JointEffect.NOT_SHOWN: (
        "Joint terms: no significant effect on {metric} (gain {gain:+.3f}, 95% CI {signed_interval}): {additive:.3f} "
        "without, {model:.3f} with them"
    ),
}

# Which modality reduces the loss most.
LOSS_NAMES = {
    "cross_entropy": "cross-entropy (nats)",
    "l1": "absolute error",
    "mse": "squared error",
    "huber": "Huber loss",
}
IMPORTANCE_TITLES: dict[Importance, str] = {
    Importance.UNKNOWN: (
        "Too few samples to rank modalities (the {loss} falls by {total:.3f}, {start:.3f} to {end:.3f}, n = {n:,})"
    ),
    Importance.NO_REDUCTION: (
        "The modalities do not reduce the {loss} significantly (by {total:+.3f}, 95% CI {total_interval})"
    ),
    Importance.ONE_MODALITY: (
        "{first} reduces the {loss} by {value:.3f} (95% CI {interval}), from {start:.3f} to {end:.3f}"
    ),
    Importance.FIRST: (
        "{first} reduces the {loss} most: by {value:.3f} (95% CI {interval}) of {total:.3f}"
    ),
    Importance.NO_DIFFERENCE: (
        "No significant difference between {first} and {rival}: they reduce the {loss} by {value:.3f} and "
        "{rival_value:.3f} of {total:.3f}"
    ),
}

# Which coalition contributes most.
LEAD_TITLES: dict[Lead, str] = {
    Lead.UNKNOWN: (
        "Too few samples to rank coalitions: {first} is largest (mean |contribution| {value:.3f}, n = {n:,})"
    ),
    Lead.FIRST: "Largest contribution: {first} (mean |contribution| {value:.3f}, 95% CI {interval})",
    Lead.NO_DIFFERENCE: (
        "No significant difference between {first} and {rival} (mean |contribution| {value:.3f} and {rival_value:.3f})"
    ),
}

# Accuracy of a sampled synergy.
SYNERGY = "The joint term of {pair}, estimated from {rows} background samples, is {error:.0%} off"
NO_SYNERGY = "No joint term of a pair varies over these samples, so correlations are undefined"

# Whether decisions have several explanations over seeds.
MULTIPLICITY_SENTENCES: dict[Multiplicity, str] = {
    Multiplicity.UNKNOWN: "Too few samples to tell how many have several explanations (n = {n:,})",
    Multiplicity.NOT_SHOWN: (
        "No significant excess of samples with several explanations: {share:.1%} (95% CI {interval}) of {n:,}, where "
        "{chance:.0%} are expected by chance"
    ),
    Multiplicity.SEVERAL: (
        "{share:.1%} (95% CI {interval}) of {n:,} samples have several explanations over seeds, where {chance:.0%} are "
        "expected by chance"
    ),
}
ONE_BASIN = (
    "one group of explanations over {seeds} training seeds; {term} ranges most, from {low:+z.2f} to "
    "{high:+z.2f}"
)
BASINS = "{count} explanations: {basins}"
BASIN = "{term} {value:+.2f} with seeds {seeds}"


def describe_joint_effect(result: Additive | ProjectionSummary, gains: Gains, metric: str) -> str:
    """Return the effect of the joint terms on a metric, as a title.

    Args:
        result: the scores without joint terms, or their summary.
        gains: gains of the metrics by the joint terms.
        metric: key of a metric.
    """
    gain = gains["gain"][metric]
    return JOINT_EFFECT_TITLES[joint_effect(result, gain)].format(
        metric=name_metric(metric),
        model=gains["model"][metric].value,
        additive=gains["additive"][metric].value,
        gain=gain.value,
        harm=-gain.value,
        interval=format_interval(gain.low, gain.high),
        signed_interval=format_interval(gain.low, gain.high, "+.3f"),
        harm_interval=format_interval(-gain.high, -gain.low),
        n=gain.n,
    )


def describe_importance(result: LossGame) -> str:
    """Return which modality reduces the loss most, as a title."""
    first = result.order[0]
    value, total = result.shapley[first], result.total
    rival = first if result.ahead is None else result.ahead[0]
    return IMPORTANCE_TITLES[result.importance].format(
        loss=LOSS_NAMES[result.loss],
        first=first,
        value=value.value,
        interval=format_interval(value.low, value.high),
        rival=rival,
        rival_value=result.shapley[rival].value,
        total=total.value,
        total_interval=format_interval(total.low, total.high, "+.3f"),
        start=result.start,
        end=result.end,
        n=total.n,
    )


def describe_ranking(result: Ranking, name: Callable[[str], str] = str) -> str:
    """Return which coalition contributes most, as a title.

    Args:
        name: writes a coalition.
    """
    first = next(iter(result.sizes))
    value = result.sizes[first]
    rival = first if result.ahead is None else result.ahead[0]
    return LEAD_TITLES[result.lead].format(
        first=name(first),
        value=value.value,
        interval=format_interval(value.low, value.high),
        rival=name(rival),
        rival_value=result.sizes[rival].value,
        n=value.n,
    )


def describe_synergies(frame: pd.DataFrame) -> str:
    """Return the agreement of F_syn with the joint terms, as a title.

    Args:
        frame: from `sampled_synergy.synergies`.
    """
    known = frame.dropna()
    if known.empty:
        return NO_SYNERGY
    worst = known.loc[known["correlation"].idxmin()]
    return SYNERGY.format(
        rows=worst["rows"],
        pair=" + ".join(split_term(worst["pair"])),
        error=worst["relative error"],
    )


def describe_multiplicity(result: Basins) -> str:
    """Return how many samples have several explanations over seeds."""
    share = result.share
    return MULTIPLICITY_SENTENCES[result.multiplicity].format(
        share=share.value,
        interval=format_interval(share.low, share.high, ".1%"),
        n=share.n,
        chance=FALSE,
    )


def describe_basins(contrast: BasinContrast | None, values: pd.DataFrame) -> str:
    """Return whether one sample has several explanations, and how they differ most.

    Args:
        contrast: contrast of the sample's basins, or None if there is only one.
        values: of the sample's terms, a row a training seed and a column a term.
    """
    if contrast is None:
        term = (values.max() - values.min()).idxmax()
        return ONE_BASIN.format(
            seeds=len(values),
            term=" + ".join(split_term(term)),
            low=values[term].min(),
            high=values[term].max(),
        )
    term = " + ".join(split_term(contrast.term))
    basins = [
        BASIN.format(term=term, value=value, seeds=", ".join(map(str, members)))
        for value, members in zip(contrast.values, contrast.seeds, strict=True)
    ]
    return BASINS.format(count=len(basins), basins="; ".join(basins))


def fusion_record(study: Study) -> dict[str, Any]:
    """Return whether a model fuses as JSON values, by question: sentences, outcomes and numbers.

    An analysis that cannot be measured has only its reason.
    """
    metric = next(iter(metric_gains.metric_labels(study.dataset)))
    record: dict[str, Any] = {}
    if study.has_truth and study.reads_features:
        result, gains = evidence.remove_joint_terms(study)
        record["emap"] = {
            "says": describe_joint_effect(result, gains, metric),
            "outcome": joint_effect(result, gains["gain"][metric]).value,
            "metrics": bootstrap.interval_frame("metric", **gains).to_dict("records"),
            "rows": result.rows,
            "standard_error": result.error,
        }
    if study.has_truth:
        game = fusion_tests.split_loss(study)
        record["loss"] = {
            "says": describe_importance(game),
            "outcome": game.importance.value,
            "terms": game.frame().to_dict("records"),
        }
    ranked = fusion_tests.rank_coalitions(study, trust.explain_test_rows(study)[0])
    record["ranking"] = {
        "says": describe_ranking(ranked),
        "outcome": ranked.lead.value,
        "coalitions": ranked.frame().to_dict("records"),
    }
    if len(study.modalities) > 1 and study.reads_features:
        frame = fusion_tests.sample_synergies(study)
        record["f_syn"] = {"says": describe_synergies(frame), "pairs": frame.to_dict("records")}
    try:
        basins = seed_clusters.cluster_seeds(study)
        record["basins"] = {
            "says": describe_multiplicity(basins),
            "outcome": basins.multiplicity.value,
            "share": vars(basins.share),
        }
    except QFusionError as error:
        record["basins"] = {"says": str(error)}
    return record
