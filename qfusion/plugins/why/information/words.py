"""The need of data for fusion: the information of modalities about the target, and the gain of joint models."""

from collections.abc import Callable, Iterator

from qfusion._sentences import listed
from qfusion.data.examine import value_scans
from qfusion.explain.bootstrap import Interval
from qfusion.plugins.why.information.fusion_baselines import (
    GAIN,
    MORE,
    BaselineComparison,
    Evaluation,
    JointGain,
)
from qfusion.plugins.why.information.information import REST, Estimate, Finding
from qfusion.plugins.why.information.information_parts import GAUSSIAN, LEARNED, REDUNDANCY, SYNERGY
from qfusion.views.words.rules import format_interval, format_known

# Information that small models find.
FINDINGS: dict[Finding, str] = {
    Finding.UNKNOWN: "{n:,} rows are too few to estimate the information about the target",
    Finding.NOT_SHOWN: (
        "Small models find no significant information about the target ({value:.2f} of its {entropy:.2f} bits); other "
        "models may find some"
    ),
    Finding.FOUND: (
        "Small models find at least {low:.2f} of the target's {entropy:.2f} bits (estimate {value:.2f}{parts}{synergy})"
    ),
}
PARTS, NO_PART = ": {parts}", "; no single part is significant"
GROUPED_PARTS = "; {name} against the {others} others together: {parts}"
UNIQUE, REDUNDANT, SYNERGISTIC = "unique to {name}", "redundant", "synergistic"
UNIQUE_TO_OTHERS = "unique to the others"
NO_SYNERGY = "; these models find no significant synergy"
NO_GROUPED_SYNERGY = "; these models find no significant synergy of {name} with the others"
AMONG_OTHERS = "; what is unique to the others may be synergy among them"
JOINT_MORE = ". Joint models find {gain} bits more than late ones"
OVER_ROWS = "{value:.2f} ({range} over resampled rows)"
JOINT_NOT_MORE = ". Joint models find no significant information beyond late ones"
DISAGREE = ". Estimators disagree: {parts}"
VISIBLE_GAP = 0.005  # bits

# Gain of joint models over late ones.
GAIN_TITLES: dict[JointGain, str] = {
    JointGain.UNKNOWN: "{n:,} rows are too few to compare joint with late models",
    JointGain.GAIN: "Joint models gain {joint} {metric} over late ones",
    JointGain.LOSS: "Joint models do worse than late ones: {joint} {metric}",
    JointGain.NOT_SHOWN: (
        "Joint models: no significant gain over late ones (95% CI {interval} {metric}); {late}"
    ),
}
LATE_GAIN = "late ones gain {gain} over the best modality"
LATE_NO_GAIN = "late ones: no significant gain over the best modality"

# How rows were selected and models evaluated.
LABEL_LEAK = (
    "The features of {modality} seem to have been made with the labels of training rows: test rows are predicted far "
    "worse than held-out training rows (loss {outside:.2f} against {inside:.2f}). Only the {rows:,} test rows are used."
)
DRAWN = "{rows:,} of {whole:,} rows, drawn at random."
PREDICTED = (
    "Rows share content of several kinds. {predicted:,} of them are predicted by models that saw none of it; the "
    "others are used for training only."
)
SHARED = "Content is shared across rows: {shared}. Rows with the same content are held out together where possible."
BELOW_CHANCE = (
    "Not used, since below chance on held-out rows: {models}. Patterns of the training rows are reversed in the "
    "held-out rows, as in balanced pairs."
)
MODEL_ON = "{member} on {modality}"
UNFINISHED = "{unfinished} of {fits} fits stopped before convergence."

# The method of estimation.
QUANTILES = (
    "The target is cut into {classes} classes by quantiles to measure information in bits; the Gaussian estimator uses "
    "the values themselves."
)
GROUPED = (
    "Of {modalities} modalities, {leading} adds most information first and last; it is compared with all others "
    "together. Synergy among these others is part of what they tell together."
)
ESTIMATORS = (
    "The learned estimator uses levels of the best small model's output, the cluster estimator {cells} clusters by "
    "k-means of every modality. Both are corrected by shuffled labels for the bias of few rows in many cells. Labels "
    "of rows that share content are shuffled together."
)
BOUNDS = (
    "The total, and the information of each modality alone, are lower bounds of the information in the data, since no "
    "function of features can increase it. There is no upper bound, since small models may miss any information. Parts "
    "are of the information found: 0 or more, and together the total. The parts in the data may be larger or smaller, "
    "also beyond their ranges over resampled rows."
)
GAP = "The search for the union information stopped at most {gap:.3f} bits above it."


def describe_information(result: Estimate, name: Callable[[str], str] = str) -> str:
    """Return the findings of small models about the target, the significant parts, and disagreements between
    estimators.

    Args:
        name: writes a modality.
    """
    main = result.main
    labels = {
        **{source: UNIQUE.format(name=name(source)) for source in main.sources},
        REDUNDANCY: REDUNDANT,
        SYNERGY: SYNERGISTIC,
    }
    if result.grouped:
        labels[REST] = UNIQUE_TO_OTHERS
    sentence = FINDINGS[result.finding].format(
        n=main.n,
        entropy=result.entropy,
        value=main.total.value,
        low=main.total.low,
        parts=_describe_parts(result, labels, name),
        synergy=_describe_synergy(result, name),
    )
    if result.finding == Finding.UNKNOWN:
        return sentence
    return sentence + _describe_gain(result.gain) + _describe_disagreement(result, labels)


def _describe_parts(result: Estimate, labels: dict[str, str], name: Callable[[str], str]) -> str:
    parts = listed([f"{part.value:.2f} {labels[key]}" for key, part in result.significant.items()])
    if not parts:
        return NO_PART
    if not result.grouped:
        return PARTS.format(parts=parts)
    return GROUPED_PARTS.format(
        name=name(result.main.sources[0]), others=len(result.modalities) - 1, parts=parts
    )


def _describe_synergy(result: Estimate, name: Callable[[str], str]) -> str:
    """Return whether no synergy is found, and where some may be hidden."""
    significant = result.significant
    sentence = ""
    if significant and SYNERGY not in significant:
        template = NO_GROUPED_SYNERGY if result.grouped else NO_SYNERGY
        sentence = template.format(name=name(result.main.sources[0]))
    return sentence + (AMONG_OTHERS if REST in significant else "")


def _describe_gain(gain: Interval) -> str:
    if not gain.known:
        return ""
    if gain.low > 0:
        values = format_interval(gain.low, gain.high, ".2f")
        return JOINT_MORE.format(gain=OVER_ROWS.format(value=gain.value, range=values))
    return JOINT_NOT_MORE


def _describe_disagreement(result: Estimate, labels: dict[str, str]) -> str:
    others_by_part: dict[str, list[str]] = {}
    for key, other in result.apart:
        value = f"{other.estimator} {other.parts[key].value:.2f}"
        others_by_part.setdefault(key, []).append(value)
    if not others_by_part:
        return ""
    parts = [
        f"{labels[key]} {result.main.parts[key].value:.2f} ({', '.join(others)})"
        for key, others in others_by_part.items()
    ]
    return DISAGREE.format(parts=listed(parts))


def describe_estimation(result: Estimate) -> Iterator[str]:
    """Yield sentences about the method of estimation."""
    main = result.by[LEARNED]
    if GAUSSIAN in result.by:  # of numbers alone
        yield QUANTILES.format(classes=main.classes)
    if result.grouped:
        yield GROUPED.format(modalities=len(result.modalities), leading=main.sources[0])
    yield ESTIMATORS.format(cells=result.cells)
    yield BOUNDS
    gap = max(decomposition.gap for decomposition in result.by.values())
    if gap > VISIBLE_GAP:
        yield GAP.format(gap=gap)


def describe_baselines(result: BaselineComparison) -> str:
    """Return the gain of joint models over late ones, as a title."""
    joint, late = result.scores[GAIN], result.scores[MORE]
    return GAIN_TITLES[result.joint_gain].format(
        n=result.n,
        metric=result.metric,
        joint=format_known(joint, "+.3f"),
        interval=format_interval(joint.low, joint.high, "+.3f"),
        late=LATE_GAIN.format(gain=format_known(late, "+.3f"))
        if result.late_gains
        else LATE_NO_GAIN,
    )


def describe_evaluation(evaluation: Evaluation | None) -> Iterator[str]:
    """Yield sentences about the evaluated rows and the convergence of the fits."""
    if evaluation is None:
        return
    if evaluation.leak:
        yield LABEL_LEAK.format(**vars(evaluation.leak))
    if evaluation.rows < evaluation.whole:
        yield DRAWN.format(rows=evaluation.rows, whole=evaluation.whole)
    if evaluation.predicted < evaluation.rows:
        yield PREDICTED.format(predicted=evaluation.predicted)
    if evaluation.different:
        yield SHARED.format(
            shared=value_scans.describe_shared_rows(evaluation.different, evaluation.rows)
        )
    if evaluation.below_chance:
        models = [
            MODEL_ON.format(member=member, modality=modality)
            for modality, member in evaluation.below_chance
        ]
        yield BELOW_CHANCE.format(models=", ".join(models))
    if evaluation.unfinished:
        yield UNFINISHED.format(unfinished=evaluation.unfinished, fits=evaluation.fits)
