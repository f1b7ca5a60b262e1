"""Verdicts of an audit of quantum resources, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from qfusion._sentences import listed
from qfusion.plugins.why.audit.audit_plan import RESOURCES
from qfusion.plugins.why.audit.audit_verdicts import UNDECIDED, Exemption, verdict_rank

MOST_NAMED = 3  # resources of a verdict that are named; more are counted
VERDICT = "{verdict}: {resources}"
COUNTED = "{count} of {total} resources"
MODEL_KIND = "a {kind} with the leaderboard's settings"
EXEMPTIONS: dict[Exemption, str] = {
    Exemption.MODEL_AT_CHANCE: "the model itself is at chance with every seed, so no twin can be worse",
    Exemption.JOINT_TRUTH: (
        "the twin can only add up modalities, and the known truth of these data has joint terms"
    ),
    Exemption.SUMS_AT_CHANCE: (
        "the twin can only add up modalities, and sums over modalities are at chance on these data"
    ),
}
SEEDS_LEARNED = (
    "the twin learns with {twin} of {seeds} seeds, the model with {model} (p = {p:.2g}, "
    "adjusted {adjusted:.2g})"
)
CONTROL = "the twin without {control} also lacks it and"
CONTROL_LOSES_NOTHING = CONTROL + " loses nothing ({loss:+.3f})"
CONTROL_NOT_SIGNIFICANT = CONTROL + " shows no significant loss ({loss:+.3f})"
CONTROL_BOUNDS = "at most {loss:+.3f} is due to it alone: " + CONTROL + " loses no more"


def summarise_audit(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Return the verdicts with their resources, the strongest verdict first.

    Args:
        rows: rows of the audit.
        names: names of their resources, in the same order.
    """
    members: dict[str, list[str]] = {}
    for row, name in zip(rows, names, strict=True):
        members.setdefault(row["verdict"], []).append(name)
    parts = []
    for verdict in sorted(members, key=verdict_rank):
        some = members[verdict]
        if len(some) <= MOST_NAMED:
            resources = listed(some)
        else:
            resources = COUNTED.format(count=len(some), total=len(names))
        parts.append(VERDICT.format(verdict=verdict, resources=resources))
    return "; ".join(parts)


def explain_verdict(row: Mapping[str, Any]) -> str:
    """Return the reason for a verdict besides the interval, or an empty string if it is the interval alone.

    The reason is why a row is no test, how many seeds learned, or which control decides.
    """
    if row["excluded"]:
        return EXEMPTIONS[Exemption(row["excluded"])]
    if row["learned"]:
        model, twin = row["learned"]
        return SEEDS_LEARNED.format(
            twin=twin, seeds=row["seeds"], model=model, p=row["p"], adjusted=row["holm"]
        )
    if not row["control"]:
        return ""
    titles = (resource.title for resource in RESOURCES if resource.twin == row["control"])
    control = next(titles, row["control"])
    if row["control_worth"] <= 0:
        template = CONTROL_LOSES_NOTHING
    elif row["verdict"] == UNDECIDED:
        template = CONTROL_NOT_SIGNIFICANT
    else:
        template = CONTROL_BOUNDS
    return template.format(control=control, loss=row["control_worth"])


def name_audited_model(audit: Mapping[str, Any], other: str) -> str:
    """Return the name of the audited model: its kind for a model of the leaderboard, `other` for the reader's own."""
    return MODEL_KIND.format(kind=audit["kind"]) if "kind" in audit else other
