"""From finished runs of benchmarks/claims.py to qfusion/assets/claims.json: means, every test with one correction for
all, the claims."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any

import claims_text as text
import numpy as np
from leaderboard_report import headline, short

from qfusion.training import comparison, metrics

ALPHA = 0.05
FEWEST = 3  # seeds for a test
MISSING = "one missing"
LABELS = {"jump": "jump", "unitary": "unitary (no jumps)", "dissipative": "dissipative (no H)", "none": "no evolution",
          "single": "jump, one modality is read", "joint": "jump, the joint state is read",
          "sampled": "jump, trained on trajectories"}
CONDITIONS = {"clean": "all rows as they are", "wrong labels": "with a fifth of the training labels wrong",
              "few rows": "with a quarter of the training rows", MISSING: "without a modality at test time"}
METHOD = (
    "Paired t-tests over seeds, two-sided; Holm's correction over all tests of the page together. Spread over seeds is "
    "tested by the distance of every run from its variant's median (after Brown and Forsythe 1974), seed by seed.")
Runs = Mapping[str, Mapping[int, Mapping[str, Any]]]  # of one data set and condition: variant -> seed -> record


@dataclass(frozen=True)
class Outcome:
    """What is compared: its words, whether more is better (1), less (-1), the conditions it is known for, and the
    numbers over seeds.

    Attributes:
        over_seeds: whether the distances of the numbers from their median are compared, not the numbers.
        rivals: of the jump dynamics; None for all.
    """

    words: str
    sign: int
    conditions: tuple[str, ...]
    of: Callable[[Mapping[str, Any]], float | None]
    over_seeds: bool = False
    rivals: tuple[str, ...] | None = None


def outcomes(key: str) -> dict[str, Outcome]:
    """Returns what is compared on a data set with this headline metric."""
    sign = 1 if metrics.describe[key].higher_is_better else -1
    name, evolving = metrics.describe[key].short, ("unitary", "dissipative", "single", "joint", "sampled")

    def of(part: str, value: str) -> Callable[[Mapping[str, Any]], float | None]:
        return lambda record: record[part][value]

    def relative(record: Mapping[str, Any]) -> float | None:
        found = record["physics"]
        return found["negativity_deviation"] / found["negativity"] if found["negativity"] > 1e-6 else None

    clean = ("clean",)
    return {
        "result": Outcome(f"test {name}", sign, tuple(CONDITIONS), of("test", key)),
        "seeds": Outcome(f"spread of the test {name} over seeds", -1, tuple(CONDITIONS), of("test", key),
                         over_seeds=True),
        "gap": Outcome(f"{name} lost from training to test rows", -1, clean,
                       lambda r: sign * (r["train"][key] - r["test"][key])),
        "variation": Outcome("deviation over mean of the gradient norm", -1, clean, of("gradient", "variation")),
        "peak": Outcome("largest over median gradient norm", -1, clean, of("gradient", "peak")),
        "negativity": Outcome("spread of the negativity over samples (bits)", -1, clean,
                              of("physics", "negativity_deviation"), rivals=evolving),
        "relative": Outcome("spread of the negativity over samples, over its mean", -1, clean, relative,
                            rivals=evolving),
        "entropy": Outcome("spread of the entropies over samples (nats)", -1, clean, of("physics", "entropy_deviation"),
                           rivals=evolving),
        "between": Outcome("spread of the mean negativity over seeds (bits)", -1, clean, of("physics", "negativity"),
                           True, evolving),
        "distance": Outcome("trace distance to the steady state", -1, clean, of("physics", "distance"),
                            rivals=("dissipative", "single", "joint", "sampled", "start"))}


@dataclass(frozen=True)
class Claim:
    """What the paper, or we, say, and the tests that bear on it.

    Attributes:
        ours, rival: variants; the claim is that `ours` is better.
        parts: outcomes, each under all its conditions.
        theirs: whether the paper says so.
    """

    words: str
    ours: str
    rival: str
    parts: tuple[str, ...]
    theirs: bool = True


CLAIMS = {
    "generalise": Claim("Jump dynamics generalise better than unitary ones", "jump", "unitary", ("result", "gap")),
    "stable": Claim("Jump dynamics train more stably than unitary ones", "jump", "unitary",
                    ("seeds", "variation", "peak")),
    "together": Claim("Hamiltonian and jumps, learned together, do better than jumps alone", "jump", "dissipative",
                      ("result",)),
    "stochastic": Claim("Structured stochasticity, here training on sampled jumps, stabilises training", "sampled",
                        "jump", ("result", "seeds", "variation", "peak")),
    "attractor": Claim("The evolution draws states to a steady state, its attractor", "jump", "start", ("distance",)),
    "entanglement": Claim("Dissipation constrains the entanglement that comes out", "jump", "unitary",
                          ("negativity", "relative", "entropy", "between")),
    "evolution": Claim("The evolution decides something", "jump", "none", ("result",), theirs=False),
    "readout": Claim("Reading one modality at a time does better than reading the joint state", "jump", "joint",
                     ("result",), theirs=False)}


def by_variant(records: Sequence[Mapping[str, Any]], name: str,
               condition: str) -> dict[str, dict[int, Mapping[str, Any]]]:
    """Returns variant -> seed -> record; for MISSING the clean ones, their test metrics the means over the modality
    that is absent."""
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for record in records:
        if (record["data"], record["condition"]) != (name, "clean" if condition == MISSING else condition):
            continue
        if condition == MISSING:
            each = list(record["missing"].values())
            record = {**record, "test": {key: float(np.mean([m[key] for m in each])) for key in each[0]}}
        found.setdefault(record["variant"], {})[record["seed"]] = record
    return {variant: dict(sorted(found[variant].items())) for variant in LABELS if variant in found}


def tests(name: str, condition: str, runs: Runs) -> Iterator[dict[str, Any]]:
    """Yields every comparison of the jump dynamics with a rival under one condition, not yet corrected."""
    for key, outcome in outcomes(headline(name)).items():
        rivals = outcome.rivals or tuple(LABELS)
        if condition not in outcome.conditions:
            continue
        for rival in (r for r in rivals if r != "jump"):
            ours, theirs = _values(runs.get("jump", {}), outcome), _values(runs.get(rival, {}), outcome)
            if rival == "start":
                theirs = {seed: record["physics"]["distance_start"] for seed, record in runs.get("jump", {}).items()
                          if seed in ours}
            seeds = sorted(set(ours) & set(theirs))
            if len(seeds) < FEWEST:
                continue
            sides = [np.array([side[seed] for seed in seeds]) for side in (ours, theirs)]
            shown = [float(side.std(ddof=1) if outcome.over_seeds else side.mean()) for side in sides]
            if outcome.over_seeds:
                sides = [np.abs(side - np.median(side)) for side in sides]
            pair = comparison.paired(sides[0].tolist(), sides[1].tolist())
            deviation = pair.error * pair.n**0.5
            yield {"data": name, "condition": condition, "outcome": key, "rival": rival, "metric": headline(name),
                   "n": pair.n, "words": outcome.words if condition == "clean"
                   else f"{outcome.words}, {CONDITIONS[condition]}",
                   "jump": short(shown[0]), "other": short(shown[1]), "sign": outcome.sign,
                   **{side: short(getattr(pair, side)) for side in ("difference", "low", "high", "p")},
                   "size": short(pair.difference / deviation) if deviation > 0 else None}


def _values(runs: Mapping[int, Mapping[str, Any]], outcome: Outcome) -> dict[int, float]:
    found = {seed: outcome.of(record) for seed, record in runs.items()}
    return {seed: value for seed, value in found.items() if value is not None}


def corrected(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns all tests with Holm's correction over them together, and what each says of the jump dynamics."""
    p = comparison.holm([test["p"] for test in found])
    return [{**test, "holm": float(f"{holm:.6g}"), "verdict": verdict(test["sign"] * test["difference"], holm)}
            for test, holm in zip(found, p, strict=True)]


def verdict(gain: float, p: float) -> str:
    """Returns "better", "worse" or "open"."""
    return "open" if p >= ALPHA else "better" if gain > 0 else "worse"


def claims(found: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns every claim on every data set: what its tests say, and the sentence."""
    made = []
    for key, claim in CLAIMS.items():
        variant = claim.rival if claim.ours == "jump" else claim.ours
        says = {"better": "for", "worse": "against"} if claim.ours == "jump" else {"better": "against", "worse": "for"}
        for name, title in titles.items():
            own = [test for part in claim.parts for test in found
                   if (test["data"], test["outcome"], test["rival"]) == (name, part, variant)]
            if not own:
                continue
            entry = {"key": key, "claim": claim.words, "theirs": claim.theirs, "data": name,
                     "seeds": max(test["n"] for test in own),
                     "verdict": {test["words"]: says.get(test["verdict"], "open") for test in own}}
            made.append({**entry, "sentence": text.sentence(entry, own, title, reverse=claim.ours != "jump")})
    return made


def rows(records: Sequence[Mapping[str, Any]], name: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Returns condition -> variant -> numbers that are shown: mean, spread and interval over seeds."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for condition in CONDITIONS:
        for variant, runs in by_variant(records, name, condition).items():
            each = list(runs.values())
            row: dict[str, Any] = {"seeds": list(runs),
                                   "test": {key: _mean([r["test"][key] for r in each]) for key in each[0]["test"]}}
            if condition != MISSING:
                row["gradient"] = {key: _mean([r["gradient"][key] for r in each]) for key in each[0]["gradient"]}
            if condition == "clean":
                row["physics"] = {key: _mean([r["physics"][key] for r in each]) for key in each[0]["physics"]}
                row["seconds"] = round(float(np.median([r["processor_seconds"] for r in each])), 1)
            found.setdefault(condition, {})[variant] = row
    return found


def _mean(values: Sequence[float | None]) -> dict[str, Any] | None:
    known = [value for value in values if value is not None]
    return None if not known else comparison.mean(known).record() | {"values": [short(value) for value in known]}


def assemble(records: Sequence[Mapping[str, Any]], kept: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Returns what is kept in qfusion/assets/claims.json: of the records, and of an earlier such file what it says of
    other data sets.

    The tests of an earlier file count in Holm's correction as all others do.
    """
    own = list(dict.fromkeys(r["data"] for r in records))
    earlier = {name: entry for name, entry in (kept or {"data": {}})["data"].items() if name not in own}
    made = {name: {**next(r["terms"] for r in records if r["data"] == name), "headline": headline(name),
                   "rows": rows(records, name)}
            for name in own}
    found = corrected([test for name in (*earlier, *own) for test in (
        (t for t in kept["tests"] if t["data"] == name) if kept and name in earlier else
        (t for condition in CONDITIONS for t in tests(name, condition, by_variant(records, name, condition))))])
    return {
        "format": 1, "date": date.today().isoformat(), "command": "python benchmarks/claims.py",
        "machine": f"{os.cpu_count()} cores {platform.machine()}, one torch thread",
        "versions": {"python": platform.python_version(), "torch": version("torch"), "numpy": version("numpy"),
                     "scipy": version("scipy")},
        "method": METHOD, "variants": LABELS, "conditions": CONDITIONS,
        "data": earlier | made, "tests": found,
        "claims": claims(found, {name: entry["title"] for name, entry in (earlier | made).items()})}
