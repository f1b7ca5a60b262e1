"""The claim about parameters on the leaderboard: the entangled network beside classical heads of every size.

All heads have the same encoders, which hold most of the parameters. So both counts are said: after the encoders, and in
total. Every classical head is compared, whatever its size: no ratio decides who is. The primary outcome is the accuracy
against the concatenation network, the plainest head; its p is adjusted over data sets. The others' p is adjusted over
the rivals of their board.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import comparisons
import tables
from leaderboard_numbers import at_most, probability

SYSTEM, PRIMARY = "qcnn", "concatenation"
LATE, SMALL = "late", "bilinear-small"
FOR, AGAINST, OPEN = "for", "against", "open"
TITLE = "The entangled network does as well as classical heads with many more parameters after the encoders"
FINDINGS = {FOR: "better", AGAINST: "worse", OPEN: "not told apart"}


def parameters(
    boards: Mapping[str, Any], contenders: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Returns the claim's numbers, an entry for each data set of classes and each classical head on its board."""
    entries = []
    for name, board in boards.items():
        tests = board["tests"].get("accuracy", {}).get(SYSTEM)
        if board["headline"] != "accuracy" or tests is None:
            continue
        for rival, pair in tests["against"].items():
            if contenders[rival]["role"] == "baseline":
                entries.append(_entry(name, board["rows"], rival, pair))
    return judged(entries)


def _entry(
    name: str, rows: Mapping[str, Any], rival: str, pair: Mapping[str, Any]
) -> dict[str, Any]:
    own, theirs = rows[SYSTEM], rows[rival]
    return {
        "data": name,
        "rival": rival,
        "primary": rival == PRIMARY,
        "own": own["after_encoders"],
        "theirs": theirs["after_encoders"],
        "own_total": own["parameters"],
        "their_total": theirs["parameters"],
        "accuracy": own["test"]["accuracy"]["mean"],
        "rival_accuracy": theirs["test"]["accuracy"]["mean"],
        **pair,
    }


def judged(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns entries with the verdict of each: "for" where the network is better, "against" where it is worse, both
    with an adjusted p below 0.05, else "open". The primary outcome's p is adjusted over data sets here."""
    primary = [entry for entry in entries if entry["primary"]]
    corrected = comparisons.holm([entry["p"] for entry in primary])
    over_data = {
        entry["data"]: float(f"{p:.6g}") for entry, p in zip(primary, corrected, strict=True)
    }
    result = []
    for entry in entries:
        holm = over_data[entry["data"]] if entry["primary"] else entry["holm"]
        result.append({**entry, "holm": holm, "verdict": _verdict(entry["difference"], holm)})
    return result


def _verdict(difference: float, holm: float) -> str:
    if holm >= comparisons.ALPHA:
        return OPEN
    return FOR if difference > 0 else AGAINST


def ratio(theirs: int, own: int) -> str:
    """Returns how many times as many parameters a rival has, in words."""
    if theirs == 0:
        return "none"
    times = theirs / own
    written = f"{times:.0f}" if times >= 10 else f"{times:.2f}" if times >= 0.1 else f"{times:.2g}"
    return f"{written} times as many"


def sentence(entry: Mapping[str, Any], title: str, label: str) -> str:
    """Returns what came out against one head on one data set."""
    counts = (
        f"{entry['theirs']:,} ({ratio(entry['theirs'], entry['own'])}) and {entry['their_total']:,} "
        f"({ratio(entry['their_total'], entry['own_total'])})"
    )
    return (
        f"{title}: {entry['accuracy']:.4f} with {entry['own']:,} parameters after the encoders and "
        f"{entry['own_total']:,} in total, against {entry['rival_accuracy']:.4f} of {label} with {counts}; difference "
        f"{interval(entry)} over seeds and {entry['items']:,} test items, {probability(entry['p'])}, adjusted "
        f"{probability(entry['holm'])}. {finding(entry)}"
    )


def interval(entry: Mapping[str, Any]) -> str:
    """Returns a difference with its 95 % interval."""
    return f"{entry['difference']:+.4f} [{entry['low']:+.4f}, {entry['high']:+.4f}]"


def finding(entry: Mapping[str, Any]) -> str:
    """Returns the verdict on one comparison as a sentence."""
    if entry["verdict"] == OPEN:
        return f"The two are not told apart: at most {at_most(entry['bound'], 4)} apart (90 % interval)."
    return f"The network is {FINDINGS[entry['verdict']]}."


def short_finding(entry: Mapping[str, Any]) -> str:
    """Returns the verdict on one comparison in a few words."""
    bound = f", at most {at_most(entry['bound'], 4)}" if entry["verdict"] == OPEN else ""
    return FINDINGS[entry["verdict"]] + bound


def table(claims: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> str:
    """Returns the claim's table: a row for each data set and head."""
    rows, seen = [], ""
    for entry in claims:
        rows.append(
            [
                f"`{entry['data']}`" if entry["data"] != seen else "",
                labels[entry["rival"]] + (" (primary)" if entry["primary"] else ""),
                ratio(entry["theirs"], entry["own"]),
                ratio(entry["their_total"], entry["own_total"]),
                interval(entry),
                f"{probability(entry['p'])}, {probability(entry['holm'])}",
                short_finding(entry),
            ]
        )
        seen = entry["data"]
    header = [
        "Data",
        "Classical head",
        "Parameters after the encoders",
        "in total",
        "Accuracy, network - head [95 %]",
        "p, adjusted",
        "The network is",
    ]
    return tables.markdown(header, rows)


def summary(claims: Sequence[Mapping[str, Any]]) -> str:
    """Returns what came out over all boards: both counts of parameters, the primary outcome, and what the two smallest
    classical heads reach. Nothing where there is no board of classes."""
    primary = [entry for entry in claims if entry["rival"] == PRIMARY]
    if not primary:
        return ""
    after = [entry["theirs"] / entry["own"] for entry in primary]
    total = [entry["their_total"] / entry["own_total"] for entry in primary]
    own = [entry["own"] for entry in primary]
    lines = [
        f"After the encoders the entangled network has {min(own):,} to {max(own):,} parameters and the concatenation "
        f"network {_range(after)} times as many; with the encoders, which both have, {_range(total)} times as many.",
        f"Accuracy against it, the primary outcome: {counted(primary)}.",
    ]
    for rival, words in (
        (SMALL, "Against a bilinear head of 100 to 300 parameters"),
        (LATE, "Against late fusion, which has no parameters after the encoders"),
    ):
        own_entries = [entry for entry in claims if entry["rival"] == rival]
        if own_entries:
            lines.append(f"{words}: {counted(own_entries)}.")
    return " ".join(lines)


def _range(values: Sequence[float]) -> str:
    low, high = (
        f"{value:.0f}" if value >= 10 else f"{value:.2f}" for value in (min(values), max(values))
    )
    return low if low == high else f"{low} to {high}"


def counted(entries: Sequence[Mapping[str, Any]]) -> str:
    """Returns on which data sets the network is better, worse, or not told apart from a head."""
    parts = []
    for verdict, words in FINDINGS.items():
        names = [f"`{entry['data']}`" for entry in entries if entry["verdict"] == verdict]
        if names:
            parts.append(f"{words} on {_listed(names)}")
    return ", ".join(parts)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
