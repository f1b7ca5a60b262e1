"""The benchmark of raw scores and log-odds: a common score changes only raw contributions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax

from qfusion import data
from qfusion.models import FusionModel, QuantumJump
from qfusion.models.input_features import InputSpec
from tests.support.entangled import model_of

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import shift  # noqa: E402

NAMES = ("v0", "v1")


def rows_of(count: int, seed: int) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {name: torch.randn(count, 3, dtype=torch.float64, generator=random) for name in NAMES}


def jumps() -> FusionModel:
    torch.manual_seed(0)
    specs = {name: InputSpec(3) for name in NAMES}
    return QuantumJump(specs, ("a", "b", "c"), dims=2, jumps=1, hidden=4).double().eval()


@pytest.fixture(params=["quantum jump", "network"])
def subject(request: pytest.FixtureRequest) -> shift.Subject:
    model = jumps() if request.param == "quantum jump" else model_of(3, 2)
    return shift.Subject(model.requires_grad_(False), rows_of(6, 1), rows_of(5, 2))


@pytest.mark.parametrize("background", shift.BACKGROUNDS)
def test_common_score_changes_raw_contributions_but_not_log_odds(
    subject: shift.Subject, background: str
) -> None:
    other = shift.Subject(
        shift.with_vector(subject.model, 3), subject.inputs, subject.background_inputs
    )
    np.testing.assert_allclose(
        softmax(other.raw_scores, 1), softmax(subject.raw_scores, 1), atol=1e-12
    )
    np.testing.assert_array_equal(other.decided, subject.decided)
    change = {
        scores: np.abs(
            other.explained(scores, background).dividends
            - subject.explained(scores, background).dividends
        )[:, 1:].max()
        for scores in shift.SCORES
    }
    assert change["raw"] > 1e-2
    assert change["log-odds"] < 1e-12


def test_log_odds_have_no_common_part(subject: shift.Subject) -> None:
    raw, odds = (subject.explained(scores, "product") for scores in shift.SCORES)
    assert shift.common_share(raw, subject.decided) > 1e-3
    assert shift.common_share(odds, subject.decided) < 1e-12


def test_predicted_class_against_the_second(subject: shift.Subject) -> None:
    pair = shift.against_runner_up(subject.explained("log-odds", "product"))
    scores = np.sort(subject.raw_scores, 1)
    np.testing.assert_allclose(pair.prediction[:, 0], scores[:, -1] - scores[:, -2], atol=1e-12)
    np.testing.assert_allclose(pair.dividends.sum(1), pair.prediction, atol=1e-12)


def test_seeds_are_found_by_name(tmp_path: Path) -> None:
    for name in ("b-seed10", "b-seed9", "a-seed0", "a-seed1", "alone-seed0", "other"):
        (tmp_path / f"{name}.json").touch()
    found = shift.seeds_in(tmp_path)
    assert {name: [path.stem for path in paths] for name, paths in found.items()} == {
        "a": ["a-seed0", "a-seed1"],
        "b": ["b-seed9", "b-seed10"],
    }


def test_missing_seeds_skip_their_part(capsys: Any) -> None:
    assert shift.measured("seeds", None, 1) == []
    assert "--runs FOLDER" in capsys.readouterr().out


def test_verdicts_on_true_dividends() -> None:
    by_type = {(record["data"], record["type"]): record for record in shift.measured_words()}
    assert sum(record["samples"] for record in by_type.values()) == sum(
        len(data.load(name).rows("test")) for name in shift.OWN_WORDS
    )
    assert all(sum(r["counts"].values()) == r["samples"] for r in by_type.values())
    others = [kind for (_, kind), record in by_type.items() if shift.exception(record)]
    assert others == ["text decides", "face decides"]
