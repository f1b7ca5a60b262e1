"""Conditions of exercises in sentences: what is required, what was seen, and whether all is met."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qfusion._sentences import capitalise, count, listed
from qfusion.analysis.exercise_goals import (
    CURSOR,
    END,
    IS,
    TOLERANCE,
    CheckedCondition,
    Condition,
)
from qfusion.analysis.exercise_quantities import (
    CHANGED,
    KEPT,
    NETWORK,
    PREDICTED,
    TABLES,
    YES,
    split_knobs,
)
from qfusion.analysis.exercises import Outcome
from qfusion.explain.verdicts import NOBODY
from qfusion.quantum import measure_kinds

COMPARED = {"<": "below", "<=": "at most", ">": "above", ">=": "at least"}
# Quantities that are never negative: at most 0 is 0.
SIZES = (
    "negativity",
    "mutual_information",
    "total_correlation",
    "entropy",
    "changes",
    "edits",
    "noise",
)
# A number, as a noun phrase. {part}: what it is of.
NUMBERS = {
    "score": "the score",
    "error": "the error of the score",
    "probability": "the softmax of ‘{part}’",
    "metric": "the test metric {part}",
    "term": "the contribution of {part}",
    "share": "the Shapley share of {part}",
    "shapley": "the Shapley value of {part}",
    "own": "the sum of the own terms",
    "joint": "the sum of the joint terms",
    "joint_share": "the share of the joint terms",
    "time": "the time of the cursor",
    "overtaking": "the cursor's distance from the time at which the joint terms overtake",
    "trajectory_error": "the distance of the mean of the runs from the master equation",
    "runs": "the number of trajectories",
    "steady_distance": "the trace distance of the state at T to the steady state",
    "gap": "the spectral gap",
    "changes": "the number of changes to the model",
    "edits": "the number of changed entries of the truth tables",
    "knob": "the slider {part}",
    "largest_factor": "the largest factor on a coupling or dissipation",
    "noise": "the strength of {part}",
    "shots": "the number of shots",
    "noisy_score": "the score under noise",
    "noisy_lead": "the lead of the first class under noise, in standard errors",
}
STATES = "the {measure} of {part}{time}"
ALL_TOGETHER = "all modalities"
AT_END, AT_CURSOR, AT_SHARE = "", " at the time cursor", " at {share} T"
# A word, as a sentence. {value}: the word; {be}: "is" or "is not".
WORDS = {
    "class": "the predicted class {be} ‘{value}’",
    "sign": "the score {be} {value}",
    "verdict": "the verdict {be} {value}",
    "noisy_class": "the predicted class under noise {be} ‘{value}’",
    "model": "the model {be} {value}",
    "sample": "the sample {be} {value}",
    "split": "the sample {be} of the {value} split",
    "output": "the explained output {be} {value}",
    "explained": "the explained class {be} ‘{value}’",
    "background": "the background {be} {value}",
    "option": "the choice ‘{part}’ {be} ‘{value}’",
}
# What a word is of, as a noun phrase.
WORD_NAMES = {
    "decision": "the decision, compared with the model as trained",
    "class": "the predicted class",
    "sign": "the sign of the score",
    "correct": "whether the decision is right",
    "leader": "the leading modality",
    "verdict": "the verdict",
    "changed": "what may be changed",
    "noisy_class": "the predicted class under noise",
    "noisy_decision": "the decision under noise, compared with the exact circuit",
    "model": "the model",
    "sample": "the sample",
    "split": "the split of the sample",
    "output": "the explained output",
    "explained": "the explained class",
    "background": "the background",
    "option": "the choice {part}",
}
DECISIONS = {
    True: "the decision is that of the model as trained",
    False: "the decision differs from that of the model as trained",
}
NOISY_DECISIONS = {
    True: "noise does not change the decision",
    False: "noise changes the decision",
}
CORRECT = {True: "the decision is right", False: "the decision is wrong"}
LEADS, LEADS_NOT = "{value} leads the decision", "{value} does not lead the decision"
NOBODY_LEADS, SOMEBODY_LEADS = "no modality leads the decision", "a modality leads the decision"
EXPLAINED_DECIDED = {
    True: "the predicted class is explained",
    False: "another output than the predicted class is explained",
}
ONLY = "only {knobs} changed"
GROUPS = {
    "H": "couplings",
    "D": "dissipation",
    "T": "the duration",
    TABLES: "truth tables",
    NETWORK: "angles of the network",
}
NOTHING_CHANGED = "nothing"
SOLVED = "Solved: {conditions} met."
OPEN = "{met} of {conditions} met."


def describe_condition(condition: Condition) -> str:
    """Return what a condition requires, as a sentence without its stop."""
    return capitalise(_requirement(condition))


def _requirement(condition: Condition) -> str:
    if condition.quantity == "changed":
        return _only(condition)
    if condition.spec.is_number:
        return f"{_noun(condition)} is {_bound(condition)}"
    value, positive = str(condition.value), condition.operator == IS
    match condition.quantity:
        case "decision":
            return DECISIONS[(value == KEPT) == positive]
        case "noisy_decision":
            return NOISY_DECISIONS[(value == KEPT) == positive]
        case "correct":
            return CORRECT[(value == YES) == positive]
        case "leader" if value == NOBODY:
            return NOBODY_LEADS if positive else SOMEBODY_LEADS
        case "leader":
            return (LEADS if positive else LEADS_NOT).format(value=value)
        case "output" if value == PREDICTED:
            return EXPLAINED_DECIDED[positive]
    return WORDS[condition.quantity].format(value=value, be=condition.operator, part=condition.part)


def _only(condition: Condition) -> str:
    parts = [GROUPS.get(knob, knob) for knob in split_knobs(str(condition.value))]
    verb = "is" if len(parts) == 1 and parts[0] not in _PLURAL else "are"
    return ONLY.format(knobs=f"{listed(parts)} {verb}")


_PLURAL = (GROUPS["H"], GROUPS[TABLES], GROUPS[NETWORK])


def name_quantity(quantity: str, part: str = "", time: str = END) -> str:
    """Return what a condition can be on, as a noun phrase: "the contribution of text + audio".

    Args:
        quantity, part, time: as of a `Condition`.
    """
    shown = part.replace("+", " + ")
    if quantity in WORD_NAMES:
        return WORD_NAMES[quantity].format(part=shown)
    if quantity in NUMBERS:
        return NUMBERS[quantity].format(part=shown)
    when = {END: AT_END, CURSOR: AT_CURSOR}.get(time, AT_SHARE.format(share=time))
    return STATES.format(
        measure=measure_kinds.KINDS[quantity].title,
        part=shown.replace(":", " with ") or ALL_TOGETHER,
        time=when,
    )


def _noun(condition: Condition) -> str:
    return name_quantity(condition.quantity, condition.part, condition.time)


def _bound(condition: Condition) -> str:
    bound = float(condition.value)
    if bound == 0 and condition.operator == "<=" and condition.quantity in SIZES:
        return "0"
    return f"{COMPARED[condition.operator]} {bound:g}{_unit(condition)}"


def _unit(condition: Condition) -> str:
    return f" {condition.spec.unit}" if condition.spec.unit else ""


def describe_seen(checked: CheckedCondition) -> str:
    """Return what was seen for a condition: "0.31 bits", "audio", or why there is nothing."""
    if checked.problem:
        return checked.problem
    condition, seen = checked.condition, checked.seen
    if seen is None:
        return ""
    if isinstance(seen, str):
        return _word_seen(condition, seen)
    return f"{format_beside(float(seen), float(condition.value))}{_unit(condition)}"


def _word_seen(condition: Condition, seen: str) -> str:
    if condition.quantity == "changed":
        return listed(list(split_knobs(seen))) if seen else NOTHING_CHANGED
    if condition.quantity == "leader":
        return "none leads" if seen == NOBODY else seen
    if condition.quantity == "decision":
        return "it differs" if seen == CHANGED else "it does not differ"
    if condition.quantity == "noisy_decision":
        return "it does" if seen == CHANGED else "it does not"
    if condition.quantity == "correct":
        return "it is right" if seen == YES else "it is wrong"
    return seen


def format_beside(seen: float, bound: float) -> str:
    """Return a number in as few digits as tell it from a bound, three or more."""
    if not math.isfinite(seen):
        return "infinite"
    if abs(seen) <= TOLERANCE:
        return "0"
    for digits in range(3, 12):
        text = f"{seen:.{digits}g}"
        if float(text) != bound:
            break
    return text


def describe_outcome(outcome: Outcome) -> str:
    """Return how many conditions are met, as a sentence; with what the exercise shows once all are."""
    total = len(outcome.conditions)
    met = sum(condition.met for condition in outcome.conditions)
    if not outcome.solved:
        return OPEN.format(
            met=met, conditions=f"{count(total, 'condition')} {_be(met if total > 1 else 1)}"
        )
    words = SOLVED.format(
        conditions=f"the condition {_be(total)}" if total == 1 else f"all {total} conditions are"
    )
    return f"{words} {outcome.exercise.lesson}".strip()


def _be(number: int) -> str:
    return "is" if number == 1 else "are"


def describe_progress(solved: Sequence[str], total: int) -> str:
    """Return how many exercises of the course are solved."""
    if not solved:
        return "None is solved yet in this session"
    if len(solved) == total:
        return f"All {total} exercises are solved"
    return f"{len(solved)} of {total} exercises are solved in this session"
