"""Sentences about statistics: for every template its condition, edge cases, and its numbers."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qfusion.analysis import cohort_slices
from qfusion.errors import InvalidInput
from qfusion.explain.bootstrap import Interval
from qfusion.panels import (
    cohort_contributions,
    device_noise,
    wrong_samples,
)
from qfusion.wording.cohorts import describe_correlation
from qfusion.wording.joint_shares import describe_joint_share

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import comparisons  # noqa: E402
import leaderboard_claims  # noqa: E402
import leaderboard_text  # noqa: E402

RNG = np.random.default_rng(31)


def number_after(words: str, sentence: str) -> float:
    """The first number behind some words of a sentence."""
    found = re.search(re.escape(words) + r"\s*([-+]?[0-9.]+[0-9])", sentence)
    assert found, (words, sentence)
    return float(found.group(1))


# What sentences rest on.


def test_bounds_by_two_one_sided_tests() -> None:
    """The bound is the smallest margin at which both one-sided t-tests of SciPy reject at 5 %."""
    for _ in range(30):
        difference = RNG.normal(RNG.normal(), 1, 10)
        pair = comparisons.paired(difference, np.zeros(10))
        for margin in (pair.bound * 0.999, pair.bound * 1.001):
            both = [
                stats.ttest_1samp(difference, side, alternative=way).pvalue
                for side, way in ((-margin, "greater"), (margin, "less"))
            ]
            assert comparisons.equivalence(difference, np.zeros(10), margin) == pytest.approx(
                max(both)
            )
            assert (max(both) < 0.05) == (margin > pair.bound)
        low, high = stats.t.interval(0.9, 9, difference.mean(), stats.sem(difference))
        assert pair.bound == pytest.approx(max(abs(low), abs(high)))
    assert comparisons.equivalence([1, 1], [1, 1], 0.1) == 0
    assert comparisons.equivalence([2, 2], [1, 1], 0.1) == 1
    with pytest.raises(InvalidInput, match="margin"):
        comparisons.equivalence([1, 2], [1, 1], 0)


# Sentences of the leaderboard.


def board(ours: list[float], best: list[float], seeds: list[int] | None = None) -> dict[str, Any]:
    def row(values: list[float], own: list[int]) -> dict[str, Any]:
        return {
            "seeds": own,
            "test": {"accuracy": comparisons.mean_interval(values).record() | {"values": values}},
        }

    n = list(range(len(ours)))
    return {
        "contenders": {
            "qj": {"label": "QiNN-QJ", "role": "system"},
            "tensor": {"label": "TFN", "role": "baseline"},
        },
        "data": {
            "parity": {
                "headline": "accuracy",
                "items": 10**9,  # so many that seeds alone decide
                "rows": {"qj": row(ours, n), "tensor": row(best, seeds or n)},
            }
        },
    }


def test_distance_from_the_best_row() -> None:
    """The error is that of differences seed by seed; `at most` exactly where p is not below .05."""
    shared = RNG.normal(0, 0.05, 6)
    ours, best = (shared + 0.9).tolist(), (shared + 0.9 + 0.002 + RNG.normal(0, 1e-4, 6)).tolist()
    said = leaderboard_text.place_sentence(board(ours, best), "parity")
    pair = comparisons.paired(ours, best)
    assert number_after("standard error", said) == pytest.approx(pair.error, abs=5e-5)
    assert pair.p < 0.05
    assert "at most" not in said  # errors added would say 0.04, and not tell them apart
    apart = leaderboard_text.place_sentence(board([0.9, 0.91, 0.92], [0.92, 0.9, 0.93]), "parity")
    assert (
        number_after("at most", apart)
        >= comparisons.paired([0.9, 0.91, 0.92], [0.92, 0.9, 0.93]).bound - 1e-9
    )
    assert "QiNN-QJ is the best row" in leaderboard_text.place_sentence(
        board([1, 1], [0, 0]), "parity"
    )
    assert "fewer than two seeds" in leaderboard_text.place_sentence(
        board([0, 0], [1, 1], [1, 7]), "parity"
    )


def test_leader_on_parity() -> None:
    """Every neighbour and baseline with a better mean is named with it, with a bound where p is not below .05; none
    where there is none."""
    said = leaderboard_text.parity_sentence(board([0.9, 0.91, 0.92], [0.92, 0.9, 0.93]), "parity")
    assert "is below the mean of 1 of 1 neighbours and baselines: TFN 0.9167" in said
    assert "at most" in said
    none = leaderboard_text.parity_sentence(board([0.9, 0.91, 0.92], [0.8, 0.81, 0.83]), "parity")
    assert (
        none
        == "On `parity` no neighbour or baseline has a better mean than QiNN-QJ (Accuracy 0.9100)."
    )


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("for", "The network is better."),
        ("open", "The two are not told apart: at most 0.0181 apart (90 % interval)."),
        ("against", "The network is worse."),
    ],
)
def test_few_parameters(verdict: str, words: str) -> None:
    """Better and worse by the adjusted p and the sign; else `not told apart` with a bound, never `not below`. Both
    counts of parameters stand there with their ratios."""
    p = 0.4 if verdict == "open" else 0.001
    difference = -0.01 if verdict == "against" else 0.01
    [entry] = leaderboard_claims.judged(
        [
            {
                "data": "parity",
                "primary": False,
                "accuracy": 0.9,
                "rival_accuracy": 0.9 - difference,
                "own": 10,
                "theirs": 300,
                "own_total": 1000,
                "their_total": 1290,
                "p": p,
                "holm": p,
                "difference": difference,
                "low": -0.02,
                "high": 0.02,
                "bound": 0.0181,
                "items": 539,
            }
        ]
    )
    said = leaderboard_claims.sentence(entry, "Data", "TFN")
    assert entry["verdict"] == verdict
    assert words in said
    assert "300 (30 times as many) and 1,290 (1.29 times as many)" in said
    assert "over seeds and 539 test items" in said


def test_comparison_with_the_best_rival() -> None:
    """Raw p beside the adjusted one; better and worse are counted by the adjusted one and by direction."""
    against = {
        "tensor": {
            "difference": -0.01,
            "low": -0.02,
            "high": 0.0,
            "p": 0.06,
            "holm": 0.12,
            "bound": 0.0187,
        },
        "late": {
            "difference": 0.2,
            "low": 0.1,
            "high": 0.3,
            "p": 0.001,
            "holm": 0.002,
            "bound": 0.28,
        },
    }
    made = board([0.9, 0.9], [0.9, 0.9])
    said = leaderboard_text.test_sentence(
        made, "parity", "qj", "accuracy", {"best": "tensor", "seeds": 5, "against": against}
    )
    assert (
        "p = 0.06, adjusted p = 0.12 (5 seeds and 1,000,000,000 test items), not told apart, at most 0.0187 (90 % "
        "interval)" in said
    )
    assert "better than 1 and worse than 0" in said


@pytest.mark.parametrize("shares", [[5.0], [5.0, 96.0, 0.0], [0.0, 0.0], [96.0, 5.0]])
def test_headline_of_the_joint_share(shares: list[float]) -> None:
    """It is about the model with the best result, whoever decides most jointly."""
    table = pd.DataFrame({"label": [f"M{i}" for i in range(len(shares))], "percent": shares})
    table["mean"] = 0.5 + 0.1 * table.index
    said = describe_joint_share(table, "MAE")
    assert said.startswith(f"M0, the best by MAE, has a joint share of {shares[0]:.0f}%")
    assert ("all models" in said) == (len(shares) > 1)
    if len(set(shares)) > 1:
        assert said.endswith(f"all models {min(shares):.0f} to {max(shares):.0f}%")
    elif len(shares) > 1:
        assert said.endswith(f"all models {shares[0]:.0f}%")
    table["mean"] = 0.5 + 1e-5 * table.index
    alike = describe_joint_share(table, "MAE")
    assert (f"The {len(shares)} best by MAE, equally good," in alike) == (len(shares) > 1)


# Sentences of pages.


@pytest.mark.parametrize(
    ("gap", "error", "words"),
    [
        (1.0, 0.1, "‘7’ leads by 10.0 standard errors of the difference at 1,000 shots"),
        (0.2, 0.1, "‘7’ leads by 2.0 standard errors"),
        (0.199, 0.1, "Not significant at 1,000 shots: ‘7’ leads by 2.0"),
        (0.0, 0.1, "Not significant"),
        (1.0, 0.0, "without shot noise"),
        (0.0, 0.0, "without shot noise"),
    ],
)
def test_lead_under_shots(gap: float, error: float, words: str) -> None:
    """`leads by` two standard errors of the difference or more; less is not settled; none where nothing scatters."""
    assert words in device_noise.describe_lead("7", gap, error, 1000)


def interval(value: float, low: float, high: float, n: int = 200) -> Interval:
    return Interval(value, low, high, n, 2000)


@pytest.mark.parametrize(
    ("r", "start"),
    [
        ((0.05, -0.1, 0.2), "No significant correlation"),
        ((-0.05, -0.3, 0.1), "No significant correlation"),
        ((0.1, 0.0, 0.2), "No significant correlation"),
        ((0.29, 0.1, 0.4), "Weakly:"),
        ((0.3, 0.1, 0.4), "Moderately:"),
        ((0.69, 0.1, 0.9), "Moderately:"),
        ((0.7, 0.5, 0.9), "Strongly:"),
        ((-0.4, -0.5, -0.3), "Inversely:"),
        ((np.nan,) * 3, "Unknown"),
    ],
)
def test_correlation_of_entanglement_and_joint_decisions(
    r: tuple[float, float, float], start: str
) -> None:
    """No significant correlation, with what can be excluded, where the interval holds zero. Else by the size of the
    rank correlation; nothing accounts for anything."""
    found = {"spearman": interval(*r), "pearson": interval(*r)}
    said = describe_correlation(found, "negativity", "joint")
    assert said.startswith(start)
    assert "accounts" not in said
    assert not said.startswith("No:")
    if start == "No significant correlation":
        assert number_after("above", said) == pytest.approx(max(-r[1], r[2]), abs=0.005)
    elif np.isfinite(r[0]) and r[0] > 0:
        assert f"r² {r[0] ** 2:.2f}" in said


def test_warning_about_the_linear_correlation() -> None:
    """It is told where its interval holds zero and the rank correlation's does not."""
    for low in (-0.1, 0.1):
        said = describe_correlation(
            {"spearman": interval(0.5, 0.4, 0.6), "pearson": interval(0.2, low, 0.4)},
            "entropy",
            "joint_share",
        )
        assert ("linear correlation is not significant" in said) == (low < 0)


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        (
            {"a": (2.0, 1.8, 2.2), "b": (1.0, 0.8, 1.2), "c": (1.1, 0.9, 1.3)},
            "‘a’ is predicted worst: mean error 2.00",
        ),
        (
            {"a": (2.0, 1.2, 2.2), "b": (1.0, 0.8, 1.1), "c": (1.5, 0.9, 1.9)},
            "‘a’ is predicted worse than ‘b’",
        ),
        (
            {"a": (0.9, 0.2, 1.5), "b": (0.6, 0.55, 0.65), "c": (0.3, 0.25, 0.35)},
            "‘b’ is predicted worse than ‘c’: mean error 0.60 against 0.30",
        ),
        ({"a": (2.0, 0.8, 2.2), "b": (1.0, 0.8, 1.2)}, "No type has a significantly larger error"),
        ({"a": (2.0, np.nan, np.nan), "b": (1.0, 0.8, 1.2)}, "How do the modalities relate?"),
    ],
)
def test_which_type_is_predicted_worst(
    errors: dict[str, tuple[float, float, float]], words: str
) -> None:
    """`worst` where its interval lies above all others, `worse than` above that of another, else none is."""
    assert cohort_contributions.describe_worst_relation(
        {name: interval(*each) for name, each in errors.items()}
    ).startswith(words)


@pytest.mark.parametrize(
    ("independent", "stands_out"), [(20, False), (100, False), (110, True), (400, True)]
)
def test_which_slice_is_worse(independent: float, stands_out: bool) -> None:
    """A slice is `wrong more often` only beyond chance among all slices: 40 % of n against 30 % is 0.1 sqrt(n / 0.21)
    standard errors, to be more than 2.24 for two slices (Bonferroni). Alone, it is all samples."""
    low, high = cohort_slices.wilson(0.4 * independent, independent)
    worse: Any = cohort_slices.Slice("digit 3", (), 400, 160, 0.4, low, high, 1.0)
    other: Any = cohort_slices.Slice(
        "digit 4", (), 400, 80, 0.2, *cohort_slices.wilson(80, 400), 1.0
    )
    assert wrong_samples.slice_title([worse, other], 0.3, True).startswith(
        "‘digit 3’ is wrong more often: 40%"
        if stands_out
        else "No slice is worse than all beyond chance (30% wrong, 2 slices"
    )
    assert (
        wrong_samples.slice_title([worse], 0.3, True) == "All samples are in one slice (30% wrong)"
    )
    assert wrong_samples.slice_title([], 0.3, True) == "No sample to slice"
