"""Audits of models by their twins: rows, verdicts, and which model is audited."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import audit as benchmark
from qfusion import data
from qfusion.errors import NotFound
from qfusion.models import build
from qfusion.plugins.why import evidence
from qfusion.plugins.why.audit import audit, audit_rows, quantum_resources
from qfusion.plugins.why.audit.words import name_audited_model, summarise_audit
from qfusion.study.opening import open_study
from qfusion.training import checkpoint, metrics


def test_failed_twin_is_reported_in_its_row() -> None:
    def record(variant: str, seed: int, **more: Any) -> dict[str, Any]:
        return {"data": "parity", "variant": variant, "seed": seed, **more}

    records = [record("qj", s, test={"accuracy": 0.9 + 0.001 * s}) for s in range(3)]
    records += [record("qj-dephased", s, test={"accuracy": 0.5}) for s in range(2)]
    records += [record("qj-dephased", 2, failed="ValueError: its scores are not finite")]
    rows = benchmark.table(benchmark.audit_of(records, "parity", 0.02)).splitlines()
    assert "| coherence (local basis) | 2 |" in rows[2]
    assert "**1 failed** (qj-dephased, seed 2: ValueError: its scores are not finite)" in rows[2]
    assert len(rows) == 3  # of twins that nobody trained there is no row


def test_resource_value_has_a_direction_and_counts_runs_once(monkeypatch: Any) -> None:
    def record(variant: str, seed: int, mae: float) -> dict[str, Any]:
        return {"variant": variant, "seed": seed, "test": {"mae": mae}}

    records = [record("qj", s, 0.302) for s in range(3)]
    records += [record("qj-dephased", s, 0.504 + 0.01 * s) for s in range(3)]
    records += [record("qj-mean-field", s, 0.4) for s in range(2)]
    records += [{"variant": "qj", "seed": 3, "failed": "ValueError: no"}]
    mae = ("mae", metrics.LABELS["mae"])
    monkeypatch.setattr(evidence, "main_metric", lambda dataset: mae)
    entry = audit_rows.entry(records, open_study("qj-planted").dataset)
    assert entry["rows"][0]["worth"] == pytest.approx(0.212)
    assert entry["rows"][0]["margin"] == audit_rows.WITHIN  # less than a quarter of .302
    assert entry["rows"][0]["verdict"] == "needed on these rows"  # of no share rows have no bound
    assert [row["failed"] for row in entry["rows"]] == [["qj, seed 3: ValueError: no"]] * 2
    picture = quantum_resources.resource_comparison("why-audit", entry, ["a", "b"])
    assert picture.figure.layout.xaxis.title.text == "MAE: better with the resource by"
    assert "by how much MAE of the full model" in picture.caption
    assert "mean of up to 3 paired differences" in picture.caption
    assert "1 training failed" in picture.caption


def test_important_resources_are_named_first_and_many_are_counted() -> None:
    verdicts = ["not needed", "needed", "not needed", "not needed", "not needed", "helps"]
    names = list("abcdef")
    rows = [{"verdict": verdict} for verdict in verdicts]
    assert summarise_audit(rows, names) == "needed: b; helps: f; not needed: 4 of 6 resources"
    assert summarise_audit(rows[:3], names[:3]) == "needed: b; not needed: a and c"


def test_a_shipped_audit_is_that_of_the_leaderboards_models() -> None:
    entry = audit.measure_audit(open_study("qj-parity"))
    assert {row["system"] for row in entry["rows"]} == {"quantum-jump"}
    # the leaderboard's models were measured, not this one
    assert name_audited_model(entry, "mine") == "a quantum-jump with the leaderboard's settings"


def test_model_with_fewer_modalities_is_not_audited() -> None:
    dataset = data.load("parity")
    only = dict(list(dataset.input_specs.items())[:1])
    model = build("quantum-jump", only, dataset.target.classes, {"dims": 2, "hidden": 4})
    card = {
        "name": "one",
        "model": model.kind,
        "settings": model.settings,
        "inputs": only,
        "outputs": dataset.target.classes,
        "data": {"name": dataset.name, "digest": dataset.digest},
    }
    study = open_study(checkpoint.Checkpoint(model.double().eval(), card), dataset)
    with pytest.raises(NotFound, match=f"quantum-jump of {study.modalities[0]} on 'parity'"):
        audit.measure_audit(study)
