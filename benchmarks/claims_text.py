"""What came out of benchmarks/claims.py in words and tables; no sentence here is for or against anything until numbers
fill it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tables
from comparisons import ALPHA
from leaderboard_text import SAID, at_most, digits_of, probability, short as metric_name

PLAN = tomllib.loads(Path(__file__).with_name("claims_outcomes.toml").read_text(encoding="utf-8"))


def claim_sentence(entries: Sequence[Mapping[str, Any]]) -> str:
    """Returns what the tests of a claim say, pooled over data sets: the primary outcome, then the secondary ones.

    Args:
        entries: the primary outcome first, with `words`, `up` and `down` of `tests` data sets, `z`, `p`, `verdict`,
            where some data sets were trained after the outcomes were fixed `after`; the others with `holm`.
    """
    first, others = entries[0], entries[1:]
    said = f"{SAID[first['verdict']]}. Primary outcome, {_pooled(first)}, {probability(first['p'])}"
    if "after" in first:
        after = first["after"]
        way = "" if after["z"] * first["z"] >= 0 else ", the other way"
        said += (
            f"; on the {after['tests']} data sets trained after it was fixed "
            f"{probability(after['p'])}{way}"
        )
    rest = "; ".join(
        f"{each['words']}: {_pooled(each, short=True)}, {probability(each['p'])}, adjusted "
        f"{probability(each['holm'])}"
        for each in others
    )
    return said + (f". Secondary: {rest}." if rest else ".")


def _pooled(entry: Mapping[str, Any], short: bool = False) -> str:
    """How many data sets favour the claim, and the z of all."""
    counts = f"{entry['up']} of {entry['tests']} data sets in favour, {entry['down']} against"
    return (
        f"{counts}, z = {entry['z']:+.2f}"
        if short
        else f"{entry['words']}: {counts}, pooled z = {entry['z']:+.2f}"
    )


def data_sentence(tests: Sequence[Mapping[str, Any]], title: str) -> str:
    """Returns the numbers of a claim's tests on one data set, what the claim names first beside its rival."""
    return f"{title}, {max(t['n'] for t in tests)} seeds: {'; '.join(map(test_words, tests))}."


def test_words(test: Mapping[str, Any]) -> str:
    """Returns one test: both numbers, p beside p corrected over the data sets, and where p is not below 0.05 how far
    apart the two are at most."""
    found = (
        f"{test['words']} {number(test['ours'], test)} against {number(test['rival'], test)} "
        f"({probability(test['p'])}, adjusted {probability(test['holm'])}"
    )
    if test["p"] >= ALPHA and not test["over_seeds"]:
        found += f"; at most {bound_of(test)} apart, 90 % interval"
    return found + ")"


def number(value: float, test: Mapping[str, Any]) -> str:
    """Returns a number as it is written: test results with the digits of their metric, all others with three that
    count."""
    return (
        f"{value:.{digits_of(test['metric'])}f}" if test["outcome"] == "result" else f"{value:.3g}"
    )


def bound_of(test: Mapping[str, Any]) -> str:
    """Returns how far apart two are at most, rounded up: what is written is not below the bound."""
    bound = test["bound"]
    digits = (
        digits_of(test["metric"])
        if test["outcome"] == "result"
        else max(0, 1 - math.floor(math.log10(bound)))
    )
    return at_most(bound, digits)


def page(found: Mapping[str, Any]) -> dict[str, str]:
    """Returns the parts of docs/claims.md by name."""
    return {
        "short": short(found),
        "said": said(found),
        "terms": terms(found),
        "results": _of_data(found, results),
        "training": _of_data(found, training),
        "physics": _of_data(found, physics),
        "tests": tests(found),
    }


def _of_data(found: Mapping[str, Any], table: Any) -> str:
    return "\n\n".join(table(found, name) for name in found["data"])


def short(found: Mapping[str, Any]) -> str:
    """Returns in a paragraph whether the evolution decides anything, and what becomes of the paper's claims."""
    lines = [
        evolution_sentence(t) for t in found["tests"] if t["claim"] == "evolution" and t["primary"]
    ]
    for entry in found["claims"]:
        if entry["theirs"] and entry["pooled"]:
            lines.append(short_sentence(entry))
    own = [t for t in found["tests"] if t["claim"] == "generalise" and t["outcome"] == "result"]
    if own:
        lines.append(count_sentence(own))
    return " ".join(lines)


def evolution_sentence(test: Mapping[str, Any]) -> str:
    """Returns whether the jump dynamics do better than no evolution on one data set, or by how much they differ at
    most."""
    values = [number(test[side], test) for side in ("ours", "rival")]
    gain = test["sign"] * test["difference"] > 0
    says = (
        "the evolution adds nothing that was found"
        if test["p"] >= ALPHA
        else "the evolution decides"
        if gain
        else "the evolution costs"
    )
    bound = f"; at most {bound_of(test)} apart, 90 % interval" if test["p"] >= ALPHA else ""
    return (
        f"On `{test['data']}` {says}: {metric_name(test['metric'])} {values[0]} with jumps, {values[1]} without "
        f"any evolution ({probability(test['p'])}, adjusted {probability(test['holm'])}, {test['n']} seeds"
        f"{bound})."
    )


def short_sentence(entry: Mapping[str, Any]) -> str:
    """Returns a claim's verdict in a sentence, from its primary outcome pooled over data sets."""
    first = entry["pooled"][0]
    says = {"for": "the runs speak for it", "against": "the runs speak against it", "open": "open"}[
        entry["verdict"]
    ]
    return (
        f'"{entry["claim"]}": {says} ({first["words"]}, {first["up"]} of {first["tests"]} data sets in favour, '
        f"pooled {probability(first['p'])})."
    )


def count_sentence(tests: Sequence[Mapping[str, Any]]) -> str:
    """Returns how many comparisons of the test result favour jumps over a unitary evolution."""
    up, down = (sum(way * t["sign"] * t["difference"] > 0 for t in tests) for way in (1, -1))
    passed = sum(t["p"] < ALPHA for t in tests)
    return (
        f"In {len(tests)} comparisons of the test result (data as they are, wrong labels, few rows, a modality "
        f"missing) jump dynamics are ahead of unitary ones in {up} and behind in {down}; taken alone, p < 0.05 in "
        f"{passed}. Comparisons of chance with chance are not counted."
    )


def said(found: Mapping[str, Any]) -> str:
    """Returns every claim with its sentences."""
    lines: list[str] = []
    for theirs, head in ((True, "### The paper's"), (False, "### Ours")):
        own = [entry for entry in found["claims"] if entry["theirs"] == theirs]
        lines += [head, ""] if own else []
        for entry in own:
            lines += [
                f"**{entry['claim']}.** {entry['sentence']}",
                "",
                *(f"- {sentence}" for sentence in entry["data"].values()),
                "",
            ]
    return "\n".join(lines).strip()


def terms(found: Mapping[str, Any]) -> str:
    """Returns on what terms all were trained, and how many seeds there are."""
    made = []
    for name, entry in found["data"].items():
        options = entry["options"]
        epochs = f"{options['epochs']}" + (
            ""
            if options["epochs"] == entry["recipe_epochs"]
            else f" (recipe: {entry['recipe_epochs']})"
        )
        seeds = "; ".join(
            f"{condition}: {_counts(rows)}" for condition, rows in entry["rows"].items()
        )
        made.append([f"`{name}`", f"{entry['trained_on']:,}", f"{entry['test']:,}", epochs, seeds])
    return tables.markdown(
        ["Data", "Rows trained on", "Test rows", "Epochs", "Seeds of each variant"], made
    )


def _counts(rows: Mapping[str, Any]) -> str:
    counts = {variant: len(row["seeds"]) for variant, row in rows.items()}
    if len(set(counts.values())) == 1:
        return f"{next(iter(counts.values()))} of {len(counts)} variants"
    return ", ".join(f"{variant} {count}" for variant, count in counts.items())


def results(found: Mapping[str, Any], name: str) -> str:
    """Returns the test results of all variants, a column for each condition."""
    entry, conditions = found["data"][name], found["conditions"]
    key = entry["headline"]
    made = []
    for variant, label in found["variants"].items():
        cells = []
        for condition in conditions:
            row = entry["rows"].get(condition, {}).get(variant)
            cells.append("" if row is None else _spread(row["test"][key], digits_of(key)))
        made.append([label, *cells])
    return tables.markdown([f"`{name}`, test {metric_name(key)}", *conditions.values()], made)


def _spread(value: Mapping[str, Any] | None, digits: int) -> str:
    if value is None:
        return ""
    return f"{value['mean']:.{digits}f}" + (
        "" if value["std"] is None else f" ± {value['std']:.{digits}f}"
    )


def training(found: Mapping[str, Any], name: str) -> str:
    """Returns what training looked like, on all rows as they are."""
    rows = found["data"][name]["rows"]["clean"]
    header = [
        f"`{name}`, training",
        "mean gradient norm",
        "its deviation over mean",
        "largest over median",
        "processor time (s)",
    ]
    return tables.markdown(
        header,
        [
            [
                label,
                *(_spread(rows[v]["gradient"][key], 2) for key in ("mean", "variation", "peak")),
                f"{rows[v]['seconds']:.0f}",
            ]
            for v, label in found["variants"].items()
            if v in rows
        ],
    )


def physics(found: Mapping[str, Any], name: str) -> str:
    """Returns what the evolution makes of test samples."""
    rows = found["data"][name]["rows"]["clean"]
    header = [
        f"`{name}`, test samples",
        "joint part at 0",
        "joint part at T",
        "negativity at T (bits)",
        "spread over samples",
        "entropy at T (nats)",
        "spread over samples",
        "distance to the steady state at 0",
        "at T",
    ]
    keys = (
        "joint_start",
        "joint",
        "negativity",
        "negativity_deviation",
        "entropy",
        "entropy_deviation",
        "distance_start",
        "distance",
    )
    return tables.markdown(
        header,
        [
            [label, *(_spread(rows[v]["physics"][key], 3) for key in keys)]
            for v, label in found["variants"].items()
            if v in rows
        ],
    )


def tests(found: Mapping[str, Any]) -> str:
    """Returns every test, under the claim that it bears on."""
    labels, made = found["variants"], []
    for t in found["tests"]:
        claim = PLAN["claims"][t["claim"]]
        difference = f"{t['difference']:+.2g} [{t['low']:+.2g}, {t['high']:+.2g}]"
        made.append(
            [
                f"{t['claim']}{' (primary)' if t['primary'] else ''}",
                f"`{t['data']}`, {t['words']}",
                f"{labels[claim['ours']]} - {labels[claim['rival']]}",
                number(t["ours"], t),
                number(t["rival"], t),
                difference,
                f"{t['p']:.2g}",
                f"{t['holm']:.2g}",
                "" if t["over_seeds"] else bound_of(t),
            ]
        )
    header = [
        "Claim",
        "What",
        "Compared",
        "First",
        "Second",
        "Difference [95 %]",
        "p",
        "adjusted over data sets",
        "at most apart",
    ]
    return tables.markdown(header, made)
