"""The tests of the papers' claims: what is done to rows, how runs are kept, statistics and sentences on numbers made by
hand, the page."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qfusion import data
from qfusion.analysis import runs
from qfusion.data import DataSet
from qfusion.errors import IntegrityError
from qfusion.models import QuantumJump
from qfusion.training import Options
from tests.test_app_pages import plain, said, visit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import claims  # noqa: E402
import claims_measures as measures  # noqa: E402
import claims_report as report  # noqa: E402
import claims_text as text  # noqa: E402
import comparisons  # noqa: E402


@pytest.fixture(scope="module", params=["planted", "parity"])
def dataset(request: pytest.FixtureRequest) -> DataSet:
    return data.load(request.param)


@pytest.mark.parametrize("split", ["train", "train+valid"])
def test_wrong_labels_touch_the_rows_trained_on_alone(dataset: DataSet, split: str) -> None:
    found, again, other = (measures.wrong_labels(dataset, split, seed).y for seed in (3, 3, 4))
    changed = np.flatnonzero(found != dataset.y)
    assert set(changed) <= set(dataset.rows(split))
    assert len(changed) == pytest.approx(
        measures.WRONG * len(dataset.rows(split)), abs=0 if dataset.name == "parity" else 3
    )
    np.testing.assert_array_equal(found, again)
    assert (found != other).any()
    if dataset.target.kind == "regression":  # the targets are the same ones, on other rows
        np.testing.assert_array_equal(np.sort(found), np.sort(dataset.y))


def test_fewer_rows_leave_all_others(dataset: DataSet) -> None:
    found = measures.fewer_rows(dataset, "train", 3)
    assert len(found.rows("train")) == round(measures.KEPT * len(dataset.rows("train")))
    for split in ("valid", "test"):
        np.testing.assert_array_equal(
            found.ids[found.rows(split)], dataset.ids[dataset.rows(split)]
        )
    one = int(found.rows("train")[5])
    row = dataset.row(str(found.ids[one]))
    assert found.y[one] == dataset.y[row]
    for ours, theirs in zip(found.modalities, dataset.modalities, strict=True):
        np.testing.assert_array_equal(ours.values[one], theirs.values[row])
    assert len(measures.fewer_rows(dataset, "train+valid", 3).rows("valid")) == round(
        measures.KEPT * len(dataset.rows("valid"))
    )


def test_gradients_by_hand() -> None:
    assert measures.gradients([1, 1, 4]) == pytest.approx(
        {"mean": 2, "variation": 2**0.5 / 2, "peak": 4}
    )


def test_one_training_is_measured() -> None:
    place = data.load("planted")
    options = Options(epochs=1, patience=0)
    settings = dict(dims=2, evolution="jump", dynamics="jumps", trajectories=2, steps=4)
    result, norms = measures.trained(measures.fewer_rows(place, "train", 0), settings, options, 0)
    assert len(norms) == -(-525 // options.batch)
    assert np.mean(norms) == pytest.approx(result.history[0].gradient_norm)
    assert result.model.settings["dynamics"] == "master"
    model = result.model.double().eval()
    found = measures.physics(model, place, "train")
    assert found["joint_start"] == pytest.approx(0, abs=1e-12)  # every vector acts on one modality
    assert found["joint"] is not None
    assert found["joint"] > 1e-3
    assert found["distance"] is not None
    assert found["distance_start"] is not None
    assert 0 < found["distance"] < found["distance_start"] <= 1
    assert set(measures.without(model, place, "train")) == set(place.names)


def test_the_steady_state_by_hand() -> None:
    model = QuantumJump(
        {"a": {"size": 1, "sequence": False}, "b": {"size": 1, "sequence": False}}, dims=2, jumps=1
    ).double()
    lower = torch.zeros(4, 4, dtype=torch.complex128)
    lower[0, 1] = lower[1, 2] = lower[2, 3] = 1  # everything falls to the first level
    with torch.no_grad():
        model.A[0].zero_()
        model.L[0].copy_(torch.view_as_real(lower))
    ground = torch.zeros(4, 4, dtype=torch.complex128)
    ground[0, 0] = 1
    found = measures.settled(model)
    assert found is not None
    torch.testing.assert_close(found, ground, atol=1e-6, rtol=0)
    assert (
        measures.settled(QuantumJump(model.input_specs, dims=2, evolution="unitary").double())
        is None
    )


def made(
    variant: str, condition: str, seed: int, value: float, name: str = "parity"
) -> dict[str, Any]:
    rng = np.random.default_rng([seed, len(variant)])
    keys = ("accuracy", "nll") if name == "parity" else ("mae", "r2")
    record: dict[str, Any] = {
        "key": f"{name}-{variant}-{condition}-{seed}",
        "data": name,
        "condition": condition,
        "variant": variant,
        "seed": seed,
        "test": dict.fromkeys(keys, value + 0.002 * rng.normal()),
        "gradient": {"mean": 1.0, "variation": 0.5, "peak": 2.0 + rng.random()},
        "seconds": 2.0,
        "processor_seconds": 1.5,
        "epochs": 3,
        "kept": 3,
        "terms": {
            "title": name.title(),
            "modalities": ["a", "b"],
            "target": "classification",
            "digest": "x",
            "trained_on": 100,
            "test": 50,
            "settings": {},
            "options": {"epochs": 3},
            "recipe_epochs": 4,
        },
    }
    if condition == "clean":
        steady = variant not in ("unitary", "none")
        record |= {
            "train": record["test"],
            "missing": {m: dict.fromkeys(keys, 0.5) for m in ("a", "b")},
            "physics": {
                "joint_start": 0.0,
                "joint": 0.4,
                "negativity": 0.0 if variant == "none" else 1.0 + 0.01 * rng.random(),
                "negativity_deviation": 0.1 + 0.01 * rng.random() + 0.1 * (variant == "unitary"),
                "entropy": 1.0,
                "entropy_deviation": 0.1 + 0.1 * rng.random(),
                "distance_start": 0.9 if steady else None,
                "distance": 0.5 + 0.01 * rng.random() if steady else None,
            },
        }
    return record


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    level = {"none": 0.5, "unitary": 0.95, "jump": 0.95}
    return [
        made(variant, condition, seed, level.get(variant, 0.9), name)
        for name in ("parity", "mosi")
        for seed in range(6)
        for condition in measures.CHANGES
        for variant in (claims.VARIANTS if condition == "clean" else claims.FEW)
    ]


@pytest.fixture(scope="module")
def found(records: list[dict[str, Any]]) -> dict[str, Any]:
    return json.loads(json.dumps(report.assemble(records), allow_nan=False))


def test_plan_names_what_is_measured() -> None:
    """Every primary and secondary outcome of the plan is measured, of variants that are trained."""
    known = report.outcomes("accuracy")
    for key, claim in text.PLAN["claims"].items():
        assert {claim["ours"], claim["rival"]} <= set(claims.VARIANTS)
        assert claim["primary"][1] in known[claim["primary"][0]].conditions
        assert set(claim["secondary"]) <= set(known)
        assert report.planned(key)[0] == tuple(claim["primary"])
    assert set(text.PLAN["data"]) == set(claims.PLACES)


def test_families_are_claims(found: dict[str, Any]) -> None:
    """Data sets are corrected within one outcome, secondary outcomes within one claim, the primary one not at all."""
    tests = found["tests"]
    for key in text.PLAN["claims"]:
        own = [t for t in tests if t["claim"] == key and t["primary"]]
        assert [t["holm"] for t in own] == pytest.approx(
            comparisons.holm([t["p"] for t in own]), rel=1e-4
        )
        entries = next(c for c in found["claims"] if c["key"] == key)["pooled"]
        assert entries[0]["primary"]
        assert "holm" not in entries[0]
        second = entries[1:]
        assert [e["holm"] for e in second] == pytest.approx(
            comparisons.holm([e["p"] for e in second]), rel=1e-4
        )
        pooled = comparisons.stouffer(
            [t["p"] for t in own], [t["sign"] * t["difference"] for t in own]
        )
        assert entries[0]["z"] == pytest.approx(pooled.z, rel=1e-4)


def test_what_cannot_fail_is_not_tested(found: dict[str, Any]) -> None:
    """No distance to the steady state, no chance against chance, nothing that is the same in every run."""
    assert not [t for t in found["tests"] if t["outcome"] == "distance"]
    assert not [
        t
        for t in found["tests"]
        if t["data"] == "parity"
        and t["condition"] == report.MISSING
        and t["outcome"] in ("result", "seeds")
    ]
    assert not [t for t in found["tests"] if t["difference"] == t["low"] == t["high"] == 0]
    untested = [c for c in found["claims"] if c["verdict"] == "untested"]
    assert [c["claim"] for c in untested] == [
        "The evolution draws states to a steady state, its attractor"
    ]
    assert not untested[0]["pooled"]


def test_directions(found: dict[str, Any]) -> None:
    way = {
        (t["claim"], t["data"]): np.sign(t["sign"] * t["difference"])
        for t in found["tests"]
        if t["primary"]
    }
    assert way["evolution", "parity"] == 1
    assert way["evolution", "mosi"] == -1  # less error without
    assert way["entanglement", "parity"] == 1  # less spread
    says = {c["key"]: c["verdict"] for c in found["claims"]}
    assert says["entanglement"] == "for"
    assert says["generalise"] == "open"
    assert [report.verdict(*pair) for pair in ((1, 0.05), (1, 0.01), (-1, 0.01))] == [
        "open",
        "for",
        "against",
    ]


def test_pages_of_the_documentation_hold_the_tables(found: dict[str, Any]) -> None:
    written = text.page(found)
    shown = (ROOT / "docs" / "claims.md").read_text()
    for name in written:
        assert f"<!-- table:jumps-{name} -->" in shown
    assert "On `parity` the evolution decides: Accuracy 0.9497" in written["short"]
    assert "On `mosi` the evolution costs: MAE 0.95" in written["short"]
    assert "3 (recipe: 4)" in written["terms"]
    assert "| no evolution | 0.50" in written["results"]
    assert written["tests"].count("\n") == len(found["tests"]) + 1


def test_few_seeds_are_shown_and_not_tested(records: list[dict[str, Any]]) -> None:
    few = report.assemble([r for r in records if r["seed"] < 2])
    assert few["tests"] == []
    assert [entry["verdict"] for entry in few["claims"]] == ["untested"]
    assert few["data"]["parity"]["rows"]["clean"]["jump"]["seeds"] == [0, 1]
    text.page(few)


def test_a_cache_may_hold_what_was_tried_before(records: list[dict[str, Any]]) -> None:
    before = [{**r, "terms": {**r["terms"], "options": {"epochs": 1}}} for r in records]
    assert claims.latest([*before, *records]) == records


def test_runs_are_kept_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, calls = list(claims.runs(["planted"], 2)), []
    # whenever it stops, all variants have as many
    assert [run.seed for run in wanted] == sorted(run.seed for run in wanted)
    assert len({run.key for run in wanted}) == len(wanted)

    def measure(run: claims.Run) -> dict[str, Any]:
        calls.append(run)
        return made(run.variant, run.condition, run.seed, 0.5, "planted") | {"key": run.key}

    monkeypatch.setattr(claims, "measure", measure)
    monkeypatch.setattr(report, "headline", lambda name: "mae")
    cache = tmp_path / "deep" / "runs.jsonl"
    first = claims.collect(wanted[:3], cache)
    with cache.open("a") as file:
        file.write('{"key": "cut sh')  # the machine stopped while it was written
    assert claims.collect(wanted[:4], cache)[:3] == first
    assert calls == wanted[:4]


def test_one_run_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = claims.PLACES["planted"].recipe
    quick = claims.Place(
        replace(
            recipe,
            settings={**recipe.settings, "dims": 2},
            options={**recipe.options, "batch": 1000},
        )
    )
    monkeypatch.setitem(claims.SHORTER, "planted", 1)
    monkeypatch.setitem(claims.PLACES, "planted", quick)
    records = [
        claims.measure(claims.Run("planted", condition, "jump", 0))
        for condition in measures.CHANGES
    ]
    shown = report.assemble(json.loads(json.dumps(records)))["data"]["planted"]["rows"]
    assert set(shown) == set(report.CONDITIONS)
    assert shown["clean"]["jump"]["physics"]["joint_start"]["mean"] == pytest.approx(0, abs=1e-12)


def test_the_page(found: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "claims.json"
    monkeypatch.setattr(runs, "CLAIMS_FILE", file)
    file.write_text(json.dumps(report.kept(found)))
    app = visit("Leaderboard")
    assert not app.error
    words = plain(said(app))
    for entry in found["claims"]:
        assert entry["claim"] in words
        assert entry["sentence"] in words
        assert all(sentence in words for sentence in entry["data"].values())
    assert "The papers' claims, tested" in words
    assert "Of each claim a primary outcome" in words
    file.write_text("{")
    assert "cannot be read as tests of claims" in plain(visit("Leaderboard").error[0].value)


@pytest.mark.parametrize(
    "words", ['{"format": 1}', "[]", '{"format": 2, "claims": [3]}', "[" * 100_000]
)
def test_a_broken_file_is_named(tmp_path: Path, words: str) -> None:
    file = tmp_path / "claims.json"
    assert runs.tested(file) == ([], "")
    file.write_text(words)
    with pytest.raises(IntegrityError, match=r"claims\.json"):
        runs.tested(file)
