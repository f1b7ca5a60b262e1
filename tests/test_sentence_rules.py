"""The rules of sentences, each in a table: ties, shares, sizes, counts, signs, names, NaN, differences, courses.

What the sentences are is held by tests/test_golden_sentences.py; these are the cases that its samples do not reach.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qfusion import _sentences
from qfusion.app.models.sensitivity import describe_largest_terms
from qfusion.explain.bootstrap import Interval
from qfusion.explain.faithfulness import Curves
from qfusion.explain.interval_ends import wilson
from qfusion.study.mistakes import Slice
from qfusion.views import (
    attribution,
    circuit as circuit_views,
    cohort_contributions,
    cohort_errors,
    cohort_quality,
    decision,
    dynamics,
    faithfulness,
    learning,
    learning_inside,
    network,
    qubits,
    samples,
    sensitivity,
    several_decisions,
    states,
    two_decisions,
)
from qfusion.views.changes import describe_lead, describe_mechanism, describe_state_change
from qfusion.views.cohort_points import describe_correlation
from qfusion.views.flips import describe_smallest_turn
from qfusion.views.pages import notebook
from qfusion.views.words import answers, names, reliability, rules
from qfusion.views.words.decisions import describe_change, describe_last_change
from qfusion.views.words.rules import (
    describe_drawn,
    describe_extremum,
    describe_softmax,
    format_probability,
)
from qfusion.views.words.verdicts import name_decision

NAMES = ("alpha", "beta", "gamma")
NAN = math.nan
Numbers = dict[str, float]


def named(sentence: str) -> set[str]:
    """The names that a sentence says."""
    return {name for name in NAMES if name in sentence}


# Ties -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "largest", "smallest"),
    [
        ({"a": 1.0, "b": 3.0}, ["b"], ["a"]),
        ({"a": 0.296, "b": 0.304, "c": 0.1}, ["a", "b"], ["c"]),
        ({"a": -0.001, "b": 0.001}, ["a", "b"], ["a", "b"]),
        ({"a": NAN, "b": -3.0, "c": math.inf}, ["b"], ["b"]),
        ({"a": NAN}, [], []),
        ({}, [], []),
    ],
)
def test_names_of_the_largest_number_as_it_is_written(
    numbers: Numbers, largest: list[str], smallest: list[str]
) -> None:
    assert _sentences.top(numbers) == largest
    assert _sentences.top(numbers, smallest=True) == smallest


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"a": 0.3, "b": -0.6}, "b leads (-0.60)"),
        ({"a": 0.304, "b": -0.296, "c": 0.1}, "a (+0.30) and b (-0.30) lead"),
        ({"a": 0.3, "b": 0.3}, "all 2 alike (0.30)"),
        ({"a": 0.3}, "a alone"),
        ({"a": 0.004, "b": 0.0}, "nothing"),
        ({"a": NAN}, "nothing"),
    ],
)
def test_a_template_is_chosen_by_how_many_names_are_first(numbers: Numbers, words: str) -> None:
    said = describe_extremum(
        numbers,
        one="{names} leads ({value:+.2f})",
        some="{names} lead",
        every="all {all} alike ({size})",
        only="{names} alone",
        none="nothing",
        by_size=True,
        several="{name} ({value:+.2f})",
    )
    assert said == words


def values(numbers: Numbers) -> np.ndarray:
    return np.array(list(numbers.values()))


def rows(numbers: Numbers) -> dict[str, np.ndarray]:
    """Each number at the end of a row that begins at 0."""
    return {name: np.array([0.0, value]) for name, value in numbers.items()}


# Sentences that name the largest, and those that name the smallest.
LARGEST: dict[str, Callable[[Numbers], str]] = {
    "mixed modality": network.describe_most_mixed,
    "fused qubit": network.describe_most_entangled,
    "bet": network.describe_bet,
    "disagreement": lambda n: network.describe_disagreement(n, None),
    "attribution": lambda n: attribution.describe_largest_parts(
        "Text", list(n), values(n), "moved"
    ),
    "terms": lambda n: describe_largest_terms({a: np.array([b]) for a, b in n.items()}, 0),
    "mixed qubit": qubits.describe_mixedness,
    "mixed at the end": qubits.describe_final_mixedness,
    "pairs of registers": qubits.describe_sharing,
    "changed terms": describe_mechanism,
    "shares": lambda n: two_decisions.describe_share_shift(dict.fromkeys(n, 0.0), n),
    "differences": lambda n: two_decisions.describe_difference(dict.fromkeys(n, 0.0), n),
    "entropies": several_decisions.describe_largest_entropies,
    "basis states": lambda n: states.describe_likeliest("t", n),
    "changed rows": lambda n: states.describe_largest_change("population", rows(n)),
    "pairs of modalities": lambda n: dynamics.describe_most_shared(n, "t"),
    "spread": lambda n: cohort_contributions.describe_spread(
        {name: np.array([-value, value]) for name, value in n.items()}, np.ones(2, bool)
    ),
    "errors": lambda n: cohort_errors.describe_largest_errors(n, True),
}
SMALLEST: dict[str, Callable[[Numbers], str]] = {
    "nearest samples": lambda n: samples.describe_nearest(n, "terms", 1, False),
    "Bloch vectors of qubits": qubits.describe_shortest,
    "Bloch vectors of modalities": lambda n: states.describe_most_mixed(n, "t"),
    "separated classes": lambda n: cohort_quality.describe_separation(n, ""),
    "planted truth": faithfulness.describe_truth_correlation,
    "stability": faithfulness.describe_least_stable,
    "loss": lambda n: learning.describe_best_epoch(
        "loss", {name: (np.ones(1), np.array([value])) for name, value in n.items()}
    ),
}


@pytest.mark.parametrize("maker", [*LARGEST, *SMALLEST])
def test_names_whose_numbers_are_written_alike_are_named_together(maker: str) -> None:
    """One name has the largest number, two are written alike above all others, all are nothing."""
    describe = {**LARGEST, **SMALLEST}[maker]
    sign = -1 if maker in SMALLEST else 1
    base = 1.0 if maker in SMALLEST else 0.0
    one, two = (
        describe({name: base + sign * value for name, value in zip(NAMES, numbers, strict=True)})
        for numbers in ((0.3, 0.6, 0.1), (0.6, 0.60003, 0.1))
    )
    assert named(one) == {"beta"}
    assert not re.search("alike|equal", one)
    assert named(two) == {"alpha", "beta"} or "2 " in two
    if maker in LARGEST and maker not in ("bet", "basis states"):
        assert not named(describe({"alpha": 0.0, "beta": 1e-12}))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            circuit_views.describe_cone("q0", 1, 1, 1, 1),
            "q0 can depend on 1 of 1 gate and 1 of 1 qubit",
        ),
        (
            qubits.describe_final_mixedness(dict.fromkeys("abcde", 0.3) | {"f": 0.1}),
            "5 qubits alike",
        ),
        (
            network.describe_disagreement(dict.fromkeys("abcdefgh", 0.5) | {"i": 0}, None),
            "8 elements alike",
        ),
        (
            states.describe_likeliest("t", dict.fromkeys("abcde", 0.18) | {"f": 0.1}),
            "5 of 6",
        ),
        (
            rules.list_coherences(np.array([[1, 0.2, 0.2], [0.2, 1, 0], [0.2, 0, 1]]), "xyz"),
            "equal for 2 pairs",
        ),
        (
            learning.describe_class_sizes(("a", "b"), np.array([3, 3])),
            "Each of its 2 classes has 3",
        ),
        (
            cohort_quality.describe_confusions(np.array([[4, 1], [1, 2]]), ("a", "b")),
            "‘a’ is predicted as ‘b’ and ‘b’ is predicted as ‘a’ (1 each)",
        ),
        (several_decisions.describe_common_terms([["alpha"], ["beta"]]), "differ"),
        (
            describe_smallest_turn(
                [
                    SimpleNamespace(size=size, learned=1.0, value=1.1, verified=False)
                    for size in (0.1, 0.1004)
                ],
                ["alpha", "beta"],
                "‘x’",
                1300,
            ),
            "as small as 1 other",
        ),
    ],
)
def test_many_names_are_counted(said: str, words: str) -> None:
    assert words in said


# Shares, sizes and counts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (0.0, "0%"),
        (-1e-12, "0%"),
        (1e-8, "less than 1%"),
        (0.0049, "less than 1%"),
        (0.006, "1%"),
        (0.37, "37%"),
        (0.994, "99%"),
        (0.9951, "more than 99%"),
        (1 - 1e-8, "more than 99%"),
        (1.0, "100%"),
    ],
)
def test_no_share_is_rounded_to_nothing_or_all(part: float, words: str) -> None:
    assert _sentences.share(part) == words


@pytest.mark.parametrize(
    ("value", "softmax", "probability"),
    [
        (1.0, "softmax > 0.999", "> 0.999"),
        (0.9996, "softmax > 0.999", "> 0.999"),
        (0.98123, "softmax 0.981", "0.981"),
        (1e-9, "softmax < 0.001", "< 0.001"),
    ],
)
def test_no_probability_is_rounded_to_certainty(
    value: float, softmax: str, probability: str
) -> None:
    assert describe_softmax(value) == softmax
    assert format_probability(value) == probability


@pytest.mark.parametrize(
    ("value", "places", "words"),
    [
        (0.0, 2, "0.00"),
        (1e-12, 2, "less than 0.01"),
        (0.0049, 2, "less than 0.01"),
        (0.005, 2, "0.01"),
        (12.346, 2, "12.35"),
        (0.0004, 3, "less than 0.001"),
    ],
)
def test_no_size_is_rounded_to_nothing(value: float, places: int, words: str) -> None:
    assert _sentences.size(value, places) == words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (network.describe_correlation(1e-9), "(less than 0.01 nats)"),
        (network.describe_pooling(-0.3), "0.30 nats more entropy"),
        (network.describe_pooling(0.004), "does not change"),
        (sensitivity.describe_likeness("‘a’", "and", 0.0), "as AND does"),
        (sensitivity.describe_likeness("‘a’", "and", 0.25), "no named rule"),
        (qubits.describe_gate_effect(0.0), "leaves the state as it is"),
        (qubits.describe_mixedness({"q": 1e-7}), "pure state"),
        (qubits.describe_shortest({"q": 1.0}), "pure state"),
        (describe_state_change("text", 0.004), "0.00 rad"),
        (describe_state_change("text", 0.0), "is as it was"),
        (states.describe_most_mixed({"text": 0.996}, "t"), "all but pure"),
        (network.describe_disagreement({"a": 0.2}, 1e-9), "hardly contradict"),
        (two_decisions.describe_share_shift({"a": 0.5}, {"a": 0.51}), "1 percentage point more"),
        (two_decisions.describe_entropy_difference([0.3, -0.3], "mixed"), "; single ones differ"),
        (
            notebook.describe_change(
                ["H"], {}, (0.2104, 0.2106), ("‘x’", "‘y’"), ("MAE", 0.5, 0.25)
            ),
            "0.211 (unchanged to 0.001), decision now ‘y’, test MAE: 0.500 → 0.250",
        ),
    ],
)
def test_what_is_written_as_nothing_is_called_nothing(said: str, words: str) -> None:
    assert words in said


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (_sentences.count(0, "gate"), "0 gates"),
        (_sentences.count(1, "gate"), "1 gate"),
        (_sentences.count(1000, "gate"), "1,000 gates"),
        (_sentences.count(2, "class", "classes"), "2 classes"),
        (_sentences.listed([]), ""),
        (_sentences.listed("a"), "a"),
        (_sentences.listed("ab"), "a and b"),
        (_sentences.listed("abc"), "a, b and c"),
        (describe_drawn(20, 4659), "20 samples drawn at random from 4,659"),
        (describe_drawn(1, 1), "1 sample"),
        (learning.describe_class_sizes(("a",), np.array([1])), "Its only class has 1 sample"),
        (
            cohort_quality.describe_confusions(np.array([[1]]), ("a",)),
            "1 of 1 sample is right",
        ),
        (
            faithfulness.describe_sign_changes(np.array([[1.0, 1.0], [-1.0, 1.0]])).lower(),
            "1 of 2 terms changes sign with the seed",
        ),
    ],
)
def test_numbers_of_things(said: str, words: str) -> None:
    assert said == words


# Signs and names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("-0.35", "−0.35"),
        ("(-0.35 to -.1)", "(−0.35 to −.1)"),
        ("**-4** nats, ‘no’: -2", "**−4** nats, ‘no’: −2"),
        ("scene-6479 of 2026-11-28, 0-2, e-5, a - 5", "scene-6479 of 2026-11-28, 0-2, e-5, a - 5"),
        ("`--seed -1` gives -1", "`--seed -1` gives −1"),
        ("scene\\-6479", "scene\\-6479"),
        ("from \\-1\\.13 \\(\\-\\.5\\)", "from −1\\.13 \\(−\\.5\\)"),
        ("", ""),
    ],
)
def test_negative_numbers_get_a_minus_sign(words: str, written: str) -> None:
    assert _sentences.true_minus(words) == written


@pytest.mark.parametrize(
    ("scores", "classes", "words"),
    [
        ([0.1], (), "positive"),
        ([0.0], (), "negative"),
        ([-0.1, 2.0, 0.0], NAMES, "‘beta’"),
        ([2.0, -1.0, 2.0], NAMES, "a tie between ‘alpha’ and ‘gamma’"),
    ],
)
def test_a_decision_is_a_sign_a_class_or_a_tie(
    scores: list[float], classes: Sequence[str], words: str
) -> None:
    assert name_decision(np.array(scores), classes) == words


@pytest.mark.parametrize(
    ("kind", "title", "label"),
    [
        ("quantum-jump", "QiNN-QJ on two digits", "QiNN-QJ · two digits"),
        ("quantum-jump", "quantum-jump on CMU-MOSI", "QiNN-QJ · CMU-MOSI"),
        ("entangled-qcnn", "Entangled fusion + QCNN on Houston", "Entangled QCNN · Houston"),
        ("late", "my\n own   title", "Late fusion · my own title"),
        ("linear", "", "Linear"),
        ("late", "x" * 200, f"Late fusion · {'x' * 79}…"),
    ],
)
def test_a_model_is_named_by_its_system_and_data(kind: str, title: str, label: str) -> None:
    name = names.name_model("mine", {"model": kind, "title": title}, shipped=True)
    assert name.label == label
    assert name.option.splitlines() == [f"{label} ", "mine"]


# NaN and nothing at all -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (network.describe_disagreement({"a": 0.2}, NAN), "not defined"),
        (network.describe_bet({"a": NAN, "b": NAN}), "bet on none"),
        (faithfulness.describe_truth_correlation({"a": NAN}), "No term varies"),
        (faithfulness.describe_truth_correlation({"a": NAN, "b": 0.9}), "constant"),
        (learning.describe_best_epoch("loss", {"a": (np.ones(1), np.array([NAN]))}), "Loss"),
        (
            learning.describe_best_epoch(
                "loss", {"a": (np.ones(1), np.array([NAN])), "b": (np.ones(1), np.array([0.3]))}
            ),
            "b (0.3)",
        ),
        (
            learning.describe_best_epoch(
                "loss", {"a": (np.arange(3.0), np.array([3.0, 1.0, 2.0]))}
            ),
            "Loss is lowest at epoch 1 (1)",
        ),
        (cohort_quality.describe_residuals(np.zeros(0), np.zeros(0)), "No sample of this cohort"),
        (cohort_quality.describe_separation({}, ""), "No class"),
        (cohort_errors.describe_largest_errors({}, True), "No sample of this cohort"),
        (cohort_errors.slice_title([], 0.0, True), "No sample to slice"),
        (samples.describe_nearest({}, "terms", 0, True), "no other test sample"),
        (
            attribution.describe_largest_parts("Text", [], np.zeros(0), "moved it"),
            "nothing moved it",
        ),
        (two_decisions.describe_share_shift({"a": 1.0}, {"b": 1.0}), "have different names"),
        (states.describe_largest_coherence(np.ones((1, 1)), ["0"], "t"), "No coherence"),
        (rules.list_coherences(np.ones((1, 1)), "x"), "all off the diagonal"),
    ],
)
def test_what_is_not_known_is_not_said(said: str, words: str) -> None:
    assert words in said
    assert "nan" not in said


# Differences: said only where an interval, or a test with its correction, shows them ----------------------------------


def interval(value: float, low: float, high: float) -> Interval:
    return Interval(value, low, high, 200, 2000)


def correlation(r: tuple[float, float, float], pearson: tuple[float, float, float]) -> str:
    known = {"spearman": interval(*r), "pearson": interval(*pearson)}
    return describe_correlation(known, "negativity", "joint")


@pytest.mark.parametrize(
    ("r", "start"),
    [
        ((0.05, -0.1, 0.2), "No significant correlation"),
        ((0.1, 0.0, 0.2), "No significant correlation"),
        ((0.29, 0.1, 0.4), "Weakly:"),
        ((0.3, 0.1, 0.4), "Moderately:"),
        ((0.7, 0.5, 0.9), "Strongly:"),
        ((-0.4, -0.5, -0.3), "Inversely:"),
        ((NAN, NAN, NAN), "Unknown"),
    ],
)
def test_a_correlation_needs_an_interval_without_zero(
    r: tuple[float, float, float], start: str
) -> None:
    assert correlation(r, r).startswith(start)


def test_a_linear_correlation_that_is_not_significant_is_said_beside_one_of_ranks() -> None:
    ranks = (0.5, 0.4, 0.6)
    assert "not significant" in correlation(ranks, (0.2, -0.1, 0.4))
    assert "not significant" not in correlation(ranks, (0.2, 0.1, 0.4))


def slices(*wrong: int, rows: int = 40, independent: int = 40) -> str:
    """The title of slices with so many wrong of `rows`, of which so many are independent."""
    made: list[Any] = []
    for name, count in zip(NAMES, wrong, strict=False):
        low, high = wilson(count * independent / rows, independent)
        made.append(Slice(name, (), rows, count, count / rows, low, high, 0.0))
    return cohort_errors.slice_title(made, sum(wrong) / rows / len(wrong), True)


def errors(*of: tuple[float, float, float]) -> str:
    made = {name: interval(*each) for name, each in zip(NAMES, of, strict=False)}
    return cohort_contributions.describe_worst_relation(made)


@pytest.mark.parametrize(
    ("counts", "where", "words"),
    [
        ({"joint": 99, "prior": 1}, "", "99% of 100 decisions are ‘joint’"),
        (
            {"joint": 2, "prior": 2},
            "cohort",
            "50% of 4 decisions of the cohort are ‘joint’ and ‘prior’ each",
        ),
        ({"joint": 1}, "", "100% of 1 decision is ‘joint’"),
        ({"joint": 0}, "", "No sample of this cohort"),
    ],
)
def test_the_most_frequent_relation_is_named(
    counts: dict[str, int], where: str, words: str
) -> None:
    assert cohort_contributions.describe_most_frequent(counts, where) == words


def areas(ours: float, other: float, low: float = NAN, high: float = NAN) -> Curves:
    """Deletion and insertion that are so far done half-way, in our order and in a random one."""
    known = interval((low + high) / 2, low, high)
    return Curves(
        np.array([0.0, 0.5, 1.0]),
        np.array([0.0, ours, 1.0]),
        np.array([1.0, 1 - ours, 0.0]),
        np.array([[0.0, other, 1.0]]),
        np.array([[1.0, 1 - other, 0.0]]),
        100,
        "score",
        None if np.isnan(low) else (known, known),
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (slices(16, 2, 3), "‘alpha’ is wrong more often: 40%"),
        (slices(16, 2, 3, independent=5), "No slice is worse than all beyond chance"),
        (slices(8, 7, 8), "No slice is worse than all beyond chance"),
        (slices(16), "All samples are in one slice"),
        (errors((2, 1.8, 2.2), (1, 0.8, 1.2), (1.1, 0.9, 1.3)), "‘alpha’ is predicted worst"),
        (errors((2, 1.2, 2.2), (1, 0.8, 1.1), (1.5, 0.9, 1.9)), "worse than ‘beta’"),
        (errors((2, 0.8, 2.2), (1, 0.8, 1.2)), "No type has a significantly larger error"),
        (errors((2, NAN, NAN), (1, 0.8, 1.2)), ""),
        (cohort_quality.describe_calibration(0.97, 0.96, 50), "no significant difference"),
        (cohort_quality.describe_calibration(0.97, 0.90, 5000), "overconfident"),
        (cohort_quality.describe_calibration(0.80, 0.97, 5000), "underconfident"),
        (cohort_quality.describe_calibration(0.5, 1.0, 1), "no significant difference"),
        (
            describe_lead("7", 0.2, 0.1, 1000),
            "leads by 2.0 standard errors of the difference at 1,000 shots",
        ),
        (describe_lead("7", 0.199, 0.1, 1000), "Not significant at 1,000 shots"),
        (describe_lead("7", 1.0, 0.0, 1000), "without shot noise"),
        (reliability.describe_beaten_orders(areas(0.9, 0.1)), "beats every one of 1 random order "),
        (reliability.describe_beaten_orders(areas(0.52, 0.5)), "only slightly faster"),
        (reliability.describe_beaten_orders(areas(0.5, 0.5)), "**not** beat 1 of 1 random order"),
        (
            reliability.describe_beaten_orders(areas(0.9, 0.1, -0.2, 0.9)),
            "no significant difference",
        ),
        (reliability.describe_return(areas(0.9, 0.1, 0.1, 0.9)), "every one of 1"),
        (reliability.describe_return(areas(0.9, 0.1, -0.2, 0.9)), "no significant difference"),
    ],
)
def test_a_difference_is_said_where_it_is_significant(said: str, words: str) -> None:
    assert words in said


def test_a_cohort_differs_in_a_term_beyond_chance() -> None:
    rng = np.random.default_rng(0)
    part = np.arange(40) < 15
    same = {name: rng.normal(0, 0.2, 40) for name in NAMES}
    assert "No term has" in cohort_contributions.describe_spread(same, part)
    moved = same | {"beta": same["beta"] + 0.5 * part}
    assert named(cohort_contributions.describe_spread(moved, part)) == {"beta"}
    alone = cohort_contributions.describe_spread({"alpha": np.arange(40.0)}, np.arange(40) < 1)
    assert "significantly different mean" in alone


def test_the_slope_of_residuals_is_said_beyond_two_standard_errors() -> None:
    truth = np.linspace(-1, 1, 60)
    noise = np.random.default_rng(1).normal(0, 0.2, 60)
    assert "drawn to the middle" in cohort_quality.describe_residuals(truth, noise - 0.5 * truth)
    assert "extremes" not in cohort_quality.describe_residuals(truth, noise - 0.05 * truth)
    assert "extremes" not in cohort_quality.describe_residuals(truth[:9], -0.5 * truth[:9])


# Courses: from where on something holds to the end --------------------------------------------------------------------


def course(*shares: float) -> dict[str, np.ndarray]:
    """Dividends along places, of which joint terms have these parts."""
    part = np.array(shares)
    return {"": np.ones(len(part)), "alpha": 1 - part, "alpha+beta": -part}


def title(*shares: float, moving: Sequence[float] = (0.0, 0.5, 1.0)) -> str:
    places = ["t0", "t1", "t2"]
    return decision.title_joint_course(
        course(*shares), np.array(moving), "the mean entropy", "nats", places
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (describe_last_change("aaa", ["t0", "t1", "t2"]), "from the start"),
        (describe_last_change("aba", ["t0", "t1", "t2"]), "from t2 on"),
        (describe_last_change("aba", ["t0", "t1", "t2"]), "before, it was b."),
        (describe_last_change("a", ["t0"]), "only place"),
        (title(0.5, 0.5, 0.5), "never lead"),
        (title(0.0, 0.7, 0.5), "do not lead at the end"),
        (title(0.7, 0.7, 1.0), "lead from the start"),
        (title(0.7, 0.5, 0.7), "lead from t2;"),
        (title(0.0, 0.7, 0.7), "the mean entropy grows to 1.00 nats at the end"),
        (title(0.0, 0.7, 0.7, moving=(0.3, 0.3, 0.3)), "stays at 0.30 nats"),
        (title(0.0, 0.7, 0.7, moving=(0.0, 1.12, 0.7)), "peaks at t1 (1.12 nats)"),
        (title(0.0, 0.7, 0.7, moving=(1.0, 1.1, 0.7)), "peaks at t1 (1.10 nats)"),
        (title(0.0, 0.7, 0.7, moving=(1.0, 0.2, 0.7)), "falls from 1.00 to 0.70 nats"),
        (title(0.0, 0.7, 0.7, moving=(1.0, 0.2, 1.0)), "largest at both ends (1.00 nats)"),
        (network.describe_takeover("abc", course(0.0, 0.502, 0.51)), "lead from “c”"),
        (network.describe_takeover("abc", course(0.7, 0.7, 0.5)), "modalities are equal"),
        (network.describe_takeover("a", course(0.3)), "single modalities lead"),
        (network.describe_takeover("a", {"alpha": np.zeros(1)}), "all terms are zero"),
    ],
)
def test_a_course_is_said_from_the_place_after_which_it_holds(said: str, words: str) -> None:
    assert words in said


@pytest.mark.parametrize(
    ("joint", "words"),
    [
        (0.0, "Nothing"),
        (0.004, "none above"),
        (-0.3, "from 0% to 60% (largest: alpha + beta, -0.30)"),
    ],
)
def test_what_the_dynamics_added(joint: float, words: str) -> None:
    start = {"": 0.1, "alpha": 0.2, "alpha+beta": 0.0, "beta+gamma": 0.0}
    said = describe_change(start, start | {"alpha+beta": joint}, "the evolution")
    assert words in said.replace("**", "")


@pytest.mark.parametrize("end", [{"alpha": 0.3}, {"alpha": 0.3, "beta": 0.0, "alpha+beta": 0.0}])
def test_the_dynamics_added_no_joint_terms(end: Numbers) -> None:
    assert "No joint terms" in describe_change(dict.fromkeys(end, 0.0), end, "the evolution")


def test_a_modality_matters_from_a_tenth_of_all_terms_on() -> None:
    epochs = np.array([1.0, 5.0, 9.0])
    terms = {
        "alpha": (epochs, np.array([0.09, 0.2, 1.0])),
        "beta": (epochs, np.array([0.0, 0.0, 0.05])),
        "alpha+beta": (epochs, np.array([0.5, 0.5, 0.5])),
    }
    said = learning_inside.describe_onsets("run", terms)
    assert "alpha at epoch 5" in said
    assert "beta not yet" in said
    assert "the joint terms together from the first measurement (epoch 1)" in said


# What would flip it ---------------------------------------------------------------------------------------------------


def flip(distance: float, **changes: Any) -> Any:
    """A change of one modality, and the nearest sample that has such a state."""
    told = {"possible": True, "verified": True, "after": -1.0, "donor": "", "far": 1.0} | changes
    after = np.array([told["after"]])
    state = SimpleNamespace(
        possible=told["possible"], distance=distance, after=after, verified=told["verified"]
    )
    donor = SimpleNamespace(distance=told["far"], scores=after, verified=told["verified"])
    return SimpleNamespace(state=state, donor_id=told["donor"], donor=donor)


@pytest.mark.parametrize(
    ("flips", "words"),
    [
        ([flip(math.inf, possible=False)], "No change of a single modality would flip it"),
        ([flip(0.3), flip(0.4)], "A change of alpha alone by 0.30 rad would flip it to negative"),
        ([flip(0.3), flip(0.304)], "A change of alpha or of beta alone by 0.30 rad would"),
        ([flip(1e-4)], "by less than 0.01 rad"),
        ([flip(0.3, verified=False)], "may flip it"),
        ([flip(0.3), flip(0.3, after=1.0)], "to negative, a change of beta alone"),
        (
            [flip(0.3, donor="s1", far=0.5), flip(0.4, donor="s2", far=0.41)],
            "so would replacing beta by that of sample s2",
        ),
    ],
)
def test_what_would_flip_a_decision(flips: list[Any], words: str) -> None:
    study: Any = SimpleNamespace(classes=(), model=SimpleNamespace(part=lambda _: True))
    assert words in answers.describe_flips(study, dict(zip(NAMES, flips, strict=False)))


def test_a_search_without_a_result_proves_nothing() -> None:
    study: Any = SimpleNamespace(classes=(), model=SimpleNamespace(part=lambda _: None))
    assert "was found" in answers.describe_flips(study, {"alpha": flip(0.0, possible=False)})
