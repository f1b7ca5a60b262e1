"""Verdicts of an audit, over all rows of its tables."""

import math
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from qfusion import _sentences
from qfusion.plugins.why import evidence

FEWEST = 3  # seeds that tell anything: two may differ by nothing for want of rows
LEVEL = 0.05
SPLIT, UNDECIDED = "split", "undecided"
HERE = " on these rows"
WORSE = (
    "needed",
    "helps",
    "needed" + HERE,
    "helps" + HERE,
)  # verdicts that a resource does good, the strongest first
ORDER = (
    *WORSE,
    "harms",
    "harms" + HERE,
    SPLIT,
    UNDECIDED,
    "not needed",
    "not needed" + HERE,
    evidence.BY_CONSTRUCTION,
)  # as shown
SCOPES = ("rows", "seeds")  # new seeds and new rows; new seeds on these rows
# What is tested: a difference of 0; of the margin or less; of the margin or more either way.
KINDS = ("differs", "more", "within")


class Exemption(Enum):
    """Reason why a test can have only one outcome, so that its row is no test."""

    MODEL_AT_CHANCE = "model at chance"
    JOINT_TRUTH = (
        "joint truth"  # the twin only adds up modalities, and the known truth has joint terms
    )
    SUMS_AT_CHANCE = "sums at chance"  # the twin only adds up modalities, and sums are at chance


# Verdicts, over all rows of a table.


def judge(entries: Sequence[dict[str, Any]]) -> None:
    """Set the verdict of every row of some entries, and its p-values corrected over all rows of them that are tests:
    `holm` beside `differs` of each scope, and beside `p` of counts of seeds."""
    rows = [row for one in entries for row in one["rows"]]
    for row in rows:
        row["verdict"], row["control"] = _untested_verdict(row), ""
        row.pop("control_worth", None)
    tests = [row for row in rows if not row["verdict"]]
    splits = [row for row in rows if row["verdict"] == SPLIT]
    adjusted = _adjust_p_values(tests, splits)
    for row, p in zip(tests, adjusted, strict=True):
        row["verdict"] = _verdict(row, p)
        for scope, test in row["tests"].items():
            test["holm"] = p[scope]["differs"]
    for one in entries:
        _agree(one["rows"])


def _untested_verdict(row: Mapping[str, Any]) -> str:
    """The verdict of a row that no test decides; "" of any other."""
    if row["seeds"] < FEWEST:
        return (
            f"{UNDECIDED} ({_sentences.count(row['seeds'], 'seed')})" if row["seeds"] else UNDECIDED
        )
    if row["excluded"]:
        at_chance = row["excluded"] == Exemption.MODEL_AT_CHANCE.value
        return UNDECIDED if at_chance else evidence.BY_CONSTRUCTION
    return SPLIT if row["learned"] else ""


def _adjust_p_values(
    tests: Sequence[Mapping[str, Any]], splits: Sequence[dict[str, Any]]
) -> list[dict[str, dict[str, float]]]:
    """Return the p-values of tests, by scope and kind. Each kind is corrected over all rows that have it. Counts of
    seeds also test a difference on these rows, and get their p-values too.
    """
    result: list[dict[str, dict[str, float]]] = [{} for _ in tests]
    for scope in SCOPES:
        places = [place for place, row in enumerate(tests) if scope in row["tests"]]
        for kind in KINDS:
            counts = splits if (scope, kind) == ("seeds", "differs") else []
            raw = [tests[place]["tests"][scope][kind] for place in places]
            corrected = evidence.holm([*raw, *(row["p"] for row in counts)])
            for place, p in zip(places, corrected, strict=False):
                result[place].setdefault(scope, {})[kind] = p
            for row, p in zip(counts, corrected[len(places) :], strict=True):
                row["holm"] = p
    return result


def _verdict(row: Mapping[str, Any], adjusted: Mapping[str, Mapping[str, float]]) -> str:
    for scope, where in zip(SCOPES, ("", HERE), strict=True):
        p = adjusted.get(scope)
        if p is None:
            continue
        if p["more"] <= LEVEL:
            return f"needed{where}"
        if p["within"] <= LEVEL:
            return f"not needed{where}"
        if p["differs"] <= LEVEL:
            return f"{'helps' if row['worth'] > 0 else 'harms'}{where}"
    return UNDECIDED


def _agree(rows: Sequence[dict[str, Any]]) -> None:
    """Lower the verdict that a resource is beneficial to that of its controls, which lack the resource too. The
    weakest verdict counts. If a control loses less, no more than that loss can be due to the resource itself.
    """
    own = {
        row["twin"]: (row["verdict"], row["worth"])
        for row in rows
        if "tests" in row and not row["excluded"]
    }
    for row in rows:
        if row["verdict"] not in WORSE:
            continue
        least = row["worth"]
        for control in row["controls"]:
            verdict, worth = own.get(control, ("", math.inf))
            weaker = bool(verdict) and _rank(verdict) > _rank(row["verdict"])
            if weaker:
                row["verdict"] = verdict
            if weaker or worth < least:
                least, row["control"], row["control_worth"] = worth, control, worth
        if row["verdict"] not in WORSE:
            row["verdict"] = UNDECIDED


def _rank(verdict: str) -> int:
    """Return the distance of a verdict from the strongest verdict in favour of a resource."""
    return WORSE.index(verdict) if verdict in WORSE else len(WORSE)


def verdict_rank(verdict: str) -> int:
    """Return the position of a verdict in the order of display. Verdicts that matter come first, and those without a
    test come last.
    """
    return ORDER.index(verdict if verdict in ORDER else UNDECIDED)
