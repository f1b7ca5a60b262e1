"""Sentences that statistics say: for every template the condition under which it may be said, edge cases, and the
sentence checked against its numbers."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qfusion.analysis import cohort_measures
from qfusion.errors import InvalidInput
from qfusion.explain.stability import Interval
from qfusion.panels import cohorts, cohorts as slices, leaderboard, network

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import claims_text  # noqa: E402
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


def test_stouffer_by_hand() -> None:
    """Of the gradient peaks of four data sets, all one way: z = (3.48 + 0.52 + 2.97 + 3.09) / 2."""
    p = [0.0005, 0.60, 0.003, 0.002]
    found = comparisons.stouffer(p, [1, 1, 1, 1])
    z = sum(float(stats.norm.isf(each / 2)) for each in p) / 2
    assert found.z == pytest.approx(z)
    assert found.p == pytest.approx(float(2 * stats.norm.sf(z)))
    assert found.p == pytest.approx(4.4e-7, rel=0.15)
    assert (found.tests, found.up) == (4, 4)
    one_sided = [each / 2 for each in p]
    assert found.p / 2 == pytest.approx(stats.combine_pvalues(one_sided, "stouffer").pvalue)
    weighted = comparisons.stouffer(p, [1, 1, 1, 1], [1, 2, 3, 4])
    assert weighted.p / 2 == pytest.approx(
        stats.combine_pvalues(one_sided, "stouffer", [1, 2, 3, 4]).pvalue
    )
    assert comparisons.stouffer([0.01, 0.01], [1, -1]).z == 0
    assert comparisons.stouffer([1.0], [0]).p == 1
    assert comparisons.stouffer([0.0], [1]).p < 1e-200
    with pytest.raises(InvalidInput, match="one length"):
        comparisons.stouffer([], [])
    with pytest.raises(InvalidInput, match=r"0\.\.1"):
        comparisons.stouffer([1.2], [1])


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


# Sentences of the claims.


def a_test(
    p: float, difference: float = 0.004, bound: float = 0.00612, **more: Any
) -> dict[str, Any]:
    return {
        "words": "test Accuracy",
        "ours": 0.97,
        "rival": 0.966,
        "metric": "accuracy",
        "outcome": "result",
        "p": p,
        "holm": min(1.0, 3 * p),
        "sign": 1,
        "difference": difference,
        "bound": bound,
        "over_seeds": False,
        "n": 10,
        "data": "parity",
        "claim": "generalise",
        "primary": True,
        "condition": "clean",
        **more,
    }


@pytest.mark.parametrize("p", [0.0, 0.0009, 0.04999, 0.05, 0.3, 1.0])
def test_one_comparison(p: float) -> None:
    """`A against B (p, adjusted)`: always with both p; `at most D apart` exactly where p is not below .05."""
    said = claims_text.test_words(a_test(p))
    assert said.startswith("test Accuracy 0.9700 against 0.9660 (p ")
    assert "adjusted p" in said
    assert ("at most" in said) == (p >= 0.05)
    if p >= 0.05:
        assert number_after("at most", said) >= 0.00612
    assert "at most" not in claims_text.test_words(a_test(p, over_seeds=True))


def test_bounds_are_rounded_up() -> None:
    """What "at most" says is never below the bound, and within one unit of the last digit of it."""
    for bound in [*RNG.uniform(1e-6, 30, 200), 0.1, 1.0, 0.01]:
        for metric, outcome in (("accuracy", "result"), ("mae", "result"), ("accuracy", "peak")):
            said = float(
                claims_text.bound_of(a_test(1, bound=float(bound), metric=metric, outcome=outcome))
            )
            assert said >= bound - 1e-8
            assert said <= bound + (
                10 ** -leaderboard_text.digits_of(metric) if outcome == "result" else 0.1 * bound
            )


def entry(verdict: str, p: float, z: float, up: int = 3, **more: Any) -> dict[str, Any]:
    return {
        "words": "largest over median gradient norm",
        "up": up,
        "down": 4 - up,
        "tests": 4,
        "z": z,
        "p": p,
        "verdict": verdict,
        **more,
    }


@pytest.mark.parametrize(
    ("verdict", "words"), [("for", "For the claim."), ("against", "Against it."), ("open", "Open.")]
)
def test_a_claim_pooled(verdict: str, words: str) -> None:
    """`For the claim` and `Against it` where the primary outcome has p < .05 that way, else `Open`; secondary outcomes
    with raw and adjusted p never change it."""
    first = entry(verdict, 0.2 if verdict == "open" else 0.001, -3 if verdict == "against" else 3)
    said = claims_text.claim_sentence([first, entry("for", 1e-9, 6, holm=2e-9)])
    assert said.startswith(
        words + " Primary outcome, largest over median gradient norm: 3 of 4 data sets in favour, "
        f"1 against, pooled z = {first['z']:+.2f}"
    )
    assert "Secondary: " in said
    assert said.count("adjusted") == 1
    assert "Secondary" not in claims_text.claim_sentence([first])


@pytest.mark.parametrize(
    ("z", "after", "other_way"), [(2, 1, False), (2, -1, True), (-2, -0.1, False), (0, -3, False)]
)
def test_the_runs_after_the_plan(z: float, after: float, other_way: bool) -> None:
    """`the other way` exactly where the data sets trained after the plan point against all together."""
    said = claims_text.claim_sentence(
        [entry("open", 0.3, z, after={"p": 0.4, "z": after, "tests": 2})]
    )
    assert "on the 2 data sets trained after it was fixed p = 0.40" in said
    assert ("the other way" in said) == other_way


@pytest.mark.parametrize(
    ("p", "difference", "says"),
    [
        (0.01, 0.1, "the evolution decides"),
        (0.01, -0.1, "the evolution costs"),
        (0.05, 0.1, "the evolution adds nothing that was found"),
        (1.0, -0.1, "the evolution adds nothing that was found"),
    ],
)
def test_whether_the_evolution_decides(p: float, difference: float, says: str) -> None:
    """`decides` and `costs` where p < .05 that way; else nothing was found, with how much it can be at most."""
    said = claims_text.evolution_sentence(a_test(p, difference))
    assert says in said
    assert ("at most 0.0062 apart, 90 % interval" in said) == (p >= 0.05)
    less = claims_text.evolution_sentence(
        a_test(p, difference, sign=-1)
    )  # of an error less is better
    assert (says in less) == (p >= 0.05)


@pytest.mark.parametrize(
    ("verdict", "says"),
    [("for", "speak for it"), ("against", "speak against it"), ("open", ": open (")],
)
def test_a_claim_in_short(verdict: str, says: str) -> None:
    """What the runs speak for is the verdict of the primary outcome, named with its counts and pooled p."""
    said = claims_text.short_sentence(
        {"claim": "X", "verdict": verdict, "pooled": [entry(verdict, 0.02, 2)]}
    )
    assert says in said
    assert "3 of 4 data sets in favour, pooled p = 0.02" in said


def test_how_many_comparisons_favour_jumps() -> None:
    """Ahead and behind are signs alone, whatever p; those that are equal are neither."""
    tests = [
        a_test(0.5, 0.1),
        a_test(0.01, 0.1),
        a_test(0.5, -0.1),
        a_test(1, 0.0),
        a_test(0.2, -0.1, sign=-1),
    ]
    said = claims_text.count_sentence(tests)
    assert said.startswith("In 5 comparisons")
    assert "ahead of unitary ones in 3 and behind in 1; taken alone, p < 0.05 in 1." in said


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


def test_who_is_ahead_on_parity() -> None:
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


def test_against_the_best_rival() -> None:
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
    said = leaderboard.joint_headline(table, "MAE")
    assert said.startswith(f"M0, the best by MAE, decides {shares[0]:.0f} % jointly")
    assert ("all models" in said) == (len(shares) > 1)
    assert len(shares) == 1 or said.endswith(f"{min(shares):.0f} to {max(shares):.0f} %")
    table["mean"] = 0.5 + 1e-5 * table.index
    alike = leaderboard.joint_headline(table, "MAE")
    assert (f"The {len(shares)} best by MAE, alike," in alike) == (len(shares) > 1)


# Sentences of pages.


@pytest.mark.parametrize(
    ("gap", "error", "words"),
    [
        (1.0, 0.1, "‘7’ leads by 10.0 standard errors of the difference at 1,000 shots"),
        (0.2, 0.1, "‘7’ leads by 2.0 standard errors"),
        (0.199, 0.1, "1,000 shots do not settle it: ‘7’ leads by 2.0"),
        (0.0, 0.1, "do not settle it"),
        (1.0, 0.0, "do not scatter"),
        (0.0, 0.0, "do not scatter"),
    ],
)
def test_lead_under_shots(gap: float, error: float, words: str) -> None:
    """`leads by` two standard errors of the difference or more; less is not settled; none where nothing scatters."""
    assert words in network.lead("7", gap, error, 1000)


def interval(value: float, low: float, high: float, n: int = 200) -> Interval:
    return Interval(value, low, high, n, 2000)


@pytest.mark.parametrize(
    ("r", "start"),
    [
        ((0.05, -0.1, 0.2), "Not shown that"),
        ((-0.05, -0.3, 0.1), "Not shown that"),
        ((0.1, 0.0, 0.2), "Not shown that"),
        ((0.29, 0.1, 0.4), "Weakly:"),
        ((0.3, 0.1, 0.4), "In part:"),
        ((0.69, 0.1, 0.9), "In part:"),
        ((0.7, 0.5, 0.9), "Closely:"),
        ((-0.4, -0.5, -0.3), "The opposite:"),
        ((np.nan,) * 3, "Cannot be told"),
    ],
)
def test_whether_entanglement_goes_with_joint_deciding(
    r: tuple[float, float, float], start: str
) -> None:
    """`Not shown`, with what can be excluded, where the interval holds zero: never "no". Else by the size of the rank
    correlation; nothing accounts for anything."""
    found = {"spearman": interval(*r), "pearson": interval(*r)}
    said = cohort_measures.finding(found, "negativity", "joint")
    assert said.startswith(start)
    assert "accounts" not in said
    assert not said.startswith("No:")
    if start == "Not shown that":
        assert number_after("more than", said) == pytest.approx(max(-r[1], r[2]), abs=0.005)
    elif np.isfinite(r[0]) and r[0] > 0:
        assert f"r² {r[0] ** 2:.2f}" in said


def test_doubt_about_the_linear_correlation() -> None:
    """It is told where its interval holds zero and the rank correlation's does not."""
    for low in (-0.1, 0.1):
        said = cohort_measures.finding(
            {"spearman": interval(0.5, 0.4, 0.6), "pearson": interval(0.2, low, 0.4)},
            "entropy",
            "joint_share",
        )
        assert ("cannot be told from zero" in said) == (low < 0)


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
        ({"a": (2.0, 0.8, 2.2), "b": (1.0, 0.8, 1.2)}, "No type is predicted clearly worse"),
        ({"a": (2.0, np.nan, np.nan), "b": (1.0, 0.8, 1.2)}, "How do the modalities relate?"),
    ],
)
def test_which_type_is_predicted_worst(
    errors: dict[str, tuple[float, float, float]], words: str
) -> None:
    """`worst` where its interval lies above all others, `worse than` above that of another, else none is."""
    assert cohorts._worst({name: interval(*each) for name, each in errors.items()}).startswith(
        words
    )


@pytest.mark.parametrize(
    ("independent", "stands_out"), [(20, False), (100, False), (110, True), (400, True)]
)
def test_which_slice_is_worse(independent: float, stands_out: bool) -> None:
    """A slice is `wrong more often` only beyond chance among all slices: 40 % of n against 30 % is 0.1 sqrt(n / 0.21)
    standard errors, to be more than 2.24 for two slices (Bonferroni). Alone, it is all samples."""
    low, high = slices.errors.wilson(0.4 * independent, independent)
    worse: Any = slices.errors.Slice("digit 3", (), 400, 160, 0.4, low, high, 1.0)
    other: Any = slices.errors.Slice(
        "digit 4", (), 400, 80, 0.2, *slices.errors.wilson(80, 400), 1.0
    )
    assert slices._finding([worse, other], 0.3, True).startswith(
        "‘digit 3’ is wrong more often: 40%"
        if stands_out
        else "No slice is worse than all beyond chance (30% wrong, 2 slices"
    )
    assert slices._finding([worse], 0.3, True) == "All samples are in one slice (30% wrong)"
    assert slices._finding([], 0.3, True) == "No sample to slice"
