"""The search for a task that needs the quantum part: a tiny plan from first run to table, and its statistics."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from qfusion.errors import InvalidInput

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "benchmarks"))

import needed  # noqa: E402
import needed_data  # noqa: E402

PAGE = "# Page\n<!-- table:needed -->\n<!-- /table -->\n"
TINY = """
settings = 2
seeds = 2
tuning_draw = 1
first_draw = 10
noise = 0.3
most = 1.5
reference = { measurements = 2 }

[rows]
train = 60
valid = 20
test = 20

[options]
loss = "mse"
batch = 30
patience = 0

[candidates.bell]
reason = "spins"
dims = [2, 2, 2]
by_construction = false

[spaces.network]
rate = { log = [2e-3, 3e-2] }
epochs = [1]

[spaces.kernel]
power = [1]
offset = { log = [0.5, 2.0] }
ridge = { log = [1e-3, 1e-2] }

[contenders.joint]
kind = "quantum-jump"
role = "ours"
limited = true
fixed = { readout = "joint", jumps = 1 }
sizes = { measurements = [2, 4] }

[contenders.local]
kind = "quantum-jump"
role = "ours"
limited = true
fixed = { readout = "local", jumps = 1 }

[contenders.dephased]
kind = "jump-twin"
role = "rival"
lacks = "dephased"
limited = true
fixed = { readout = "joint", lacks = "coherence", jumps = 1, steps = 1 }
sizes = { levels = [0, 3], evolution = ["none"], measurements = [2] }

[contenders.kernel]
kind = "kernel"
role = "rival"
limited = false
space = "kernel"
"""


def test_tiny_plan_runs_resumes_and_writes_its_table(tmp_path: Path) -> None:
    plan, runs, page = tmp_path / "plan.toml", tmp_path / "runs.jsonl", tmp_path / "page.md"
    plan.write_text(TINY)
    page.write_text(PAGE)
    places = ["--plan", str(plan), "--runs", str(runs), "--page", str(page)]
    needed.main(places)
    records = [json.loads(line) for line in runs.read_text().splitlines()]
    assert len(records) == 4 * (2 + 2)
    assert len({(record["plan"], record["code"]) for record in records}) == 1
    written = page.read_text()
    assert "| `bell`: spins |" in written
    assert "No task was found that needs the quantum part." in written

    # a run that is missing is made again, and is the same
    lost = records.pop(3)
    runs.write_text("".join(json.dumps(record) + "\n" for record in records))
    needed.main(places)
    again = json.loads(runs.read_text().splitlines()[-1])
    same = ("key", "settings", "valid", "test", "parameters")
    assert [again[key] for key in same] == [lost[key] for key in same]
    assert page.read_text() == written


def test_runs_of_different_code_are_refused(tmp_path: Path) -> None:
    runs = tmp_path / "runs.jsonl"
    lines = [{"key": code, "plan": "p", "code": code} for code in "ab"]
    runs.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(SystemExit, match="different code"):
        list(needed.kept("p", runs))


def test_rivals_of_equal_size_have_no_more_than_the_plan_says() -> None:
    plan = tomllib.loads(TINY)
    ours = needed.parameters(plan, "bell", "joint", plan["reference"])
    sizes = needed.fitting_sizes(plan, "bell", "dephased")
    assert [size["levels"] for size in sizes] == [0]  # with five levels each it would have more
    assert needed.parameters(plan, "bell", "dephased", sizes[0]) <= 1.5 * ours


@pytest.mark.parametrize("name", needed_data.CANDIDATES)
def test_draws_share_the_rule_and_no_rows(name: str) -> None:
    rows = {"train": 20, "valid": 5, "test": 5}
    first, again, other = (needed_data.draw(name, seed, rows, 0.3) for seed in (0, 0, 1))
    assert np.array_equal(first.y, again.y)
    assert not np.isin(other.y, first.y).any()
    clean = needed_data.draw(name, 0, rows, 0.0)
    test = first.rows("test")
    assert np.array_equal(clean.y[test], first.y[test])
    assert not np.isin(clean.y[first.rows("train")], first.y).any()


PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def up_along(directions: np.ndarray) -> np.ndarray:
    """The kets that are eigenvectors of the spin along each direction, for +1."""
    return np.linalg.eigh(np.einsum("nk,kij->nij", directions, PAULI))[1][:, :, 1]


def test_rules_by_hand() -> None:
    rng = np.random.default_rng(0)
    features, value = needed_data.rotations(rng, 50)
    # the probability that a spin is found up after both rotations, by 2 x 2 matrices
    ket = up_along(features["start"])
    for name in ("first", "second"):
        q = features[name]
        U = q[:, 0, None, None] * np.eye(2) - 1j * np.einsum("nk,kij->nij", q[:, 1:], PAULI)
        ket = np.einsum("nij,nj->ni", U, ket)
    assert 2 * np.abs(ket[:, 0]) ** 2 - 1 == pytest.approx(value)

    features, value = needed_data.order(rng, 50)
    person, first, second = (up_along(d) for d in features.values())
    passed = (
        np.abs((first.conj() * person).sum(1)) ** 2 * np.abs((second.conj() * first).sum(1)) ** 2
    )
    assert passed == pytest.approx(value)


def test_difference_and_verdicts() -> None:
    ours, rival = [0.9, 0.8, 0.85], [0.7, 0.75, 0.6]
    scores: dict[str, Any] = {"joint": {"test": ours}, "rival": {"test": rival}}
    found = needed.difference(scores, "rival")
    expected = stats.ttest_rel(ours, rival)
    interval = expected.confidence_interval()
    assert found["p"] == pytest.approx(expected.pvalue)
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high))

    assert needed.holm([0.01, 0.04, 0.03], 3) == pytest.approx([0.03, 0.06, 0.06])
    assert needed.holm([0.01], 4) == pytest.approx([0.04])
    assert needed.judge(0.1, 0.01, False) == "supported"
    assert needed.judge(0.1, 0.01, True) == "true by construction"
    assert needed.judge(-0.1, 0.01, True) == "contradicted"
    assert needed.judge(0.1, 0.2, False) == "open"


def test_a_training_that_diverges_is_kept_as_one_that_went_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def diverge(*_: object) -> None:
        raise InvalidInput("Training diverged in epoch 3: the loss is nan.")

    monkeypatch.setattr(needed, "train", diverge)
    plan = tomllib.loads(needed.PLAN_FILE.read_text())
    chosen = needed.draw_settings(plan, "phases", "joint", 0)
    record = needed.measure(plan, "phases", "joint", chosen, "tune", 0)
    assert (record["valid"], record["test"]) == (needed.FLOOR, needed.FLOOR)
    assert record["parameters"] > 0
