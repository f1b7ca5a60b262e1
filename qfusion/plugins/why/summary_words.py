"""Whether a model and its data fuse, in one sentence of the findings of Why fuse."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qfusion._sentences import capitalise, listed, share
from qfusion.explain.backgrounds import JointEffect, joint_effect
from qfusion.plugins.why.audit.audit_rows import WITHIN, ends
from qfusion.plugins.why.audit.audit_verdicts import WORSE
from qfusion.plugins.why.information.fusion_baselines import GAIN, BaselineComparison, JointGain
from qfusion.plugins.why.pieces.gate_shapley import GateGroups
from qfusion.plugins.why.pieces.generator_pruning import Pruning, PruningOutcome
from qfusion.plugins.why.summary import FusionSummary, Part
from qfusion.views.words.rules import format_estimate, format_known, name_metric

# The model.
JOINT: dict[JointEffect, str] = {
    JointEffect.ONE_MODALITY: "**the model has one modality**, so that there is nothing to fuse",
    JointEffect.UNKNOWN: "**too few samples** tell whether joint terms help",
    JointEffect.GAIN: (
        "**the model fuses**: {metric} is {additive:.3f} without joint terms, {model:.3f} with them, better by {gain}"
    ),
    JointEffect.HARM: (
        "**fusing harms**: {metric} is {additive:.3f} without joint terms, {model:.3f} with them, worse by {harm}"
    ),
    JointEffect.NOT_SHOWN: (
        "**no gain from fusing is shown**: {metric} is {additive:.3f} without joint terms, {model:.3f} with them, "
        "a change of {change}"
    ),
}

# The data.
DATA: dict[JointGain, str] = {
    JointGain.UNKNOWN: "the data have too few rows to compare joint with late models",
    JointGain.GAIN: "in the data, small joint models do better than late ones ({gain})",
    JointGain.LOSS: "in the data, small joint models do worse than late ones ({gain})",
    JointGain.NOT_SHOWN: "in the data, small joint models have no significant gain over late ones ({gain})",
}

# The quantum part.
RESOURCES_HELP = "{count} of {total} quantum resources {help}, most {resource} ({gain})"
NO_RESOURCE = (
    "none of {total} quantum resources is shown to help (largest effect: {resource}, {gain})"
)
CUTS = "cut from the trained model, {count} of {total} quantum resources {matter}, most {resource} ({gain})"
NO_CUT = (
    "cut from the trained model, none of {total} quantum resources is shown to matter (largest effect: {resource}, "
    "{gain})"
)
NOT_AUDITED = "whether its quantum resources matter is not measured"

# The pieces.
TERMS: dict[PruningOutcome, str] = {
    PruningOutcome.NO_GAIN: "its generator has no significant effect ({gain})",
    PruningOutcome.NO_TERMS: "no generator term is kept, since none improves {metric}",
    PruningOutcome.KEEPS: "{size} of {all} generator terms keep {share} of the generator's gain{interval}",
}
SHARE_INTERVAL = " (95% CI {low} to {high})"
GATES = "{group} lowers the loss most, by {value}"
NO_GATES = "no gate group lowers the loss significantly"

GAIN_WITH_INTERVAL = "{value} {metric}, 95% CI {low} to {high}"

NAMES: dict[Part, str] = {
    Part.JOINT: "whether joint terms help",
    Part.DATA: "whether the data need fusion",
    Part.RESOURCES: "which quantum resources matter",
    Part.TERMS: "the smallest generator",
    Part.GATES: "which gate groups matter",
}
GAME = "In a measured game, the joint terms say whether its players fuse."
NOTHING_YET = "Whether this model fuses is being computed."
RUNNING = "Being computed: {parts}."
WAITING = "Still to compute: {parts}."
FAILED = "Could not be computed: {parts}."


def summarise_fusion(summary: FusionSummary, name: Callable[[str], str] = str) -> str:
    """Return the findings that are known, as one sentence in Markdown.

    Args:
        name: writes a name.
    """
    if not summary.parts:
        return GAME
    clauses = [_describe_joint(summary)]
    if summary.information is not None:
        clauses.append(_describe_data(summary.information.baselines))
    if summary.resources is not None:
        clauses.append(_describe_resources(summary.resources, name))
    if summary.terms is not None:
        clauses.append(_describe_terms(summary.terms))
    if summary.gates is not None:
        clauses.append(_describe_gates(summary.gates, name))
    known = [clause for clause in clauses if clause]
    if not known:
        return NOTHING_YET
    return "; ".join([_begin(known[0]), *known[1:]]) + "."


def describe_missing(summary: FusionSummary, is_running: bool) -> str:
    """Return which parts of a summary are not there, and why; empty if it is whole."""
    sentences = []
    if summary.missing:
        template = RUNNING if is_running else WAITING
        sentences.append(template.format(parts=listed([NAMES[part] for part in summary.missing])))
    if summary.failed:
        sentences.append(FAILED.format(parts=listed([NAMES[part] for part in summary.failed])))
    return " ".join(sentences)


def _begin(clause: str) -> str:
    """Return the first clause with a capital letter."""
    if clause.startswith("**"):
        return "**" + capitalise(clause.removeprefix("**"))
    return capitalise(clause)


def _describe_joint(summary: FusionSummary) -> str:
    if summary.joint is None:
        return ""
    result, gains = summary.joint
    gain = gains["gain"][summary.metric]
    return JOINT[joint_effect(result, gain)].format(
        metric=name_metric(summary.metric),
        additive=gains["additive"][summary.metric].value,
        model=gains["model"][summary.metric].value,
        gain=format_known(gain, ".3f"),
        change=format_known(gain, "+.3f"),
        harm=format_estimate(-gain.value, -gain.high, -gain.low),
    )


def _describe_data(result: BaselineComparison) -> str:
    score = result.scores[GAIN]
    gain = _format_gain(score.value, score.low, score.high, result.metric)
    return DATA[result.joint_gain].format(gain=gain)


def _describe_resources(audit: Mapping[str, Any], name: Callable[[str], str]) -> str:
    tested: Sequence[Mapping[str, Any]] = [row for row in audit["rows"] if "tests" in row]
    if not tested:
        return _describe_cuts(audit, name)
    helping = [row for row in tested if row["verdict"] in WORSE]
    most = max(helping or tested, key=lambda row: float(row["worth"]))
    scope = "rows" if "rows" in most["tests"] else "seeds"
    gain = _format_gain(float(most["worth"]), *ends(most, scope), audit["short"])
    template = RESOURCES_HELP if helping else NO_RESOURCE
    return template.format(
        count=len(helping),
        total=len(tested),
        help="helps" if len(helping) == 1 else "help",
        resource=name(most["resource"]),
        gain=gain,
    )


def _describe_cuts(audit: Mapping[str, Any], name: Callable[[str], str]) -> str:
    """Return which resources the trained model loses most without, where no twins were trained."""
    cuts = audit.get("cuts")
    if cuts is None or cuts.empty:
        return NOT_AUDITED
    needed = cuts[cuts["loses:low"] > WITHIN]
    some = cuts if needed.empty else needed
    most = some.loc[some["loses"].idxmax()]
    template = NO_CUT if needed.empty else CUTS
    return template.format(
        count=len(needed),
        total=len(cuts),
        matter="matters" if len(needed) == 1 else "matter",
        resource=name(most["resource"]),
        gain=_format_gain(most["loses"], most["loses:low"], most["loses:high"], audit["short"]),
    )


def _format_gain(value: float, low: float, high: float, metric: str) -> str:
    """Return a gain with its interval: "+0.050 accuracy, 95% CI +0.030 to +0.070"."""
    is_word = metric.replace(" ", "").isalpha() and not metric.isupper()
    return GAIN_WITH_INTERVAL.format(
        value=format(value, "+.3f"),
        metric=metric[:1].lower() + metric[1:] if is_word else metric,
        low=format(low, "+.3f"),
        high=format(high, "+.3f"),
    )


def _describe_terms(result: Pruning) -> str:
    k, shares, gain = result.size, result.shares, result.gain
    low = high = float("nan")
    if gain.low is not None and gain.high is not None:
        low = float(gain.low[0])
        high = float(gain.high[0])
    interval = ""
    if shares.low is not None and shares.high is not None:
        interval = SHARE_INTERVAL.format(
            low=share(float(shares.low[k])), high=share(float(shares.high[k]))
        )
    return TERMS[result.outcome].format(
        metric=name_metric(result.metric),
        gain=_format_gain(float(gain.value[0]), low, high, name_metric(result.metric)),
        size=k,
        all=len(result.terms),
        share=share(float(shares.value[k])),
        interval=interval,
    )


def _describe_gates(result: GateGroups, name: Callable[[str], str]) -> str:
    values = [interval.value for interval in result.losses]
    first = values.index(min(values))
    interval = result.losses[first]
    if not interval.known or interval.high >= 0:
        return NO_GATES
    by = format_estimate(-interval.value, -interval.high, -interval.low)
    return GATES.format(group=name(result.groups[first].title), value=by)
