"""What explanations are worth to a student: planted decisions, curves by hand, and decisions that nobody can learn."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qfusion import cli
from qfusion.errors import InvalidInput
from qfusion.explain import bootstrap
from qfusion.plugins.review.students import simulatability, student_data as taught, students, words
from qfusion.plugins.review.students.simulatability import (
    ALONE,
    CONTRIBUTIONS,
    SCORES,
    SHUFFLED,
    Factor,
    StudentData,
    measure,
    shift,
)
from qfusion.study.opening import open_study
from tests.support.app import said, visit
from tests.support.measured_games import make_game, open_game

MODALITIES, FEATURES = 8, 2


def planted_data(N: int = 1024, T: int = 1000, seed: int = 0) -> StudentData:
    """Decisions by the sign of a sum of one term a modality: the size of its first feature, less its mean."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N + T, MODALITIES, FEATURES))
    terms = np.abs(x[:, :, 0]) - np.sqrt(2 / np.pi)
    decided = (terms.sum(1) > 0).astype(int)
    inputs = x.reshape(N + T, -1)
    return StudentData(
        inputs=inputs[:N],
        decisions=decided[:N],
        targets={CONTRIBUTIONS: terms[:N], SCORES: terms[:N].sum(1, keepdims=True)},
        unseen_inputs=inputs[N:],
        unseen_decisions=decided[N:],
    )


@pytest.fixture(scope="module")
def planted() -> simulatability.Simulatability:
    return measure(planted_data())


def test_true_contributions_halve_the_samples_and_shuffled_ones_save_none(
    planted: simulatability.Simulatability,
) -> None:
    assert planted.learns
    helped = planted.arms[CONTRIBUTIONS].factor
    control = planted.arms[SHUFFLED].factor
    assert helped is not None
    assert control is not None
    assert helped.interval.value >= 2
    assert helped.helps
    assert control.interval.low <= 1 <= control.interval.high
    beyond = planted.arms[CONTRIBUTIONS].beyond_scores
    assert beyond is not None
    assert beyond.helps
    assert planted.arms[ALONE].factor is None
    assert "times fewer samples" in words.describe_worth(planted)
    assert words.title_worth(planted).endswith(" x fewer samples than the score alone")
    assert "teach beyond it" in words.describe_leak(planted)
    assert f"{SHUFFLED} nothing" in words.describe_rivals(planted)
    assert len(planted.frame()) == 4 * len(planted.sizes)
    assert planted.factors()["learns from"].tolist() == [CONTRIBUTIONS, SCORES, SHUFFLED]


def test_the_same_seed_gives_the_same_numbers() -> None:
    data = planted_data(128, 100)
    first, second = measure(data, seed=3), measure(data, seed=3)
    assert first == second
    assert measure(data, seed=4) != first


def test_decisions_at_random_teach_nothing() -> None:
    rng = np.random.default_rng(1)
    data = replace(
        planted_data(256, 300),
        decisions=rng.integers(0, 2, 256),
        unseen_decisions=rng.integers(0, 2, 300),
    )
    result = measure(data)
    assert not result.learns
    assert all(arm.factor is None and arm.beyond_scores is None for arm in result.arms.values())
    assert "learns nothing" in words.describe_worth(result)
    assert "no factor" in words.describe_worth(result)
    assert "with contributions it agrees on" in words.describe_worth(result)
    assert words.describe_leak(result) == words.describe_rivals(result) == ""
    assert len(words.describe_students(result)) == 1
    assert result.factors()["factor"].isna().all()


SIZES = (16, 32, 64, 128, 256)


def test_a_curve_that_is_reached_with_a_quarter_of_the_samples() -> None:
    logs = np.log(np.array(SIZES) / 16)
    before = 0.5 + 0.05 * logs
    assert shift(SIZES, before, before) == pytest.approx((1, False))
    assert shift(SIZES, before, before + 0.05 * np.log(4))[0] == pytest.approx(4)
    assert shift(SIZES, before + 0.05 * np.log(4), before)[0] == pytest.approx(1 / 4)


def test_curves_that_reach_nothing_in_common_give_a_bound() -> None:
    low, high = np.linspace(0.5, 0.6, 5), np.linspace(0.7, 0.8, 5)
    assert shift(SIZES, low, high) == (pytest.approx(16), True)
    assert shift(SIZES, high, low) == (pytest.approx(1 / 16), True)
    flat = np.full(5, 0.5)
    assert shift(SIZES, flat, flat) == (1, False)
    touching = np.linspace(0.6, 0.7, 5)
    assert shift(SIZES, low, touching) == (pytest.approx(16), True)


def test_a_flat_curve_that_another_crosses_gives_no_bound() -> None:
    """It counts from its middle, 64 samples, as a curve does that rises a little."""
    flat, rising = np.full(5, 0.75), np.linspace(0.65, 0.81, 5)
    reached = 16 * 2**2.5  # samples with which the rising curve has 0.75
    assert shift(SIZES, flat, rising) == (pytest.approx(64 / reached), False)
    assert shift(SIZES, rising, flat) == (pytest.approx(reached / 64), False)
    tilted = np.linspace(0.75 - 1e-7, 0.75 + 1e-7, 5)
    assert shift(SIZES, tilted, rising)[0] == pytest.approx(64 / reached, abs=1e-4)


def test_curves_are_made_monotone() -> None:
    """Two neighbours in the wrong order count as their mean."""
    wrong, right = np.array([0.5, 0.7, 0.6, 0.8, 0.9]), np.array([0.5, 0.65, 0.65, 0.8, 0.9])
    assert shift(SIZES, wrong, right) == pytest.approx((1, False))


def lesson(weights: list[list[float]], n: int = 40) -> students.Lesson:
    rng = np.random.default_rng(2)
    R, G = len(weights), len(weights[0])
    return students.Lesson(
        inputs=torch.from_numpy(rng.normal(size=(R, n, 3)).astype("f")),
        decisions=torch.from_numpy(rng.integers(0, 2, (R, n))),
        classes=2,
        targets=torch.from_numpy(rng.normal(size=(R, n, G, 2)).astype("f")),
        weights=torch.tensor(weights),
        seeds=list(range(R)),
    )


def test_students_together_equal_students_one_by_one() -> None:
    both = lesson([[0.0, 1.0], [3.0, 0.5]])
    asked = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    together = students.train_students(both).logits(asked)
    for draw in range(2):
        for arm in range(2):
            one = replace(
                both,
                inputs=both.inputs[draw : draw + 1],
                decisions=both.decisions[draw : draw + 1],
                targets=both.targets[draw : draw + 1, :, arm : arm + 1],
                weights=both.weights[draw : draw + 1, arm : arm + 1],
                seeds=[draw],
            )
            alone = students.train_students(one).logits(asked)[0, 0]
            # single precision, over whose last bits a training grows; arms and draws differ by more
            assert torch.allclose(together[draw, arm], alone, atol=0.05)


def test_a_target_of_weight_0_teaches_nothing() -> None:
    without = lesson([[0.0]])
    other = replace(without, targets=without.targets * 100)
    asked = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(
        students.train_students(without).logits(asked), students.train_students(other).logits(asked)
    )


def bad_data() -> dict[str, tuple[StudentData, str]]:
    good = planted_data(100, 80)
    infinite = good.inputs.copy()
    infinite[3, 1] = np.inf
    return {
        "few": (planted_data(40, 80), "at least 60 samples"),
        "constant": (replace(good, decisions=np.zeros(100, dtype=int)), "decisions must differ"),
        "infinite": (replace(good, inputs=infinite), "inputs"),
        "names": (
            replace(good, decisions=np.where(good.decisions, "yes", "no")),
            "`decisions` must be a row of class numbers",
        ),
        "negative": (
            replace(good, unseen_decisions=2 * good.unseen_decisions - 1),
            "`unseen_decisions` must be a row of class numbers",
        ),
        "reserved": (
            replace(good, targets=dict(good.targets) | {SHUFFLED: np.zeros((100, 1))}),
            "must not be named",
        ),
        "no contributions": (replace(good, targets={}), "must have the targets 'contributions'"),
        "few groups": (replace(good, clusters=np.arange(80)[:, None] // 20), "at least 20 groups"),
        "width": (
            replace(good, unseen_inputs=good.unseen_inputs[:, :3]),
            r"`unseen_inputs` must have shape \(80, 16\)",
        ),
        "shape": (replace(good, targets={CONTRIBUTIONS: np.zeros((3, 2))}), r"shape \(100, K\)"),
    }


@pytest.mark.parametrize("name", bad_data())
def test_bad_data_are_refused(name: str) -> None:
    data, message = bad_data()[name]
    with pytest.raises(InvalidInput, match=message):
        measure(data)


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(InvalidInput, match="`draws` must be at least 10"):
        measure(planted_data(100, 80), draws=3)


def test_a_constant_target_is_ignored() -> None:
    good = planted_data(128, 100)
    result = measure(replace(good, targets={CONTRIBUTIONS: np.full((128, 2), 3.0)}))
    alone, constant = (result.arms[name].agreement for name in (ALONE, CONTRIBUTIONS))
    assert np.isfinite([one.value for one in constant]).all()
    assert constant[-1].value == pytest.approx(alone[-1].value, abs=0.05)


def test_a_game_has_no_inputs_to_learn_from() -> None:
    study = open_game(make_game())
    assert "measured game" in taught.find_obstacle(study)
    with pytest.raises(InvalidInput, match="measured game"):
        taught.teach_students(study)


def test_decisions_are_classes_or_sides_of_zero() -> None:
    study = open_study("qj-planted")
    assert (taught.decisions(study) == (study.scores[:, 0] > 0)).all()
    parity = open_study("qj-parity")
    assert (taught.decisions(parity) == parity.scores.argmax(1)).all()


def test_students_are_asked_about_inputs_alone() -> None:
    study = open_study("qj-parity")
    data = taught.collect_student_data(study)
    N = len(data.decisions)
    assert all(len(target) == N for target in data.targets.values())
    terms, scores = data.targets[CONTRIBUTIONS], data.targets[SCORES]
    assert terms.shape == (N, 3)
    assert scores.shape == (N, 1)
    rest = scores[:, 0] - terms.sum(1)  # the baseline
    assert np.ptp(rest) < 1e-9
    assert set(data.targets) == {
        CONTRIBUTIONS,
        SCORES,
        "gradient x input",
        "integrated gradients",
    }


def interval(value: float, low: float, high: float) -> Factor:
    return Factor(bootstrap.Interval(value, low, high, 100, 1000))


@pytest.mark.parametrize(
    ("factor", "worth"),
    [
        (interval(2.3, 1.4, 3.0), "2.3 x fewer samples"),
        (interval(1.2, 0.9, 1.5), "nothing"),
        (interval(0.5, 0.4, 0.8), "2.0 x more samples"),
        (interval(1.04, 1.01, 1.07), "1.04 x fewer samples"),
        (interval(0.97, 0.95, 0.99), "1.03 x more samples"),
        (interval(0.99, 1.01, 1.07), "nothing"),
        (None, "unknown"),
    ],
)
def test_the_worth_of_an_explanation(factor: Factor | None, worth: str) -> None:
    assert words.name_worth(factor) == worth


def test_a_bound_is_said_as_one(planted: simulatability.Simulatability) -> None:
    bound = Factor(bootstrap.Interval(32, 20, 32, 100, 1000), is_bound=True)
    assert words.name_worth(bound) == "at least 32.0 x fewer samples"
    arms = dict(planted.arms)
    arms[CONTRIBUTIONS] = replace(
        arms[CONTRIBUTIONS], factor=bound, beyond_scores=interval(1, 0.9, 1.1)
    )
    result = replace(planted, arms=arms)
    assert "at least 32.0 times fewer" in words.describe_worth(result)
    assert "nothing beyond it" in words.describe_leak(result)
    assert words.title_worth(result).endswith(": nothing beyond the score")
    arms[CONTRIBUTIONS] = replace(
        arms[CONTRIBUTIONS], factor=interval(0.5, 0.4, 0.6), beyond_scores=interval(0.5, 0.4, 0.6)
    )
    assert "2.0 times more samples" in words.describe_worth(result)
    assert "less than it does" in words.describe_leak(result)
    arms[CONTRIBUTIONS] = replace(arms[CONTRIBUTIONS], factor=interval(1, 0.9, 1.1))
    assert "no samples" in words.describe_worth(result)


def run(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert not ended.value.code, words


def test_the_command_reports_models_and_those_that_do_not_apply(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run("simulatability", "qj-parity", "--json")
    [parity] = json.loads(capsys.readouterr().out)["models"]
    assert parity["applies"]
    assert parity["says"]
    assert parity["curves"]
    run("simulatability", "qj-parity")
    assert "no samples" in capsys.readouterr().out.replace("\n", " ")


PAGE = Path(__file__).resolve().parents[3] / "docs" / "plugins" / "simulatability.md"


def test_the_programs_of_the_page_run(capsys: pytest.CaptureFixture[str]) -> None:
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for program in programs:
        exec(compile(program, str(PAGE), "exec"), {})
    assert "times fewer samples" in capsys.readouterr().out


def test_a_control_that_helps_is_said(planted: simulatability.Simulatability) -> None:
    assert words.describe_control(planted) == ""
    assert "shuffled" not in words.title_worth(planted)
    arms = dict(planted.arms)
    arms[SHUFFLED] = replace(arms[SHUFFLED], factor=interval(1.2, 1.1, 1.3))
    result = replace(planted, arms=arms)
    assert "x fewer samples beyond them" in words.describe_control(result)
    assert words.title_worth(result).endswith(" x beyond shuffled ones)")
    arms[CONTRIBUTIONS] = replace(arms[CONTRIBUTIONS], beyond_control=interval(1.1, 0.9, 1.3))
    assert "nothing beyond them that could be shown" in words.describe_control(result)
    assert words.title_worth(result).endswith("nothing beyond shuffled ones")
    arms[CONTRIBUTIONS] = replace(arms[CONTRIBUTIONS], beyond_control=interval(0.8, 0.7, 0.9))
    assert "1.2 x more samples beyond them (" in words.describe_control(result)


def test_a_title_of_nothing_beyond_the_control_is_explained(
    planted: simulatability.Simulatability,
) -> None:
    """Contributions help, shuffled ones do not, and the difference is not shown."""
    arms = dict(planted.arms)
    arms[SHUFFLED] = replace(arms[SHUFFLED], factor=interval(1, 0.9, 1.1))
    arms[CONTRIBUTIONS] = replace(
        arms[CONTRIBUTIONS],
        factor=interval(1.2, 1.05, 1.4),
        beyond_control=interval(1.2, 0.98, 1.5),
    )
    result = replace(planted, arms=arms)
    assert words.title_worth(result).endswith("nothing beyond shuffled ones")
    assert "nothing beyond them that could be shown" in words.describe_control(result)


def test_resamples_without_any_sample_do_not_count() -> None:
    """Crossed clusters: in some resamples no sample has all its clusters."""
    clusters = np.stack([np.arange(20) + 20 * place for place in range(4)], 1)
    assert any((block.sum(1) == 0).any() for block in bootstrap.counts(20, 1000, 0, clusters))
    clusters = np.repeat(clusters, 4, 0)
    good = planted_data(128, 80)
    sure = replace(
        good,
        unseen_inputs=good.inputs[:80],
        unseen_decisions=good.decisions[:80],
        clusters=clusters,
    )
    result = measure(sure)
    assert min(one.low for one in result.arms[ALONE].agreement) > 0.3


def test_the_view_of_students_ends_in_a_sentence() -> None:
    app = visit("Faithfulness", model="qj-planted", whole=False, proof="Students")
    words = said(app)
    assert "What an explanation is worth" in words
    assert "The score alone" in words


def test_a_student_that_learns_nothing_has_no_factors() -> None:
    app = visit("Faithfulness", model="qcnn-scenes", whole=False, proof="Students")
    assert "Students cannot learn this model from" in said(app)
    assert "samples, so this test says nothing" in said(app)
