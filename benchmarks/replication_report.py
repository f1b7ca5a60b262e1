"""From finished runs of benchmarks/replication.py to the claims: effects, verdicts, sentences, tables.

The rules are those of replication_plan.toml, which was committed before the runs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import replication_data as datasets
import tables
from comparisons import ALPHA, jackknife_difference, mean_evidence

from qfusion._checks import check
from qfusion._files import atomic
from qfusion.data import DataSet
from qfusion.plugins.papers import ASSETS
from qfusion.plugins.why.evidence import (
    BY_CONSTRUCTION,
    CONTRADICTED,
    OPEN,
    SUPPORTED,
    VERDICTS,
    Evidence,
    crossed_evidence,
    seed_evidence,
)

ROOT = Path(__file__).resolve().parents[1]
FEATURES = (
    ROOT / "benchmarks" / "runs" / "replication"
)  # the folder of features that a network made
RESULT, PAGE = ASSETS / "claims.json", ROOT / "docs" / "plugins" / "claims.md"
# pages that say how many claims hold
COUNTED = {
    "why-jumps": "plugins/why.md",
    "leaderboard-jumps": "plugins/leaderboard.md",
}
FORMAT = 4
SPREADS = ("spread", "relative spread")  # of accuracies, which are small where all trainings fail
OUTCOMES = {
    "accuracy": "test accuracy",
    "spread": "SD of the test accuracy over seeds",
    "relative spread": "SD / mean of the test accuracy over seeds",
    "negativity spread": "SD of the negativity over samples (bits)",
    "relative negativity spread": "SD / mean of the negativity over samples",
}
METHOD = (
    "Preregistered in benchmarks/replication_plan.toml. The abstract's joint read-out decides; our local one stands "
    "beside it. An effect is a difference, averaged over the data sets. Intervals are 95 % for all claims together "
    "(Bonferroni). A claim is supported, or contradicted, where the intervals against every rival and by every outcome "
    "lie on that side of 0."
)
# (data, cell, read-out) -> seed -> record
Records = Mapping[tuple[str, str, str], Mapping[int, Mapping[str, Any]]]


@dataclass(frozen=True)
class Comparison:
    """One outcome of two cells with one read-out.

    Attributes:
        readout: of both. ours, rival: the cells. outcome: of OUTCOMES.
        effects: by data set, ours minus the rival's. pooled: their mean.
        failed: shares of failed trainings, ours and the rival's, over all data sets.
        level: of the interval that decides.
    """

    readout: str
    ours: str
    rival: str
    outcome: str
    effects: Mapping[str, Evidence]
    pooled: Evidence
    failed: tuple[float, float]
    level: float

    @property
    def verdict(self) -> str:
        """Returns the verdict on the claim by this comparison alone."""
        low, high = self.pooled.interval(self.level)
        if self.outcome != "accuracy":  # the claim is that ours spread less
            low, high = -high, -low
        if low > 0:
            is_hollow = self.outcome in SPREADS and self.failed[0] > self.failed[1]
            return OPEN if is_hollow else SUPPORTED
        return CONTRADICTED if high < 0 else OPEN


@dataclass(frozen=True)
class Claim:
    """A claim with what came out of it, by read-out, that of the abstract first.

    Attributes:
        key: of the plan. words: the claim.
        compared: by read-out, with every rival by every outcome; empty where the claim holds by construction.
        why: the claim holds by construction with a read-out; empty where there is none.
    """

    key: str
    words: str
    compared: Mapping[str, Sequence[Comparison]]
    why: str

    @property
    def verdicts(self) -> dict[str, str]:
        """Returns the verdict by read-out: that of all comparisons where they agree, else open."""
        return {readout: _common(entries) for readout, entries in self.compared.items()}

    @property
    def verdict(self) -> str:
        """Returns the verdict on the claim: with the first read-out."""
        return next(iter(self.verdicts.values()))


def _common(entries: Sequence[Comparison]) -> str:
    found = {entry.verdict for entry in entries}
    if not found:
        return BY_CONSTRUCTION
    return found.pop() if len(found) == 1 else OPEN


def write(records: Sequence[Mapping[str, Any]], plan: Mapping[str, Any], digest: str) -> None:
    """Writes the file that the app reads, and the pages of the documentation."""
    runs = by_cell(records, plan, digest)
    sets = {name: datasets.small(name, FEATURES) for name in plan["data"]}
    claims = assess(runs, plan, sets)
    days = sorted({record["day"] for record in records})
    with atomic(RESULT) as part:
        part.write_text(json.dumps(as_json(claims, sets, days), indent=1) + "\n")
    below = tables.provenance("replication.py", days[-1])
    tables.write("claims-results", f"{effects(claims)}\n\n{level_note(plan)}\n\n{below}", PAGE)
    tables.write("claims-terms", terms(plan, sets, runs), PAGE)
    tables.write("claims-sets", f"{effects_by_set(claims, plan)}\n\n{below}", PAGE)
    tables.write("claims-cells", f"{cell_results(runs, plan, sets)}\n\n{below}", PAGE)
    for name, page in COUNTED.items():
        tables.write(name, verdict_counts(claims), ROOT / "docs" / page)


def cells(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields every cell of a plan with each of its read-outs."""
    for cell, words in plan["cells"].items():
        for readout in words.get("readouts", plan["readouts"]):
            yield cell, readout


def by_cell(records: Sequence[Mapping[str, Any]], plan: Mapping[str, Any], digest: str) -> Records:
    """Returns the records by data set, cell and read-out.

    Raises:
        InvalidInput: when a record was made under another plan or by other code, or cells have other seeds than the
            plan says.
    """
    foreign = [r for r in records if (r["plan"], r["code"]) != (digest, plan["code"])]
    check(
        not foreign,
        f"{len(foreign)} runs were made under another plan than replication_plan.toml is now, or by other code. "
        "Restore the file, or train again.",
    )
    found: dict[tuple[str, str, str], dict[int, Mapping[str, Any]]] = {}
    for record in records:
        key = record["data"], record["cell"], record["readout"]
        found.setdefault(key, {})[record["seed"]] = record
    seeds = set(range(plan["first_seed"], plan["first_seed"] + plan["seeds"]))
    for name in plan["data"]:
        for cell, readout in cells(plan):
            lacking = sorted(seeds - set(found.get((name, cell, readout), {})))
            check(
                not lacking,
                f"Cell '{cell}' with the {readout} read-out on {name} lacks the seeds {lacking}. Run "
                "benchmarks/replication.py to its end.",
            )
    return found


def assess(runs: Records, plan: Mapping[str, Any], sets: Mapping[str, DataSet]) -> list[Claim]:
    """Returns what came out of every claim of the plan.

    Raises:
        InvalidInput: as of `check_plan`.
    """
    check_plan(plan)
    claims = []
    for key, words in plan["claims"].items():
        compared: dict[str, list[Comparison]] = {}
        for readout in plan["readouts"]:
            is_tested = readout in words.get("readouts", plan["readouts"])
            compared[readout] = [
                compare(runs, readout, words["ours"], rival, outcome, sets, level(plan, readout))
                for rival in words["rivals"]
                for outcome in words["outcomes"]
                if is_tested
            ]
        claims.append(Claim(key, words["claim"], compared, words.get("by_construction", "")))
    return claims


def level(plan: Mapping[str, Any], readout: str) -> float:
    """Returns the level of single intervals that together hold for all tested claims of a read-out (Bonferroni)."""
    tested = [
        claim
        for claim in plan["claims"].values()
        if readout in claim.get("readouts", plan["readouts"])
    ]
    return 1 - ALPHA / len(tested)


def check_plan(plan: Mapping[str, Any]) -> None:
    """Raises InvalidInput when two claims compare the same, a cell lacks, a cell is of no use, or a claim is neither
    tested with a read-out nor said to hold by construction."""
    compared: list[tuple[str, str, str]] = []
    needed: set[tuple[str, str]] = set()
    for words in plan["claims"].values():
        readouts = words.get("readouts", plan["readouts"])
        check(
            set(readouts) == set(plan["readouts"]) or "by_construction" in words,
            f"The plan does not say why '{words['claim']}' is tested with {readouts} alone.",
        )
        compared += [(words["ours"], r, o) for r in words["rivals"] for o in words["outcomes"]]
        needed |= {(cell, r) for cell in (words["ours"], *words["rivals"]) for r in readouts}
    twice = sorted({entry for entry in compared if compared.count(entry) > 1})
    check(not twice, f"The plan compares {twice} for two claims. Leave one of them out.")
    unknown = sorted(needed - set(cells(plan)))
    check(not unknown, f"The plan compares cells that it does not have: {unknown}.")
    idle = sorted(set(cells(plan)) - needed)
    check(not idle, f"No claim of the plan uses the cells {idle}. Leave them out.")


def compare(
    runs: Records,
    readout: str,
    ours: str,
    rival: str,
    outcome: str,
    sets: Mapping[str, DataSet],
    level: float,
) -> Comparison:
    """Returns one outcome of two cells on every data set, and its mean."""
    both = {name: (runs[name, ours, readout], runs[name, rival, readout]) for name in sets}
    effects = {name: effect_of(*both[name], outcome, sets[name]) for name in sets}
    shares = [
        float(np.mean([failed(r, sets[name]) for name in sets for r in both[name][side].values()]))
        for side in (0, 1)
    ]
    pooled = mean_evidence(list(effects.values()))
    return Comparison(readout, ours, rival, outcome, effects, pooled, (shares[0], shares[1]), level)


def effect_of(
    ours: Mapping[int, Mapping[str, Any]],
    rival: Mapping[int, Mapping[str, Any]],
    outcome: str,
    dataset: DataSet,
) -> Evidence:
    """Returns an outcome of two cells' runs on one data set, ours minus the rival's."""
    seeds = sorted(set(ours) & set(rival))
    own, other = ([side[seed] for seed in seeds] for side in (ours, rival))
    if outcome == "accuracy":
        rows = dataset.rows("test")
        first, second = (np.stack([right(r, len(rows)) for r in side]) for side in (own, other))
        difference = first - second
        clusters = None if dataset.clusters is None else dataset.clusters.numbers[rows]
        return crossed_evidence(difference.mean(1), difference.mean(0), clusters)
    if outcome in SPREADS:
        accuracies = ([r["accuracy"] for r in side] for side in (own, other))
        return jackknife_difference(
            *accuracies, relative_spread if "relative" in outcome else spread
        )
    values = [
        [
            r["negativity"]["deviation"] / (r["negativity"]["mean"] if "relative" in outcome else 1)
            for r in side
        ]
        for side in (own, other)
    ]
    return seed_evidence(np.subtract(*values))


def spread(values: np.ndarray) -> float:
    """Returns the standard deviation; exactly 0 where all values are the same."""
    return float(values.std(ddof=1)) if np.ptp(values) else 0.0


def relative_spread(values: np.ndarray) -> float:
    """Returns the standard deviation divided by the mean."""
    return spread(values) / float(values.mean())


def right(record: Mapping[str, Any], count: int) -> np.ndarray:
    """Returns whether each test row is decided right, (R,), 1 or 0."""
    packed = np.frombuffer(base64.b85decode(record["right"]), np.uint8)
    return np.unpackbits(packed, count=count).astype(float)


def failed(record: Mapping[str, Any], dataset: DataSet) -> bool:
    """Returns whether a training is not above the commonest class by two binomial standard errors."""
    y = dataset.y[dataset.rows("test")]
    share = float(np.bincount(y).max()) / len(y)
    return bool(record["accuracy"] <= share + 2 * (share * (1 - share) / len(y)) ** 0.5)


# In words.


def effect_words(effect: Evidence, level: float) -> str:
    """Returns an effect with its interval."""
    low, high = effect.interval(level)
    return f"{effect.mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def comparison_words(comparison: Comparison) -> str:
    """Returns an outcome with its interval, what it is against, and failed trainings where there are any."""
    ours, rival = comparison.failed
    note = "" if ours == rival == 0 else f", failed trainings {ours:.0%} and {rival:.0%}"
    return (
        f"{OUTCOMES[comparison.outcome]} {effect_words(comparison.pooled, comparison.level)} against "
        f"{comparison.rival}{note}"
    )


def sentence(claim: Claim) -> str:
    """Returns a claim's verdict and effects with each read-out, as plain text, without the claim."""
    parts = []
    for readout, verdict in claim.verdicts.items():
        entries = claim.compared[readout]
        words = "; ".join(map(comparison_words, entries)) if entries else claim.why
        parts.append(f"{readout.capitalize()} read-out: {verdict}; {words.removesuffix('.')}.")
    return " ".join(parts)


def verdict_counts(claims: Sequence[Claim]) -> str:
    """Returns how many claims have which verdict, and which these are."""
    parts = []
    for verdict in VERDICTS:
        named = [claim.words for claim in claims if claim.verdict == verdict]
        if named:
            parts.append(f"{len(named)} {verdict} ({'; '.join(named)})")
    return (
        f"Verdicts on {len(claims)} claims about quantum jumps with the abstract's joint read-out: {', '.join(parts)}. "
        "[Every comparison, also with the local read-out](claims.md#results)."
    )


def as_json(
    claims: Sequence[Claim], sets: Mapping[str, DataSet], days: Sequence[str]
) -> dict[str, Any]:
    """Returns what the Leaderboard page and README read."""
    return {
        "format": FORMAT,
        "date": date.today().isoformat(),
        "trained": [days[0], days[-1]],
        "command": "python benchmarks/replication.py",
        "method": METHOD,
        "claims": [
            {
                "key": claim.key,
                "claim": claim.words,
                "verdict": claim.verdict,
                "sentence": sentence(claim),
                "readouts": [
                    {
                        "readout": readout,
                        "verdict": verdict,
                        "compared": [as_numbers(entry) for entry in claim.compared[readout]],
                    }
                    for readout, verdict in claim.verdicts.items()
                ],
                "data": {name: set_sentence(claim, name, sets[name].title) for name in sets},
            }
            for claim in claims
        ],
    }


def as_numbers(comparison: Comparison) -> dict[str, Any]:
    """Returns a comparison for JSON."""
    low, high = comparison.pooled.interval(comparison.level)
    numbers = {"value": comparison.pooled.mean, "low": low, "high": high}
    return {
        "ours": comparison.ours,
        "rival": comparison.rival,
        "outcome": OUTCOMES[comparison.outcome],
        **{name: float(f"{value:.6g}") for name, value in numbers.items()},
        "level": comparison.level,
        "failed": list(comparison.failed),
    }


def set_sentence(claim: Claim, name: str, title: str) -> str:
    """Returns what was measured on one data set with the first read-out."""
    words = (
        f"{OUTCOMES[entry.outcome]} {effect_words(entry.effects[name], entry.level)} against {entry.rival}"
        for entry in next(iter(claim.compared.values()))
    )
    return f"{title}: {'; '.join(words)}."


# Tables.


def effects(claims: Sequence[Claim]) -> str:
    """Returns the table of claims: every read-out, rival and outcome with its effect and interval, and the verdicts."""
    rows = []
    for claim in claims:
        for readout, verdict in claim.verdicts.items():
            start = [f"*{claim.words}*" if readout == next(iter(claim.verdicts)) else "", readout]
            if not claim.compared[readout]:
                rows.append([*start, claim.why, "–", "–", f"**{verdict}**"])
            for place, entry in enumerate(claim.compared[readout]):
                ours, rival = entry.failed
                note = "" if ours == rival == 0 else f" (failed: {ours:.0%}, {rival:.0%})"
                rows.append(
                    [
                        *(start if place == 0 else ["", ""]),
                        OUTCOMES[entry.outcome],
                        f"`{entry.ours}` − `{entry.rival}`",
                        effect_words(entry.pooled, entry.level) + note,
                        f"**{verdict}**" if place == 0 else "",
                    ]
                )
    header = ["Claim", "Read-out", "Outcome", "Cells", "Effect [95 % together]", "Verdict"]
    return tables.markdown(header, rows)


def level_note(plan: Mapping[str, Any]) -> str:
    """Returns how wide the intervals are."""
    levels = ", ".join(f"{level(plan, r):.2%} ({r})" for r in plan["readouts"])
    return (
        f"Each interval is of {levels}: 95 % for all tested claims of a read-out together. Spreads: below 0 where ours "
        "vary less. Verdict of the claim: that with the joint read-out."
    )


def terms(plan: Mapping[str, Any], sets: Mapping[str, DataSet], runs: Records) -> str:
    """Returns the sizes of the data sets and how long all was trained."""
    rows = []
    for name, dataset in sets.items():
        tested = dataset.rows("test")
        y = dataset.y[tested]
        features = " + ".join(str(m.values.shape[1]) for m in dataset.modalities)
        rows.append(
            [
                f"`{name}`",
                f"{len(dataset.rows('train')):,}",
                f"{len(tested):,}",
                f"{len(np.unique(datasets.groups_of(dataset)[tested])):,}",
                features,
                str(len(dataset.target.classes)),
                f"{np.bincount(y).max() / len(y):.3f}",
                str(plan["epochs"][name]),
            ]
        )
    header = [
        "Data",
        "Rows trained on",
        "Test rows",
        "of groups",
        "Features",
        "Classes",
        "Commonest class",
        "Epochs",
    ]
    count = sum(len(own) for own in runs.values())
    hours = sum(record["seconds"] for own in runs.values() for record in own.values()) / 3600
    last = f"{count:,} trainings, {hours:.1f} hours on a busy core."
    return f"{tables.markdown(header, rows)}\n\n{last}"


def effects_by_set(claims: Sequence[Claim], plan: Mapping[str, Any]) -> str:
    """Returns every comparison on every data set."""
    rows = [
        [
            claim.key,
            readout,
            entry.outcome,
            f"`{entry.ours}` − `{entry.rival}`",
            *(effect_words(entry.effects[name], entry.level) for name in plan["data"]),
        ]
        for claim in claims
        for readout, entries in claim.compared.items()
        for entry in entries
    ]
    header = ["Claim", "Read-out", "Outcome", "Cells", *(f"`{name}`" for name in plan["data"])]
    return tables.markdown(header, rows)


def cell_results(runs: Records, plan: Mapping[str, Any], sets: Mapping[str, DataSet]) -> str:
    """Returns the test accuracy of every cell on every data set."""
    rows = []
    for cell, readout in cells(plan):
        found = []
        for name, dataset in sets.items():
            own = list(runs[name, cell, readout].values())
            values = [record["accuracy"] for record in own]
            bad = sum(failed(record, dataset) for record in own)
            note = f", {bad} failed" if bad else ""
            found.append(f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}{note}")
        counts = sorted(
            {next(iter(runs[name, cell, readout].values()))["behind_encoders"] for name in sets}
        )
        rows.append([f"`{cell}`", readout, *found, ", ".join(map(str, counts))])
    header = [
        "Cell: test accuracy, mean ± deviation over seeds",
        "Read-out",
        *(f"`{name}`" for name in sets),
        "Parameters after the encoders",
    ]
    return tables.markdown(header, rows)
