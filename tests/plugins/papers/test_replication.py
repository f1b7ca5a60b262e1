"""The preregistered replication: statistics against known truths, refused plans and runs, one verdict everywhere."""

from __future__ import annotations

import base64
import copy
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qfusion.errors import InvalidInput
from qfusion.plugins.papers import benchmark_board
from qfusion.plugins.why.evidence import (
    BY_CONSTRUCTION,
    CONTRADICTED,
    OPEN,
    SUPPORTED,
    VERDICTS,
    Evidence,
)
from tests.support.app import plain, said, visit

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "benchmarks"))

import comparisons  # noqa: E402
import front  # noqa: E402
import replication  # noqa: E402
import replication_report as report  # noqa: E402

ROWS = 60
INPUTS = {"a": {"size": 2, "sequence": False}, "b": {"size": 3, "sequence": False}}


# Intervals.


@pytest.mark.parametrize("level", [0.95, 0.99375])
def test_interval_of_a_difference_of_spreads_covers_the_truth(level: float) -> None:
    """Averaged over four data sets, as a claim is; on one of them all seeds give the same result."""
    rng = np.random.default_rng(3)
    ours, theirs = (0.01, 0.03, 0.05, 0.0), (0.03, 0.03, 0.02, 0.02)
    held = []
    for _ in range(400):
        effects = [
            comparisons.jackknife_difference(
                0.7 + a * rng.normal(size=20), 0.7 + b * rng.normal(size=20), report.spread
            )
            for a, b in zip(ours, theirs, strict=True)
        ]
        low, high = comparisons.mean_evidence(effects).interval(level)
        held.append(low <= np.subtract(ours, theirs).mean() <= high)
    assert level - 0.03 <= np.mean(held) <= min(1, level + 0.03)


def test_a_spread_of_zero_counts() -> None:
    found = comparisons.jackknife_difference([0.5, 0.5, 0.5], [0.4, 0.5, 0.6], report.spread)
    assert found.mean == pytest.approx(-0.1)
    assert found.error > 0
    same = comparisons.jackknife_difference([0.5] * 3, [0.7] * 3, report.relative_spread)
    assert (same.mean, same.error) == (0, 0)


def test_mean_of_differences_by_hand() -> None:
    one, two = Evidence(1.0, 0.3, 9), Evidence(3.0, 0.4, 9)
    mean = comparisons.mean_evidence([one, two])
    assert (mean.mean, mean.error) == pytest.approx((2.0, 0.25))
    assert 9 < mean.freedom < 18


# Plans.


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcomes": ["spread"]}, "for two claims"),
        ({"ours": "jumps"}, "does not have"),
        ({"rivals": ["none-matched"], "outcomes": ["spread"]}, "does not have"),  # locally
        ({"readouts": ["joint"]}, "does not say why"),
    ],
)
def test_invalid_plan_is_refused(change: Mapping[str, Any], words: str) -> None:
    plan = copy.deepcopy(replication.PLAN)
    plan["claims"]["generalise"] |= change
    with pytest.raises(InvalidInput, match=words):
        report.check_plan(plan)
    report.check_plan(replication.PLAN)


def test_cells_that_no_claim_uses_are_refused() -> None:
    plan = copy.deepcopy(replication.PLAN)
    plan["cells"]["jump-long"] = {"evolution": "jump", "duration": 8.0}
    with pytest.raises(InvalidInput, match="No claim of the plan uses"):
        report.check_plan(plan)


def test_claims_against_another_evolution_have_a_plain_and_a_matched_rival() -> None:
    """A matched cell has as many parameters as `jump` with the same read-out, to within one measurement vector."""
    shape = SimpleNamespace(
        input_specs=INPUTS, target=SimpleNamespace(classes=("x", "y", "z")), modalities=INPUTS
    )
    for claim in replication.PLAN["claims"].values():
        if claim["ours"] in ("sampled", "jump-longest"):
            continue
        assert ["matched" in rival for rival in claim["rivals"]] == [False, True]
        cell = claim["rivals"][1]
        for readout in claim.get("readouts", replication.PLAN["readouts"]):
            settings = replication.settings_of(cell, readout)
            jump = replication.settings_of("jump", readout)
            settings["measurements"] = replication.matched(shape, settings, jump)  # type: ignore[arg-type]
            counts = [replication.size(shape, each) for each in (settings, jump)]  # type: ignore[arg-type]
            assert abs(counts[0] - counts[1]) <= 30, claim


def test_runs_need_the_code_of_the_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(replication, "code_digest", lambda: "another")
    with pytest.raises(InvalidInput, match="is not that of replication_plan"):
        replication.collect([], tmp_path / "runs.jsonl")


# Runs.


def record(data: str, cell: str, seed: int, right: np.ndarray, **other: Any) -> dict[str, Any]:
    return {
        "plan": "p",
        "code": "c",
        "data": data,
        "cell": cell,
        "readout": "joint",
        "seed": seed,
        "day": "2026-01-01",
        "accuracy": float(right.mean()),
        "right": base64.b85encode(np.packbits(right).tobytes()).decode(),
        "behind_encoders": 5,
        "negativity": {"mean": 1.0, "deviation": 0.1 + 0.01 * seed},
        "seconds": 1.0,
        **other,
    }


def made_runs(
    first: float, second: float = 0.0, third: float = 0.0
) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    """Runs of three cells on two data sets, right on 0.6 of the rows and so much more; their plan; their data."""
    rng = np.random.default_rng(4)
    y = np.arange(ROWS) % 3
    sets = {
        name: SimpleNamespace(
            y=y,
            title=name.title(),
            clusters=None,
            rows=lambda split: np.arange(ROWS),
            target=SimpleNamespace(classes=("x", "y", "z")),
            __len__=lambda: ROWS,
        )
        for name in ("one", "two")
    }
    claim = {
        "claim": "A is better",
        "ours": "a",
        "rivals": ["b", "c"],
        "outcomes": ["accuracy"],
        "readouts": ["joint"],
        "by_construction": "It cannot come out another way.",
    }
    plan = {
        "code": "c",
        "seeds": 5,
        "first_seed": 0,
        "data": list(sets),
        "readouts": ["joint", "local"],
        "cells": {name: {"readouts": ["joint"]} for name in "abc"},
        "claims": {
            "better": claim,
            "steady": claim | {"claim": "A is steadier", "outcomes": ["spread", "relative spread"]},
        },
    }
    records = [
        record(name, cell, seed, rng.random(ROWS) < 0.6 + more)
        for name in sets
        for cell, more in zip("abc", (first, second, third), strict=True)
        for seed in range(5)
    ]
    return records, plan, sets


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        ((0.35, 0.0, 0.0), SUPPORTED),
        ((-0.35, 0.0, 0.0), CONTRADICTED),
        ((0.0, 0.0, 0.0), OPEN),
        ((0.0, -0.35, 0.35), OPEN),  # one rival is beaten, the other not
        ((0.35, 0.0, 0.35), OPEN),
    ],
)
def test_verdicts_follow_from_the_intervals(shares: tuple[float, ...], verdict: str) -> None:
    records, plan, sets = made_runs(*shares)
    claims = report.assess(report.by_cell(records, plan, "p"), plan, sets)
    assert claims[0].verdict == verdict
    assert claims[0].verdicts == {"joint": verdict, "local": BY_CONSTRUCTION}
    ends = [entry.pooled.interval(1 - 0.05 / 2) for entry in claims[0].compared["joint"]]
    assert (verdict == SUPPORTED) == all(low > 0 for low, _ in ends)
    assert (verdict == CONTRADICTED) == all(high < 0 for _, high in ends)
    said = report.sentence(claims[0])
    for entry, (low, high) in zip(claims[0].compared["joint"], ends, strict=True):
        assert f"{entry.pooled.mean:+.3f} [{low:+.3f}, {high:+.3f}] against {entry.rival}" in said
    assert "Local read-out: true by construction; It cannot come out another way." in said
    assert f"| **{verdict}** |" in report.effects(claims)


def test_trainings_that_all_fail_are_not_stable() -> None:
    """They spread less, and fail more often: the claim is open, not supported."""
    records, plan, sets = made_runs(0.0)
    for one in records:
        right = np.arange(ROWS) < (20 if one["cell"] == "a" else (30, 50, 30, 50, 40)[one["seed"]])
        one |= record(one["data"], one["cell"], one["seed"], right)
    claims = report.assess(report.by_cell(records, plan, "p"), plan, sets)
    for entry in claims[1].compared["joint"]:
        assert entry.pooled.interval(entry.level)[1] < 0
        assert entry.failed == (1.0, 0.0)
    assert claims[1].verdict == OPEN


@pytest.mark.parametrize("other", [{"plan": "before"}, {"code": "before"}])
def test_runs_of_another_plan_or_code_are_refused(other: dict[str, str]) -> None:
    records, plan, _ = made_runs(0.1)
    records[3] |= other
    with pytest.raises(InvalidInput, match="1 runs were made under another plan"):
        report.by_cell(records, plan, "p")


def test_only_complete_cells_are_compared() -> None:
    records, plan, _ = made_runs(0.1)
    with pytest.raises(InvalidInput, match=r"lacks the seeds \[4\]"):
        report.by_cell(records[:-1], plan, "p")


def test_the_plan_is_older_than_its_runs() -> None:
    """The commit that made the plan what it is lies before the first run, and every run is of this plan."""
    if not replication.RUNS.is_file():
        pytest.skip("no runs are kept here")
    records = [json.loads(line) for line in replication.RUNS.read_text().splitlines()]
    assert {r["plan"] for r in records} == {replication.PLAN_DIGEST}
    assert {r["code"] for r in records} == {replication.PLAN["code"]}
    command = ["git", "log", "-1", "--format=%at", "--", str(replication.PLAN_FILE)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if told.returncode or not told.stdout.strip():
        pytest.skip("no history of the repository is here")
    shallow = ["git", "rev-parse", "--is-shallow-repository"]
    if subprocess.run(shallow, cwd=ROOT, capture_output=True, text=True).stdout.strip() != "false":
        pytest.skip("the repository's history is cut off")
    committed = datetime.fromtimestamp(int(told.stdout), UTC)
    first = min(datetime.fromisoformat(f"{r['day']}T{r['time']}+00:00") for r in records)
    assert committed < first


# What is published.


def block(page: str, name: str) -> str:
    """What stands between the markers of a table."""
    text = (ROOT / page).read_text().partition(f"<!-- table:{name} -->")[2]
    return text.partition("<!-- /table -->")[0]


def test_a_claim_has_one_verdict_on_all_surfaces() -> None:
    published = benchmark_board.load_claims().tested
    if not published:
        pytest.skip("the runs of the plan are under way")
    assert [claim.claim for claim in published] == [
        claim["claim"] for claim in replication.PLAN["claims"].values()
    ]
    claims = block("docs/plugins/claims.md", "claims-results").splitlines()
    results = block("docs/results.md", "overview-jumps")
    readme = block("README.md", "front-results")
    for claim in published:
        assert claim.verdict in VERDICTS
        assert claim.verdict == next(iter(claim.readouts.values()))
        [row] = [place for place, line in enumerate(claims) if f"*{claim.claim}*" in line]
        assert claims[row].endswith(f"| **{claim.verdict}** |")
        assert f"| {claim.claim} | {' | '.join(claim.readouts.values())} |" in results
        for readout, verdict in claim.readouts.items():
            assert f"{readout.capitalize()} read-out: {verdict};" in claim.sentence
    for verdict in VERDICTS:
        named = [claim.claim for claim in published if claim.verdict == verdict]
        if not named:
            continue
        assert f"{len(named)} {verdict}" in readme
        for name, page in report.COUNTED.items():
            assert f"{len(named)} {verdict} ({'; '.join(named)})" in block(f"docs/{page}", name)


def test_the_page_shows_each_claim_with_its_verdicts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    records, plan, sets = made_runs(0.35)
    claims = report.assess(report.by_cell(records, plan, "p"), plan, sets)
    file = tmp_path / "claims.json"
    file.write_text(json.dumps(report.as_json(claims, sets, ["2026-01-01"])))
    monkeypatch.setattr(benchmark_board, "CLAIMS_FILE", file)
    said_there = plain(said(visit("Leaderboard", **{"board": "digits", "board.view": "Claims"})))
    for claim in claims:
        parts = [f"{readout} read-out: {verdict}" for readout, verdict in claim.verdicts.items()]
        assert " · ".join(parts) in said_there
        assert plain(report.sentence(claim)) in said_there
    monkeypatch.setattr(front, "CLAIMS", file)
    assert f"| A is better | {SUPPORTED} | {BY_CONSTRUCTION} |" in front.jumps(front.read_claims())


def test_a_parity_without_evolution_is_true_by_construction() -> None:
    assert f"| {BY_CONSTRUCTION} |" in block("README.md", "front-results").splitlines()[3]
    audit = block("docs/plugins/why.md", "audit-short")
    [row] = [line for line in audit.splitlines() if line.startswith("| QiNN-QJ: any evolution |")]
    assert row.split("|")[2].strip().startswith(BY_CONSTRUCTION)
