"""What came out of benchmarks/claims.py in words and tables; no sentence here is for or against anything until numbers
fill it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tables
from leaderboard_text import SAID, digits_of, probability
from leaderboard_text import short as metric_name

SIGN = {"better": "jump better", "worse": "jump worse", "open": ""}


def sentence(entry: Mapping[str, Any], tests: Sequence[Mapping[str, Any]], title: str, reverse: bool) -> str:
    """Returns what was measured for one claim on one data set, then what it says.

    Args:
        entry: with `seeds`, `rival` and `verdict` (words of a part -> for, against or open).
        tests: of the jump dynamics against one rival. title: of the data. reverse: whether the claim is the rival's.
    """
    parts, before = [], ""
    for test in tests:
        sides = [number(test[side], test) for side in ("jump", "other")]
        a, b = reversed(sides) if reverse else sides
        words = test["words"].rpartition(", ")[2] if test["outcome"] == before else test["words"]
        parts.append(
            f"{words} {a} against {b}{' at t = 0' if test['rival'] == 'start' else ''} ({probability(test['holm'])})")
        before = test["outcome"]
    verdicts = entry["verdict"]
    said = [f"{words}: {'all' if len(own) == len(verdicts) > 1 else '; '.join(own)}."
            for kind, words in SAID.items() if (own := [part for part, verdict in verdicts.items() if verdict == kind])]
    return f"{title}, {entry['seeds']} seeds: {'; '.join(parts)}. {' '.join(said)}"


def number(value: float, test: Mapping[str, Any]) -> str:
    """Returns a number as it is written: test results with the digits of their metric, all others with three that
    count."""
    return f"{value:.{digits_of(test['metric'])}f}" if test["outcome"] == "result" else f"{value:.3g}"


def page(found: Mapping[str, Any]) -> dict[str, str]:
    """Returns the parts of docs/claims.md by name."""
    return {"short": short(found), "said": said(found), "terms": terms(found), "results": _of_data(found, results),
            "training": _of_data(found, training), "physics": _of_data(found, physics), "tests": tests(found)}


def _of_data(found: Mapping[str, Any], table: Any) -> str:
    return "\n\n".join(table(found, name) for name in found["data"])


def short(found: Mapping[str, Any]) -> str:
    """Returns in a paragraph whether the evolution decides anything, and whether jumps do better than a unitary
    evolution."""
    lines = []
    for test in found["tests"]:
        if (test["outcome"], test["condition"], test["rival"]) == ("result", "clean", "none"):
            says = {"better": "the evolution decides", "worse": "the evolution costs",
                    "open": "the evolution adds nothing that stands out"}[test["verdict"]]
            values = [number(test[side], test) for side in ("jump", "other")]
            lines.append(
                f"On `{test['data']}` {says}: {metric_name(test['metric'])} {values[0]} with jumps, {values[1]} "
                f"without any evolution ({probability(test['holm'])} after Holm's correction, {test['n']} seeds).")
    own = [t for t in found["tests"] if t["rival"] == "unitary" and t["outcome"] == "result"]
    better, worse = (sum(t["verdict"] == kind for t in own) for kind in ("better", "worse"))
    passed = [sum(t[p] < 0.05 for t in found["tests"]) for p in ("p", "holm")]
    if own:
        lines.append(
            f"In {len(own)} comparisons of the test result (data as they are, wrong labels, few rows, a modality "
            f"missing) jump dynamics are better than unitary ones in {better}, worse in {worse}, and not told apart in "
            f"{len(own) - better - worse}. Of all {len(found['tests'])} tests {passed[0]} have p < 0.05, and "
            f"{passed[1]} after the correction.")
    return " ".join(lines)


def said(found: Mapping[str, Any]) -> str:
    """Returns every claim with its sentences."""
    lines: list[str] = []
    for theirs, head in ((True, "### The paper's"), (False, "### Ours")):
        own = [entry for entry in found["claims"] if entry["theirs"] == theirs]
        lines += [head, ""] if own else []
        for words in dict.fromkeys(entry["claim"] for entry in own):
            lines += [f"**{words}.**", "", *(f"- {entry['sentence']}" for entry in own if entry["claim"] == words), ""]
    return "\n".join(lines).strip()


def terms(found: Mapping[str, Any]) -> str:
    """Returns on what terms all were trained, and how many seeds there are."""
    made = []
    for name, entry in found["data"].items():
        options = entry["options"]
        epochs = f"{options['epochs']}" + ("" if options["epochs"] == entry["recipe_epochs"]
                                           else f" (recipe: {entry['recipe_epochs']})")
        seeds = "; ".join(f"{condition}: {_counts(rows)}" for condition, rows in entry["rows"].items())
        made.append([f"`{name}`", f"{entry['trained_on']:,}", f"{entry['test']:,}", epochs, seeds])
    return tables.markdown(["Data", "Rows trained on", "Test rows", "Epochs", "Seeds of each variant"], made)


def _counts(rows: Mapping[str, Any]) -> str:
    counts = {variant: len(row["seeds"]) for variant, row in rows.items()}
    if len(set(counts.values())) == 1:
        return f"{next(iter(counts.values()))} of {len(counts)} variants"
    return ", ".join(f"{variant} {count}" for variant, count in counts.items())


def results(found: Mapping[str, Any], name: str) -> str:
    """Returns the test results of all variants, a column for each condition."""
    entry, conditions = found["data"][name], found["conditions"]
    told = {(t["condition"], t["rival"]) for t in found["tests"]
            if t["data"] == name and t["outcome"] == "result" and t["verdict"] != "open"}
    key = entry["headline"]
    made = []
    for variant, label in found["variants"].items():
        cells = []
        for condition in conditions:
            row = entry["rows"].get(condition, {}).get(variant)
            cells.append("" if row is None else _spread(row["test"][key], digits_of(key))
                         + (" *" if (condition, variant) in told else ""))
        made.append([label, *cells])
    return tables.markdown([f"`{name}`, test {metric_name(key)}", *conditions.values()], made)


def _spread(value: Mapping[str, Any] | None, digits: int) -> str:
    if value is None:
        return ""
    return f"{value['mean']:.{digits}f}" + ("" if value["std"] is None else f" ± {value['std']:.{digits}f}")


def training(found: Mapping[str, Any], name: str) -> str:
    """Returns what training looked like, on all rows as they are."""
    rows = found["data"][name]["rows"]["clean"]
    header = [f"`{name}`, training", "mean gradient norm", "its deviation over mean", "largest over median",
              "processor time (s)"]
    return tables.markdown(header,
                           [[label, *(_spread(rows[v]["gradient"][key], 2) for key in ("mean", "variation", "peak")),
                             f"{rows[v]['seconds']:.0f}"] for v, label in found["variants"].items() if v in rows])


def physics(found: Mapping[str, Any], name: str) -> str:
    """Returns what the evolution makes of test samples."""
    rows = found["data"][name]["rows"]["clean"]
    header = [f"`{name}`, test samples", "joint part at 0", "joint part at T", "negativity at T (bits)",
              "spread over samples", "entropy at T (nats)", "spread over samples", "distance to the steady state at 0",
              "at T"]
    keys = ("joint_start", "joint", "negativity", "negativity_deviation", "entropy", "entropy_deviation",
            "distance_start", "distance")
    return tables.markdown(header, [[label, *(_spread(rows[v]["physics"][key], 3) for key in keys)]
                                    for v, label in found["variants"].items() if v in rows])


def tests(found: Mapping[str, Any]) -> str:
    """Returns every test that the correction is over."""
    made = []
    labels = {**found["variants"], "start": "jump, at t = 0"}
    for t in found["tests"]:
        difference = f"{t['difference']:+.2g} [{t['low']:+.2g}, {t['high']:+.2g}]"
        made.append([f"`{t['data']}`, {t['words']}", labels[t["rival"]], number(t["jump"], t), number(t["other"], t),
                     difference, "" if t["size"] is None else f"{t['size']:+.2f}", f"{t['p']:.2g}", f"{t['holm']:.2g}",
                     SIGN[t["verdict"]]])
    header = ["What", "Rival of jump dynamics", "Jump", "Rival", "Difference [95 %]", "over its deviation", "p",
              "after Holm", "Told apart"]
    return tables.markdown(header, made)
