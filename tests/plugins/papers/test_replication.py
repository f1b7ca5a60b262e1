"""The preregistered replication: statistics against known truths, and refused plans and runs."""

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
import torch

from qfusion.errors import InvalidInput
from qfusion.models import build
from qfusion.plugins.papers import benchmark_board
from qfusion.plugins.why.evidence import Evidence

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "benchmarks"))

import comparisons  # noqa: E402
import replication  # noqa: E402
import replication_models as controls  # noqa: E402
import replication_report as report  # noqa: E402

ROWS = 60
INPUTS = {"a": {"size": 2, "sequence": False}, "b": {"size": 3, "sequence": False}}


# Intervals.


def test_interval_of_the_spread_ratio_covers_the_truth() -> None:
    rng = np.random.default_rng(3)
    effects = [
        comparisons.log_spread_ratio(rng.normal(size=10), 2 * rng.normal(size=10))
        for _ in range(300)
    ]
    held = [e is not None and e.interval()[0] <= np.log(0.5) <= e.interval()[1] for e in effects]
    assert np.mean(held) >= 0.9
    assert comparisons.log_spread_ratio([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) is None


def test_mean_of_differences_by_hand() -> None:
    one, two = Evidence(1.0, 0.3, 9), Evidence(3.0, 0.4, 9)
    mean = comparisons.mean_evidence([one, two])
    assert (mean.mean, mean.error) == pytest.approx((2.0, 0.25))
    assert 9 < mean.freedom < 18


# Plans.


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ours": "jump", "rival": "unitary-matched", "outcome": "spread"}, "for two claims"),
        ({"ours": "jump", "rival": "none"}, "one way only"),
        ({"ours": "none", "rival": "jump"}, "one way only"),
        ({"ours": "jumps"}, "does not have"),
    ],
)
def test_invalid_plan_is_refused(change: Mapping[str, str], words: str) -> None:
    plan = copy.deepcopy(replication.PLAN)
    plan["claims"]["generalise"] |= change
    with pytest.raises(InvalidInput, match=words):
        report.check_plan(plan)
    report.check_plan(replication.PLAN)


def test_rivals_of_primary_outcomes_have_as_many_parameters() -> None:
    """Of two cells that a primary outcome compares, the one with fewer parameters is matched to the other."""
    shape = SimpleNamespace(
        input_specs=INPUTS, target=SimpleNamespace(classes=("x", "y", "z")), modalities=INPUTS
    )
    for claim in replication.PLAN["claims"].values():
        counts = []
        for cell in (claim["ours"], claim["rival"]):
            settings = replication.settings_of(shape, cell)  # type: ignore[arg-type]
            if "matched" in replication.PLAN["cells"][cell]:
                other = replication.PLAN["cells"][cell]["matched"]
                settings["measurements"] = replication.matched(shape, settings, other)  # type: ignore[arg-type]
            counts.append(replication.size(shape, settings))  # type: ignore[arg-type]
        assert abs(counts[0] - counts[1]) <= 30, claim


# Runs.


def record(data: str, cell: str, seed: int, right: np.ndarray) -> dict[str, Any]:
    return {
        "plan": "p",
        "data": data,
        "cell": cell,
        "seed": seed,
        "day": "2026-01-01",
        "accuracy": float(right.mean()),
        "right": base64.b85encode(np.packbits(right).tobytes()).decode(),
        "behind_encoders": 5,
        "negativity": {"mean": 1.0, "deviation": 0.1 + 0.01 * seed},
        "seconds": 1.0,
    }


def made_runs(better: float) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    """Runs of two cells on two data sets, the first better by so much; their plan; their data."""
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
        "rival": "b",
        "outcome": "accuracy",
        "secondary": [],
    }
    plan = {
        "seeds": 5,
        "first_seed": 0,
        "data": list(sets),
        "cells": {"a": {}, "b": {}},
        "claims": {
            "better": claim,
            "steady": claim | {"claim": "A is steadier", "outcome": "spread"},
        },
        "excluded": [],
    }
    records = [
        record(name, cell, seed, rng.random(ROWS) < 0.6 + better * (cell == "a"))
        for name in sets
        for cell in ("a", "b")
        for seed in range(5)
    ]
    return records, plan, sets


@pytest.mark.parametrize(("better", "verdict"), [(0.35, "for"), (-0.35, "against"), (0.0, "open")])
def test_verdicts_follow_the_numbers(better: float, verdict: str) -> None:
    records, plan, sets = made_runs(better)
    claims = report.assess(report.by_cell(records, plan, "p"), plan, sets)
    assert claims[0].verdict == verdict
    words = report.sentence(claims[0])
    assert f"**{verdict}**" in words
    assert f"{claims[0].primary.pooled.mean:+.4f}" in words  # type: ignore[union-attr]
    assert ("90 % interval" in words) == (verdict == "open")
    assert claims[1].verdict == "open"


def test_runs_of_another_plan_are_refused() -> None:
    records, plan, _ = made_runs(0.1)
    records[3]["plan"] = "before"
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


# Controls.


def test_depolarised_read_out_equals_the_channel_on_states() -> None:
    torch.manual_seed(0)
    settings = dict(dims=2, jumps=1, hidden=4, dropout=0.0, evolution="unitary")
    plain = build("quantum-jump", INPUTS, ("x", "y"), settings).double().eval()
    model = controls.Depolarised(INPUTS, ("x", "y"), strength=0.3, **settings).double().eval()
    model.load_state_dict(plain.state_dict())
    rows = {
        name: torch.randn(4, spec["size"], dtype=torch.float64) for name, spec in INPUTS.items()
    }
    with torch.no_grad():
        psi = plain.product_state(plain.encode(rows))
        rho = plain.evolve_states(psi[:, :, None] * psi[:, None, :].conj(), [plain.duration])[0]
        rho = 0.7 * rho + 0.3 * torch.eye(4) / 4
        scores = torch.einsum("cab,nba->nc", plain.readout(), rho).real + plain.bias
        torch.testing.assert_close(model(rows), scores)


def test_dropout_of_probabilities_is_unbiased() -> None:
    torch.manual_seed(1)
    settings = dict(dims=2, jumps=1, hidden=4, dropout=0.0)
    model = controls.DroppedOut(INPUTS, ("x", "y"), share=0.5, **settings).double()
    rows = {
        name: torch.randn(1, spec["size"]).double().expand(20_000, -1)
        for name, spec in INPUTS.items()
    }
    with torch.no_grad():
        whole = model.eval()(rows)[0]
        dropped = model.train()(rows)
    error = dropped.std(0) / len(dropped) ** 0.5
    assert ((dropped.mean(0) - whole).abs() < 5 * error).all()
    assert (dropped.std(0) > 0).all()


def test_contraction_of_unitaries_and_of_jumps() -> None:
    torch.manual_seed(2)
    kets = torch.nn.functional.normalize(torch.randn(40, 4, dtype=torch.complex128), dim=1)
    for evolution, low, high in (("unitary", 1 - 1e-6, 1 + 1e-6), ("jump", 0.0, 0.999)):
        model = build(
            "quantum-jump", INPUTS, ("x", "y"), dict(dims=2, evolution=evolution)
        ).double()
        assert low < controls.contraction(model, kets) < high


# What is published.


def test_page_and_file_agree() -> None:
    if not replication.RUNS.is_file():
        pytest.skip("no runs are kept here")
    published = benchmark_board.load_claims().tested
    page = (ROOT / "docs" / "plugins" / "claims.md").read_text()
    assert [claim.claim for claim in published] == [
        claim["claim"] for claim in replication.PLAN["claims"].values()
    ]
    for claim in published:
        line = f"- *{claim.claim}*: **{claim.verdict}**;"
        assert page.count(line) == 1


def test_pages_agree_on_the_verdict_counts() -> None:
    if not replication.RUNS.is_file():
        pytest.skip("no runs are kept here")
    published = benchmark_board.load_claims().tested
    for name, page in report.COUNTED.items():
        text = (ROOT / "docs" / page).read_text().partition(f"<!-- table:{name} -->")[2]
        text = text.partition("<!-- /table -->")[0]
        for verdict in report.VERDICTS:
            named = [claim.claim for claim in published if claim.verdict == verdict]
            assert f"{len(named)} {verdict}" in text
            assert all(claim in text for claim in named)
