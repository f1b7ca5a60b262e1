"""From finished runs of benchmarks/replication.py to the claims: effects, verdicts, sentences, tables.

The rules are those of replication_plan.toml, which was committed before the runs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import replication_data as datasets
import tables
from comparisons import ALPHA, log_spread_ratio, mean_evidence, mean_interval

from qfusion._checks import check
from qfusion._files import atomic
from qfusion.data import DataSet
from qfusion.plugins.papers import ASSETS
from qfusion.plugins.why.evidence import Evidence, crossed_evidence, holm

ROOT = Path(__file__).resolve().parents[1]
FEATURES = (
    ROOT / "benchmarks" / "runs" / "replication"
)  # the folder of features that a network made
RESULT, PAGE = ASSETS / "claims.json", ROOT / "docs" / "plugins" / "claims.md"
# pages that say how many claims hold
COUNTED = {
    "faq-jumps": "faq.md",
    "why-jumps": "plugins/why.md",
    "leaderboard-jumps": "plugins/leaderboard.md",
}
FORMAT = 3
FEWEST = 3  # seeds for an effect
VERDICTS = ("for", "against", "open")
OUTCOMES = {
    "accuracy": "test accuracy",
    "spread": "spread of the test accuracy over seeds",
    "relative": "spread of the negativity over samples, relative to its mean",
}
METHOD = (
    "Preregistered in benchmarks/replication_plan.toml. Each claim has one primary outcome, averaged over the data "
    "sets; p is corrected over claims by Holm's method. Intervals of accuracies combine training seeds and test rows "
    "(rows that share a picture count once); those of spreads use the jackknife over seeds."
)
Records = Mapping[
    tuple[str, str], Mapping[int, Mapping[str, Any]]
]  # (data, cell) -> seed -> record


@dataclass(frozen=True)
class Comparison:
    """One outcome of two cells.

    Attributes:
        ours, rival: the cells. outcome: of OUTCOMES.
        effects: by data set, those where it can be worked out. pooled: their mean; None where there are none.
        failed: shares of failed trainings, ours and the rival's, over all data sets.
        sets: how many data sets there are.
    """

    ours: str
    rival: str
    outcome: str
    effects: Mapping[str, Evidence]
    pooled: Evidence | None
    failed: tuple[float, float]
    sets: int


@dataclass(frozen=True)
class Claim:
    """A claim with what came out of it; `holm` is the corrected p of its primary outcome."""

    key: str
    words: str
    primary: Comparison
    secondary: Sequence[Comparison]
    holm: float

    @property
    def verdict(self) -> str:
        """Returns "for", "against" or "open"."""
        effect = self.primary.pooled
        if effect is None or self.holm >= ALPHA:
            return "open"
        wanted = 1 if self.primary.outcome == "accuracy" else -1
        return "for" if effect.mean * wanted > 0 else "against"


def write(records: Sequence[Mapping[str, Any]], plan: Mapping[str, Any], digest: str) -> None:
    """Writes the file that the app reads, and the page of the documentation."""
    runs = by_cell(records, plan, digest)
    sets = {name: datasets.small(name, FEATURES) for name in plan["data"]}
    claims = assess(runs, plan, sets)
    days = sorted({record["day"] for record in records})
    alone = matching_sentence(runs, sets)
    with atomic(RESULT) as part:
        part.write_text(json.dumps(as_json(claims, sets, days, alone), indent=1) + "\n")
    below = tables.provenance("replication.py", days[-1])
    short = f"{in_short(claims)}\n\n{alone}\n\n{below}"
    tables.write("claims-short", short, PAGE)
    tables.write("claims-terms", terms(plan, sets, runs), PAGE)
    tables.write("claims-results", f"{results(runs, plan, sets)}\n\n{below}", PAGE)
    tables.write("claims-effects", f"{effects(claims, plan)}\n\n{below}", PAGE)
    tables.write("claims-matching", f"{matching(runs, sets)}\n\n{below}", PAGE)
    for name, page in COUNTED.items():
        tables.write(name, verdict_counts(claims), ROOT / "docs" / page)


def by_cell(records: Sequence[Mapping[str, Any]], plan: Mapping[str, Any], digest: str) -> Records:
    """Returns the records by data set and cell.

    Raises:
        InvalidInput: when a record was made under another plan, or cells have other seeds than the plan says.
    """
    foreign = [record for record in records if record["plan"] != digest]
    check(
        not foreign,
        f"{len(foreign)} runs were made under another plan than replication_plan.toml is now. Restore the file, or "
        "train again.",
    )
    found: dict[tuple[str, str], dict[int, Mapping[str, Any]]] = {}
    for record in records:
        found.setdefault((record["data"], record["cell"]), {})[record["seed"]] = record
    seeds = set(range(plan["first_seed"], plan["first_seed"] + plan["seeds"]))
    for name in plan["data"]:
        for cell in plan["cells"]:
            lacking = sorted(seeds - set(found.get((name, cell), {})))
            check(
                not lacking,
                f"Cell '{cell}' on {name} lacks the seeds {lacking}. Run benchmarks/replication.py to its end.",
            )
    return found


def assess(runs: Records, plan: Mapping[str, Any], sets: Mapping[str, DataSet]) -> list[Claim]:
    """Returns what came out of every claim of the plan.

    Raises:
        InvalidInput: when the plan tests twice what it has tested, or a pair that it excludes.
    """
    check_plan(plan)
    primary = {
        key: compare(runs, claim["ours"], claim["rival"], claim["outcome"], sets)
        for key, claim in plan["claims"].items()
    }
    corrected = holm([1.0 if c.pooled is None else c.pooled.p_differs() for c in primary.values()])
    claims = []
    for (key, claim), p in zip(plan["claims"].items(), corrected, strict=True):
        secondary = [
            compare(runs, ours, rival, claim["outcome"], sets) for ours, rival in claim["secondary"]
        ]
        claims.append(Claim(key, claim["claim"], primary[key], secondary, p))
    return claims


def check_plan(plan: Mapping[str, Any]) -> None:
    """Raises InvalidInput when a primary comparison stands twice, cannot come out both ways, or a rival in it has
    fewer parameters by design."""
    primary = [(c["ours"], c["rival"], c["outcome"]) for c in plan["claims"].values()]
    twice = sorted({entry for entry in primary if primary.count(entry) > 1})
    check(not twice, f"The plan compares {twice} for two claims. Leave one of them out.")
    excluded = {tuple(entry["pair"]) for entry in plan["excluded"]}
    pairs = [
        *((ours, rival) for ours, rival, _ in primary),
        *(tuple(pair) for claim in plan["claims"].values() for pair in claim["secondary"]),
    ]
    idle = [pair for pair in pairs if pair in excluded or pair[::-1] in excluded]
    check(not idle, f"The plan compares {idle}, which it says can come out one way only.")
    cells = plan["cells"]
    unknown = sorted({cell for pair in pairs for cell in pair} - set(cells))
    check(not unknown, f"The plan compares cells that it does not have: {unknown}.")


def compare(
    runs: Records, ours: str, rival: str, outcome: str, sets: Mapping[str, DataSet]
) -> Comparison:
    """Returns one outcome of two cells on every data set, and its mean."""
    effects = {}
    for name, dataset in sets.items():
        effect = effect_of(runs[name, ours], runs[name, rival], outcome, dataset)
        if effect is not None:
            effects[name] = effect
    pooled = mean_evidence(list(effects.values())) if effects else None
    shares = [
        float(np.mean([failed(r, sets[name]) for name in sets for r in runs[name, cell].values()]))
        for cell in (ours, rival)
    ]
    return Comparison(ours, rival, outcome, effects, pooled, (shares[0], shares[1]), len(sets))


def effect_of(
    ours: Mapping[int, Mapping[str, Any]],
    rival: Mapping[int, Mapping[str, Any]],
    outcome: str,
    dataset: DataSet,
) -> Evidence | None:
    """Returns an outcome of two cells' runs on one data set; None where it cannot be worked out."""
    seeds = sorted(set(ours) & set(rival))
    if len(seeds) < FEWEST:
        return None
    pairs = [(ours[seed], rival[seed]) for seed in seeds]
    if outcome == "accuracy":
        rows = dataset.rows("test")
        first, second = (
            np.stack([right(pair[side], len(rows)) for pair in pairs]) for side in (0, 1)
        )
        return over_seeds_and_rows_of(first - second, dataset, rows)
    if outcome == "spread":
        return log_spread_ratio(
            [pair[0]["accuracy"] for pair in pairs], [pair[1]["accuracy"] for pair in pairs]
        )
    ratios = [relative_spread(pair[0]) / relative_spread(pair[1]) for pair in pairs]
    mean = mean_interval(np.log(ratios).tolist())
    return Evidence(mean.mean, mean.error, mean.n - 1)


def over_seeds_and_rows_of(difference: np.ndarray, dataset: DataSet, rows: np.ndarray) -> Evidence:
    """Returns a mean difference (S, R) over seeds and test rows, for other seeds and other rows."""
    clusters = None if dataset.clusters is None else dataset.clusters.numbers[rows]
    return crossed_evidence(difference.mean(1), difference.mean(0), clusters)


def relative_spread(record: Mapping[str, Any]) -> float:
    """Returns the deviation of the negativity over samples, divided by its mean."""
    return float(record["negativity"]["deviation"] / record["negativity"]["mean"])


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


def sentence(claim: Claim) -> str:
    """Returns a claim with its effect, interval and verdict, in one sentence."""
    return f"*{claim.words}*: **{claim.verdict}**; {comparison_words(claim.primary, claim.holm)}."


def verdict_sentence(claim: Claim) -> str:
    """Returns a claim's verdict, effect and interval as plain text, without the claim."""
    words = comparison_words(claim.primary, claim.holm).replace("`", "")
    return f"{claim.verdict.capitalize()}: {words}."


def comparison_words(comparison: Comparison, corrected: float | None = None) -> str:
    """Returns an outcome with its interval, what it is against, and p."""
    effect = comparison.pooled
    against = f"`{comparison.ours}` against `{comparison.rival}`"
    if effect is None:
        return f"{OUTCOMES[comparison.outcome]}, {against}: undefined"
    p = (
        f"p {p_words(effect.p_differs())}"
        if corrected is None
        else f"adjusted p {p_words(corrected)}"
    )
    words = (
        f"{OUTCOMES[comparison.outcome]} {effect_words(effect, comparison.outcome)}, {against} ({p}"
    )
    if corrected is not None and corrected >= ALPHA:
        words += f"; 90 % interval {interval_words(*effect.interval(0.9), comparison.outcome)}"
    return words + ")" + failed_words(comparison) + lacking_words(comparison)


def failed_words(comparison: Comparison) -> str:
    """Returns how many trainings failed, where any did."""
    ours, rival = comparison.failed
    return "" if ours == rival == 0 else f", failed trainings {ours:.1%} and {rival:.1%}"


def lacking_words(comparison: Comparison) -> str:
    """Returns on how many data sets an outcome was worked out, where not on all."""
    count = len(comparison.effects)
    if count == comparison.sets:
        return ""
    return f"; computed on {count} of {comparison.sets} data sets (on the others all seeds gave the same result)"


def effect_words(effect: Evidence, outcome: str) -> str:
    """Returns an effect with its 95 % interval: a difference, or a ratio of spreads."""
    value = f"{effect.mean:+.4f}" if outcome == "accuracy" else f"× {np.exp(effect.mean):.2f}"
    return f"{value} {interval_words(*effect.interval(), outcome)}"


def interval_words(low: float, high: float, outcome: str) -> str:
    """Returns an interval of a difference, or of a ratio of spreads."""
    if outcome == "accuracy":
        return f"[{low:+.4f}, {high:+.4f}]"
    return f"[{np.exp(low):.2f}, {np.exp(high):.2f}]"


def p_words(p: float) -> str:
    """Returns a p-value to two digits, with its sign."""
    if p < 0.001:
        return "< 0.001"
    return f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def in_short(claims: Sequence[Claim]) -> str:
    """Returns every claim in a line."""
    return "\n".join(f"- {sentence(claim)}" for claim in claims)


def verdict_counts(claims: Sequence[Claim]) -> str:
    """Returns for and against how many claims the runs speak, which they leave open, and which these are."""
    parts = []
    for verdict in VERDICTS:
        named = [claim.words for claim in claims if claim.verdict == verdict]
        listed = f" ({'; '.join(named)})" if named else ""
        parts.append(f"{len(named)} {verdict}{listed}")
    return (
        f"Verdicts on {len(claims)} claims about quantum jumps: {', '.join(parts)}. Rivals have as many parameters as "
        "the jump model, which affects the result ([effect of matching](claims.md#the-effects))."
    )


def as_json(
    claims: Sequence[Claim], sets: Mapping[str, DataSet], days: Sequence[str], alone: str
) -> dict[str, Any]:
    """Returns what the Leaderboard page reads; `alone` says what matching does by itself."""
    return {
        "format": FORMAT,
        "date": date.today().isoformat(),
        "trained": [days[0], days[-1]],
        "command": "python benchmarks/replication.py",
        "method": f"{METHOD} {alone.replace('`', '')}",
        "claims": [
            {
                "key": claim.key,
                "claim": claim.words,
                "verdict": claim.verdict,
                "sentence": verdict_sentence(claim),
                "effect": number(claim.primary.pooled),
                "holm": claim.holm,
                "data": {
                    name: f"{sets[name].title}: {OUTCOMES[claim.primary.outcome]} "
                    f"{effect_words(effect, claim.primary.outcome)}, p {p_words(effect.p_differs())}."
                    for name, effect in claim.primary.effects.items()
                },
            }
            for claim in claims
        ],
    }


def number(effect: Evidence | None) -> dict[str, float] | None:
    """Returns an effect's numbers."""
    if effect is None:
        return None
    low, high = effect.interval()
    numbers = {"value": effect.mean, "low": low, "high": high, "p": effect.p_differs()}
    return {name: float(f"{value:.6g}") for name, value in numbers.items()}


# Tables.


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


def results(runs: Records, plan: Mapping[str, Any], sets: Mapping[str, DataSet]) -> str:
    """Returns the test accuracy of every cell on every data set."""
    rows = []
    for cell in plan["cells"]:
        cells = []
        for name, dataset in sets.items():
            own = list(runs[name, cell].values())
            values = [record["accuracy"] for record in own]
            bad = sum(failed(record, dataset) for record in own)
            note = f", {bad} failed" if bad else ""
            cells.append(f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}{note}")
        counts = sorted({next(iter(runs[name, cell].values()))["behind_encoders"] for name in sets})
        rows.append([f"`{cell}`", *cells, ", ".join(map(str, counts))])
    header = [
        "Cell: test accuracy, mean ± deviation over seeds",
        *(f"`{name}`" for name in sets),
        "Parameters after the encoders",
    ]
    return tables.markdown(header, rows)


def effects(claims: Sequence[Claim], plan: Mapping[str, Any]) -> str:
    """Returns every comparison, on every data set and averaged."""
    names = plan["data"]
    rows = []
    for claim in claims:
        for place, comparison in enumerate([claim.primary, *claim.secondary]):
            cells = [
                effect_words(comparison.effects[name], comparison.outcome)
                if name in comparison.effects
                else "–"
                for name in names
            ]
            effect = comparison.pooled
            mean = "–" if effect is None else effect_words(effect, comparison.outcome)
            p = "–" if effect is None else p_words(effect.p_differs()).removeprefix("= ")
            kind = (
                f"**{claim.key}**, {comparison.outcome}"
                if place == 0
                else f"{claim.key}, secondary"
            )
            corrected = p_words(claim.holm).removeprefix("= ") if place == 0 else ""
            pair = f"`{comparison.ours}` / `{comparison.rival}`"
            rows.append([kind, pair, *cells, mean, p, corrected])
    header = [
        "Claim, outcome",
        "Cells",
        *(f"`{name}`" for name in names),
        "Mean [95 %]",
        "p",
        "adjusted",
    ]
    return tables.markdown(header, rows)


def matching_sentence(runs: Records, sets: Mapping[str, DataSet]) -> str:
    """Returns what the parameters of matched rivals do by themselves, and how jumps compare without them."""
    alone = compare(runs, "unitary-matched", "unitary", "accuracy", sets).pooled
    plain = compare(runs, "jump", "unitary", "accuracy", sets).pooled
    assert alone is not None
    assert plain is not None
    return (
        "Rivals called `-matched` have as many parameters as the jump model, through more measurement vectors. These "
        "vectors alone (an unplanned comparison) change the accuracy of `unitary` by "
        f"{effect_words(alone, 'accuracy')}. Against `unitary` without them, which has fewer parameters, the "
        f"difference of `jump` is {effect_words(plain, 'accuracy')}."
    )


def matching(runs: Records, sets: Mapping[str, DataSet]) -> str:
    """Returns what more measurement vectors do by themselves: pairs that the plan did not name."""
    pairs = [
        ("unitary-matched", "unitary"),
        ("none-matched", "none"),
        ("none-joint-matched", "none-joint"),
    ]
    rows = []
    for ours, rival in pairs:
        comparison = compare(runs, ours, rival, "accuracy", sets)
        cells = [effect_words(comparison.effects[name], "accuracy") for name in sets]
        assert comparison.pooled is not None
        mean = effect_words(comparison.pooled, "accuracy")
        p = p_words(comparison.pooled.p_differs()).removeprefix("= ")
        rows.append([f"`{ours}` / `{rival}`", *cells, mean, p])
    header = ["Cells: accuracy, not planned", *(f"`{name}`" for name in sets), "Mean [95 %]", "p"]
    return tables.markdown(header, rows)
