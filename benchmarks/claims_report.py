"""From finished runs of benchmarks/claims.py to qfusion/assets/claims.json: means, and for every claim its primary and
secondary outcomes, on every data set and pooled over them."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any

import claims_text as text
import comparisons
import numpy as np
from claims_text import PLAN
from leaderboard_report import headline, short

from qfusion.training import metrics

ALPHA = comparisons.ALPHA
FEWEST = 3  # seeds for a test
MISSING = "one missing"
LABELS = {
    "jump": "jump",
    "unitary": "unitary (no jumps)",
    "dissipative": "dissipative (no H)",
    "none": "no evolution",
    "single": "jump, one modality is read",
    "joint": "jump, the joint state is read",
    "sampled": "jump, trained on trajectories",
}
CONDITIONS = {
    "clean": "all rows as they are",
    "wrong labels": "with a fifth of the training labels wrong",
    "few rows": "with a quarter of the training rows",
    MISSING: "without a modality at test time",
}
METHOD = (
    "Paired t-tests over seeds, two-sided. Of each claim a primary outcome, fixed in benchmarks/claims_outcomes.toml, "
    "pooled over the data sets by Stouffer's method, decides what is said; being the only one, its p needs no "
    "correction. Secondary outcomes are corrected by Holm's method within the claim, data sets within an outcome. "
    "Where nothing was found, how far apart the two are at most: two one-sided tests at 5 %. Spread over seeds is "
    "tested by the distance of every run from its variant's median (after Brown and Forsythe 1974), seed by seed."
)
Runs = Mapping[
    str, Mapping[int, Mapping[str, Any]]
]  # of one data set and condition: variant -> seed -> record


@dataclass(frozen=True)
class Outcome:
    """What is compared: its words, whether more is better (1), less (-1), the conditions it is known for, and the
    numbers over seeds.

    Attributes:
        over_seeds: whether the distances of the numbers from their median are compared, not the numbers.
    """

    words: str
    sign: int
    conditions: tuple[str, ...]
    of: Callable[[Mapping[str, Any]], float | None]
    over_seeds: bool = False


def outcomes(key: str) -> dict[str, Outcome]:
    """Returns what is compared on a data set with this headline metric."""
    sign = 1 if metrics.describe[key].higher_is_better else -1
    name = metrics.describe[key].short

    def of(part: str, value: str) -> Callable[[Mapping[str, Any]], float | None]:
        return lambda record: record[part][value]

    def relative(record: Mapping[str, Any]) -> float | None:
        found = record["physics"]
        return (
            found["negativity_deviation"] / found["negativity"]
            if found["negativity"] > 1e-6
            else None
        )

    clean = ("clean",)
    return {
        "result": Outcome(f"test {name}", sign, tuple(CONDITIONS), of("test", key)),
        "seeds": Outcome(
            f"spread of the test {name} over seeds",
            -1,
            tuple(CONDITIONS),
            of("test", key),
            over_seeds=True,
        ),
        "gap": Outcome(
            f"{name} lost from training to test rows",
            -1,
            clean,
            lambda r: sign * (r["train"][key] - r["test"][key]),
        ),
        "variation": Outcome(
            "deviation over mean of the gradient norm", -1, clean, of("gradient", "variation")
        ),
        "peak": Outcome("largest over median gradient norm", -1, clean, of("gradient", "peak")),
        "negativity": Outcome(
            "spread of the negativity over samples (bits)",
            -1,
            clean,
            of("physics", "negativity_deviation"),
        ),
        "relative": Outcome(
            "spread of the negativity over samples, over its mean", -1, clean, relative
        ),
        "entropy": Outcome(
            "spread of the entropies over samples (nats)",
            -1,
            clean,
            of("physics", "entropy_deviation"),
        ),
        "between": Outcome(
            "spread of the mean negativity over seeds (bits)",
            -1,
            clean,
            of("physics", "negativity"),
            True,
        ),
    }


def by_variant(
    records: Sequence[Mapping[str, Any]], name: str, condition: str
) -> dict[str, dict[int, Mapping[str, Any]]]:
    """Returns variant -> seed -> record; for MISSING the clean ones, their test metrics the means over the modality
    that is absent."""
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for record in records:
        if (record["data"], record["condition"]) != (
            name,
            "clean" if condition == MISSING else condition,
        ):
            continue
        if condition == MISSING:
            each = list(record["missing"].values())
            record = {
                **record,
                "test": {key: float(np.mean([m[key] for m in each])) for key in each[0]},
            }
        found.setdefault(record["variant"], {})[record["seed"]] = record
    return {variant: dict(sorted(found[variant].items())) for variant in LABELS if variant in found}


def in_order(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the data sets in the order in which the plan names them."""
    own = {r["data"] for r in records}
    return [*(name for name in PLAN["data"] if name in own), *sorted(own - set(PLAN["data"]))]


def planned(key: str) -> list[tuple[str, str]]:
    """Returns outcome and condition of every test of a claim, the primary one first."""
    claim, known = PLAN["claims"][key], outcomes("accuracy")
    primary = (claim["primary"][0], claim["primary"][1])
    return list(
        dict.fromkeys(
            [
                primary,
                *(
                    (part, condition)
                    for part in claim["secondary"]
                    for condition in known[part].conditions
                ),
            ]
        )
    )


def excluded(name: str, outcome: str, condition: str) -> bool:
    """Whether the plan says that a comparison on a data set can come out one way only."""
    return any(
        name in each["data"] and outcome in each["outcomes"] and condition == each["condition"]
        for each in PLAN["excluded"]
    )


def tests(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns every test of every claim on every data set, p beside p corrected over the data sets."""
    names = in_order(records)
    runs = {
        (name, condition): by_variant(records, name, condition)
        for name in names
        for condition in CONDITIONS
    }
    found = []
    for key in PLAN["claims"]:
        for place, (outcome, condition) in enumerate(planned(key)):
            own = [
                test
                for name in names
                if not excluded(name, outcome, condition)
                and (test := compared(key, name, outcome, condition, runs[name, condition]))
            ]
            for test, holm in zip(own, comparisons.holm([t["p"] for t in own]), strict=True):
                found.append({**test, "holm": short(holm), "primary": place == 0})
    return found


def compared(
    key: str, name: str, outcome: str, condition: str, runs: Runs
) -> dict[str, Any] | None:
    """Returns one comparison of a claim on a data set; None where there are too few seeds, or both are the same in
    every run, which tests nothing."""
    claim, about = PLAN["claims"][key], outcomes(headline(name))[outcome]
    ours, theirs = (_values(runs.get(claim[side], {}), about) for side in ("ours", "rival"))
    seeds = sorted(set(ours) & set(theirs))
    if len(seeds) < FEWEST:
        return None
    sides = [np.array([side[seed] for seed in seeds]) for side in (ours, theirs)]
    shown = [float(side.std(ddof=1) if about.over_seeds else side.mean()) for side in sides]
    if about.over_seeds:
        sides = [np.abs(side - np.median(side)) for side in sides]
    pair = comparisons.paired(sides[0].tolist(), sides[1].tolist())
    if pair.error == 0 and pair.difference == 0:
        return None
    return {
        "claim": key,
        "data": name,
        "condition": condition,
        "outcome": outcome,
        "metric": headline(name),
        "n": pair.n,
        "words": words(outcome, condition, name),
        "ours": short(shown[0]),
        "rival": short(shown[1]),
        "sign": about.sign,
        "over_seeds": about.over_seeds,
        **{
            side: short(getattr(pair, side)) for side in ("difference", "low", "high", "p", "bound")
        },
    }


def words(outcome: str, condition: str, name: str = "") -> str:
    """Returns what is compared, in words; of several data sets without a name."""
    about = outcomes(headline(name))[outcome].words
    if not name:
        about = about.replace("Accuracy", "result")
    return about if condition == "clean" else f"{about}, {CONDITIONS[condition]}"


def _values(runs: Mapping[int, Mapping[str, Any]], outcome: Outcome) -> dict[int, float]:
    found = {seed: outcome.of(record) for seed, record in runs.items()}
    return {seed: value for seed, value in found.items() if value is not None}


def pool(own: Sequence[Mapping[str, Any]]) -> comparisons.Pooled:
    """Returns tests of one outcome pooled over data sets; up is in favour of the claim."""
    return comparisons.stouffer(
        [t["p"] for t in own],
        [t["sign"] * t["difference"] for t in own],
        [t["n"] ** 0.5 for t in own],
    )


def verdict(z: float, p: float) -> str:
    """Returns "for", "against" or "open"."""
    return "open" if p >= ALPHA else "for" if z > 0 else "against"


def pooled(found: Sequence[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
    """Returns the tests of a claim pooled over data sets, the primary one first; secondary ones are corrected
    together."""
    made = []
    for place, (outcome, condition) in enumerate(planned(key)):
        own = [
            t
            for t in found
            if (t["claim"], t["outcome"], t["condition"]) == (key, outcome, condition)
        ]
        if not own:
            continue
        whole = pool(own)
        entry = {
            "outcome": outcome,
            "condition": condition,
            "words": words(outcome, condition),
            "primary": place == 0,
            "z": short(whole.z),
            "p": short(whole.p),
            "up": whole.up,
            "down": sum(t["sign"] * t["difference"] < 0 for t in own),
            "tests": whole.tests,
        }
        after = [t for t in own if PLAN["data"].get(t["data"], {}).get("after")]
        if place == 0 and 0 < len(after) < len(own):
            entry["after"] = {
                "p": short(pool(after).p),
                "z": short(pool(after).z),
                "tests": len(after),
            }
        made.append(entry)
    second = [entry for entry in made if not entry["primary"]]
    corrected = comparisons.holm([entry["p"] for entry in second])
    for entry, p in zip(second, corrected, strict=True):
        entry["holm"] = short(p)
    for entry in made:
        entry["verdict"] = verdict(entry["z"], entry.get("holm", entry["p"]))
    return made


def claims(found: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns every claim: its tests pooled, what they say, and a sentence for every data set."""
    made: list[dict[str, Any]] = []
    for key, claim in PLAN["claims"].items():
        own = [t for t in found if t["claim"] == key]
        if not any(t["primary"] for t in own):
            continue
        entries = pooled(found, key)
        made.append(
            {
                "key": key,
                "claim": claim["claim"],
                "theirs": claim["theirs"],
                "verdict": entries[0]["verdict"],
                "pooled": entries,
                "sentence": text.claim_sentence(entries),
                "data": {
                    name: text.data_sentence([t for t in own if t["data"] == name], title)
                    for name, title in titles.items()
                    if any(t["data"] == name for t in own)
                },
            }
        )
    return made + [
        {
            "key": "",
            "claim": each["claim"],
            "theirs": each["theirs"],
            "verdict": "untested",
            "pooled": [],
            "sentence": each["why"],
            "data": {},
        }
        for each in PLAN["untested"]
    ]


def rows(records: Sequence[Mapping[str, Any]], name: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Returns condition -> variant -> numbers that are shown: mean, spread and interval over seeds."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for condition in CONDITIONS:
        for variant, runs in by_variant(records, name, condition).items():
            each = list(runs.values())
            row: dict[str, Any] = {
                "seeds": list(runs),
                "test": {key: _mean([r["test"][key] for r in each]) for key in each[0]["test"]},
            }
            if condition != MISSING:
                row["gradient"] = {
                    key: _mean([r["gradient"][key] for r in each]) for key in each[0]["gradient"]
                }
            if condition == "clean":
                row["physics"] = {
                    key: _mean([r["physics"][key] for r in each]) for key in each[0]["physics"]
                }
                row["seconds"] = round(float(np.median([r["processor_seconds"] for r in each])), 1)
            found.setdefault(condition, {})[variant] = row
    return found


def _mean(values: Sequence[float | None]) -> dict[str, Any] | None:
    known = [value for value in values if value is not None]
    return (
        None
        if not known
        else comparisons.mean_interval(known).record()
        | {"values": [short(value) for value in known]}
    )


def assemble(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns all that was measured: the rows of every data set, the tests and the claims.

    What of it the Leaderboard page reads is kept in qfusion/assets/claims.json, see `kept`.
    """
    names = in_order(records)
    made = {
        name: {
            **next(r["terms"] for r in records if r["data"] == name),
            "headline": headline(name),
            "rows": rows(records, name),
        }
        for name in names
    }
    found = tests(records)
    return {
        "format": 2,
        "date": date.today().isoformat(),
        "command": "python benchmarks/claims.py",
        "machine": f"{os.cpu_count()} cores {platform.machine()}, one torch thread",
        "versions": {
            "python": platform.python_version(),
            "torch": version("torch"),
            "numpy": version("numpy"),
            "scipy": version("scipy"),
        },
        "method": METHOD,
        "variants": LABELS,
        "conditions": CONDITIONS,
        "data": made,
        "tests": found,
        "claims": claims(found, {name: entry["title"] for name, entry in made.items()}),
    }


def kept(found: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the page reads: the claims with their numbers, how they were tested, and when."""
    return {
        key: found[key]
        for key in ("format", "date", "command", "machine", "versions", "method", "claims")
    }
