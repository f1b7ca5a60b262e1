"""Verdicts: the rule by hand, on random dividends and on all test samples of shipped models; all panels agree."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from qfusion.cli import app as typer_app
from qfusion.data.coalition_terms import coalition_names
from qfusion.errors import DataUnavailable
from qfusion.explain import (
    RELATIONS,
    Explanation,
    cohort_filters,
    judge,
    verdict,
)
from qfusion.explain.coalitions import LEAD, leading_modality
from qfusion.explain.findings import (
    Leadership,
    Opposition,
    is_score_uncertain,
    leadership,
    opposition,
    verdict_record,
)
from qfusion.explain.verdicts import Doubt, Verdict
from qfusion.models.coalition_algebra import dividends as dividends_of, shapley
from qfusion.models.protocols import Evolution
from qfusion.study import cohorts, compare
from qfusion.study.opening import open_study, with_background
from qfusion.study.sample import build_sample
from qfusion.study.study import Study
from qfusion.views import cohort_contributions, decision, overview
from qfusion.views.pages import address
from qfusion.views.words import answers as markdown, systems
from qfusion.views.words.decisions import describe_conflict
from qfusion.views.words.rules import Markup, describe_largest, format_contribution, largest_terms
from qfusion.views.words.verdicts import (
    describe_decision,
    describe_headline,
    describe_leader,
    describe_seeds,
)
from tests.support import joint_decisions
from tests.support.app import plain

# One for each way through: three modalities and one score; classes, and a sample that the card names for the opening;
# two modalities that decide together only; networks, with two classes and with many.
EVERY_KIND = ("qj-planted", "qj-scenes", "qj-parity", "qcnn-parity", "qcnn-digits")


def made(dividends: np.ndarray) -> Explanation:
    """An explanation of B samples with one output from dividends (B, 2^M)."""
    M = int(np.log2(dividends.shape[1]))
    names = tuple("abcdef"[:M])
    values = dividends.sum(1, keepdims=True).repeat(2**M, 1)[..., None]
    return Explanation(
        names,
        ("score",),
        coalition_names(names),
        values,
        dividends[..., None],
        shapley(dividends[..., None], M),
        "joint",
        10,
    )


def by_hand(terms: dict[str, float]) -> str:
    """The relation by the rule, word for word."""
    own = sorted(
        (value for term, value in terms.items() if term and "+" not in term), key=abs, reverse=True
    )
    A = sum(abs(value) for term, value in terms.items() if term)
    U, J = sum(own), sum(value for term, value in terms.items() if "+" in term)
    if abs(U + J) < A / 8:
        return "undecided"
    score = terms[""] + U + J
    if score * terms[""] > 0 and abs(terms[""]) >= abs(U + J):
        return "prior"
    if abs(J) >= abs(U) and J * (U + J) > 0:
        return "joint"
    if J * U < 0 and 2 * abs(J) >= abs(U):
        return "correction"
    if conflicts_by_hand(terms):
        return "conflict"
    if abs(own[0]) > sum(map(abs, own[1:])):
        return "dominance"
    return "agreement"


def conflicts_by_hand(terms: dict[str, float]) -> bool:
    """Whether an own term opposes the largest one with a third of its size, or an equally large one does."""
    own = [value for term, value in terms.items() if term and "+" not in term]
    most = max(map(abs, own))
    return any(a * b < 0 and 3 * min(abs(a), abs(b)) >= most for a in own for b in own)


def shares_by_hand(terms: dict[str, float], names: tuple[str, ...]) -> dict[str, float]:
    """Shares of the Shapley values, each an equal part of every term that it is in."""
    phi = {
        name: abs(
            sum(
                value / len(term.split("+"))
                for term, value in terms.items()
                if name in term.split("+")
            )
        )
        for name in names
    }
    total = sum(phi.values())
    return (
        {name: value / total for name, value in phi.items()}
        if total
        else dict.fromkeys(names, 1 / len(names))
    )


def random_dividends(M: int) -> np.ndarray:
    """Dividends (400, 2^M): of all sizes, with zeros and ties among them."""
    rng = np.random.default_rng(M)
    found = rng.normal(size=(400, 2**M)) * rng.choice([0.05, 0.3, 1, 4], size=(400, 2**M))
    found[:100, M + 1 :] *= 0.1
    found[100:140] = rng.choice([-1.0, 0.0, 0.5, 1.0], size=(40, 2**M))
    found[140] = 0
    return found


def checked(found: Verdict) -> None:
    """Every sentence about a verdict against its numbers."""
    terms, relation = dict(found.dividends), found.relation
    assert relation == by_hand(terms)
    said, whether, title = (
        describe_decision(found),
        describe_conflict(found),
        describe_leader(found),
    )
    assert found.conflict == conflicts_by_hand(terms) == whether.startswith("Yes")
    assert not (found.conflict and relation in ("agreement", "dominance"))
    shares = shares_by_hand(terms, found.modalities)
    ranked = sorted(shares.values(), reverse=True)
    ahead = ranked[0] - ranked[1] if len(ranked) > 1 else ranked[0]
    sizes = {term: abs(value) for term, value in terms.items() if term}
    if max(sizes.values()) == 0:
        assert found.leader == ""
        assert said == "None: no modality changes the decision."
        return
    if found.is_open:
        assert found.leader == ""
        assert leadership(found) == Leadership.OPEN
        assert "training" in said
        assert describe_headline(found) == title
        return
    assert said.startswith("Undecided") == (relation == "undecided")
    assert said.startswith("No modality decided") == (relation == "prior")
    if found.leader:
        assert relation in ("correction", "conflict", "dominance", "agreement")
        assert shares[found.leader] == pytest.approx(ranked[0])
        assert ahead >= max(LEAD, found.needed) - 1e-12
        direction = np.sign(found.net)
        assert terms[found.leader] * direction == max(terms[n] * direction for n in shares)
        assert f"{found.leader} leads with {shares[found.leader]:.0%}" in title
    else:
        assert leadership(found) in (
            *(Leadership.UNDECIDED, Leadership.PRIOR, Leadership.JOINT),
            *(Leadership.CLOSE, Leadership.UNCERTAIN, Leadership.OTHER),
        )
        assert "leads with" not in said + title
    assert said.startswith("The combination") == (relation == "joint")
    assert ("corrected by the combination" in said) == (relation == "correction")
    assert said.startswith("Modalities in conflict") == (relation == "conflict")
    assert (opposition(found) == Opposition.CONFLICT) == found.conflict
    assert said.startswith("Several modalities") == (relation == "agreement")
    assert sizes[found.largest] == max(sizes.values())
    largest = describe_largest(terms)
    alike = largest_terms(terms)
    assert found.largest in alike
    assert ("equal in size" in largest) == (len(alike) > 1)
    assert ("together" in largest) == any("+" in term for term in alike[:3])
    assert all(max(sizes.values()) - sizes[term] <= 0.01 for term in alike)


@pytest.mark.parametrize("M", range(1, 7))
def test_verdicts_on_random_dividends_follow_the_rule(M: int) -> None:
    dividends = random_dividends(M)
    explanation = made(dividends)
    together = judge(explanation)
    for row in range(len(dividends)):
        found = verdict(explanation, row)
        assert (found.relation, found.leader, found.largest) == (
            together.relation[row],
            together.leader[row],
            together.largest[row],
        )
        checked(found)
    alone = {"dominance", "prior"}
    assert set(together.relation) - {"agreement"} == (
        set(RELATIONS) - {"agreement"} if M > 1 else alone
    )
    assert M == 1 or "agreement" in together.relation


def of(terms: dict[str, float], doubt: Doubt | None = None) -> Verdict:
    M = int(np.log2(len(terms)))
    names = tuple(list(terms)[1 : M + 1])
    found = made(np.array([list(terms.values())]))
    return verdict(
        Explanation(
            names,
            found.outputs,
            tuple(terms),
            found.values,
            found.dividends,
            found.shapley,
            "joint",
            10,
        ),
        doubt=doubt,
    )


def test_round_off_is_not_a_part() -> None:
    """Beside values of 9.75 it is 0, and no modality pulls, leads or is the largest part by it."""
    one = of({"": 2.0, "a": 9.75, "b": -7e-15, "a+b": 1e-15})
    assert (one.relation, one.dividends["b"], one.dividends["a+b"]) == ("dominance", 0.0, 0.0)
    assert "pulls" not in describe_conflict(one)
    both = judge(made(np.array([[1e14, 2e14, 1e3, 1e13], [0.1, 0.5, -0.4, 0.05]])))
    assert both.relation.tolist() == ["dominance", "conflict"]  # each sample beside its own values
    none = of({"": 2.0, "a": -1e-15, "b": -8e-16, "a+b": 1e-15})
    assert none.leader == ""
    assert describe_decision(none) == "None: no modality changes the decision."
    assert describe_largest(none.dividends) == "No modality changes the decision"
    assert describe_conflict(none) == "No: no modality contributes on its own."


def test_seed_uncertainty_is_reported_for_measured_models_only() -> None:
    """Spreads over seeds are of the model as trained, against its training set."""
    study = open_study("qj-planted")
    row = int(study.dataset.rows("test")[0])
    measured = build_sample(study, row)
    assert measured.seed_uncertainty is not None
    assert measured.verdict.seeds == measured.seed_uncertainty.seeds
    for other in (
        build_sample(study, row, tweak="T=0.5"),
        build_sample(with_background(study, "zero"), row),
    ):
        assert other.seed_uncertainty is None
        assert (other.verdict.seeds, describe_seeds(other.verdict)) == (0, [])


TWO = {"": 0.0, "a": 0.0, "b": 0.0, "a+b": 0.0}


@pytest.mark.parametrize(
    ("terms", "relation", "leader", "whether"),
    [
        (
            {"a": 0.1, "b": -0.1, "a+b": 1.0},
            "joint",
            "",
            "Yes: a (+0.10) against b (-0.10), and the joint terms then decide.",
        ),
        (
            {"a": 1.0, "b": -0.2, "a+b": 0.1},
            "dominance",
            "a",
            "No: b (-0.20) against a (+1.00), but with less than a third of the largest.",
        ),
        (
            {"a": 0.6, "b": -0.3, "a+b": 0.1},
            "conflict",
            "a",
            "Yes: a (+0.60) against b (-0.30).",
        ),
        (
            {"a": 0.5, "b": 0.5, "a+b": 0.2},
            "agreement",
            "",
            "No: a (+0.50) and b (+0.50) point the same way.",
        ),
        (
            {"a": 0.5, "b": -0.1, "a+b": 0.35},
            "dominance",
            "a",
            "No: b (-0.10) against a (+0.50), but with less than a third of the largest.",
        ),
        (
            {"a": 0.5, "b": 0.0, "a+b": 0.5},
            "joint",
            "",
            "No: only a (+0.50) contributes on its own.",
        ),
        (
            {"a": 1.0, "b": 0.2, "a+b": -0.8},
            "correction",
            "a",
            "No: a (+1.00) and b (+0.20) point the same way. Joint terms (-0.80) oppose the sum of the single "
            "modalities (+1.20).",
        ),
        (
            {"a": 0.6, "b": -0.5, "a+b": -0.11},
            "undecided",
            "",
            "Yes: a (+0.60) against b (-0.50), and contributions nearly cancel.",
        ),
        (
            {"": -2.0, "a": 1.0, "b": 0.5, "a+b": 0.1},
            "prior",
            "",
            "No: a (+1.00) and b (+0.50) point the same way.",
        ),
    ],
)
def test_all_kinds_occur_with_two_modalities(
    terms: dict, relation: str, leader: str, whether: str
) -> None:
    found = of(TWO | terms)
    assert (found.relation, found.leader) == (relation, leader)
    assert describe_conflict(found) == whether
    checked(found)


def doubt_of(
    spread: tuple[float, ...], *relations: str, lead: float = 0.0, **changes: Any
) -> Doubt:
    """What seeds leave open about one sample of two modalities: spreads of its four dividends, words of other seeds."""
    R = len(relations)
    same = {"same_direction": np.ones((R, 1), bool), "same_lead": np.ones((R, 1), bool)}
    numbers = {"lead": np.full((1, 2), lead), "sums": np.zeros((1, 3)), "score": np.zeros(1)}
    given = {name: np.array(value) for name, value in changes.items()}
    words = np.array(relations, dtype=object).reshape(R, 1)
    return Doubt(seeds=R + 1, spread=np.array([spread]), relations=words, **numbers | same | given)


AHEAD = TWO | {"a": 1.0, "b": 0.6, "a+b": 0.2}  # shares .61 and .39


def test_terms_within_their_spread_are_neither_named_nor_read() -> None:
    steady = of(AHEAD, doubt_of((0.1, 0.1, 0.1, 0.1), *4 * ["dominance"], lead=0.02))
    assert (steady.leader, steady.within_spread) == ("a", {""})
    assert describe_decision(steady) == (
        "a (+1.00) decides: its own contribution exceeds those of all others together. Joint terms add +0.20. "
        "a leads with 61% of the Shapley shares (b 39%). 5 of 5 trainings give the same "
        "verdict."
    )
    unsure = of(AHEAD, doubt_of((0, 0.1, 0.1, 0.1), *4 * ["dominance"], lead=0.2))
    assert unsure.leader == ""
    assert describe_leader(unsure) == (
        "Shapley shares are a 61%, b 39%, and the lead varies by ±20 points over 5 training seeds"
    )
    small = of(AHEAD | {"b": -0.6}, doubt_of((0, 0.1, 0.4, 0.1), *4 * ["conflict"]))
    assert small.within_spread == {"b"}
    assert describe_conflict(small) == (
        "Yes, with this training: what opposes a (+1.00) is within its spread over 5 training seeds."
    )
    assert describe_headline(small) == "What opposes a is within its spread over training seeds"
    assert not is_score_uncertain(small)
    wide = of(AHEAD, doubt_of((0, 0.1, 0.1, 0.1), *4 * ["dominance"], score=[0.95]))
    assert describe_seeds(wide)[0] == (
        "The decision is uncertain: over 5 training seeds its value (+1.80) varies by ±0.95."
    )
    assert verdict_record(small)["within_spread"] == ["b"]
    assert verdict_record(small)["seeds_agree"] == 1


@pytest.mark.parametrize(
    ("relations", "changes", "said"),
    [
        (
            ["dominance", "joint", "joint", "dominance"],
            {},
            "Retrainings disagree on who leads: 3 of 5 trainings give the verdict ‘dominance’.",
        ),
        (
            4 * ["dominance"],
            {"same_lead": [[True], [True], [False], [False]]},
            "Retrainings disagree on who leads: 5 of 5 trainings give the verdict ‘dominance’, 3 with the "
            "same modality first.",
        ),
        (
            4 * ["dominance"],
            {},
            "All 5 trainings give the verdict ‘dominance’, but its size is uncertain: the standard deviation of what "
            "leads is more than half of its size.",
        ),
        (
            4 * [""],
            {},
            "Retrainings may disagree on who leads: what leads is smaller than 2 standard deviations that are typical "
            "over 5 training seeds.",
        ),
    ],
)
def test_a_lead_within_the_spread_is_left_open(
    relations: list[str], changes: dict[str, Any], said: str
) -> None:
    found = of(AHEAD, doubt_of((0, 0.6, 0.1, 0.1), *relations, **changes))
    assert (found.relation, found.is_open, found.leader) == ("dominance", True, "")
    assert describe_decision(found) == said
    assert describe_headline(found) == describe_leader(found) == said.partition(":")[0]
    checked(found)


def test_a_verdict_of_the_fewer_seeds_is_left_open() -> None:
    found = of(AHEAD, doubt_of((0, 0.1, 0.1, 0.1), "joint", "joint", "joint", "dominance"))
    assert describe_headline(found) == "Retrainings disagree on who leads"
    more = of(AHEAD, doubt_of((0, 0.1, 0.1, 0.1), "joint", "joint", "dominance", "dominance"))
    assert describe_headline(more) == "A (+1.00) dominates"
    prior = TWO | {"": 4.0, "a": 0.6, "b": 0.2}
    spread = (2.5, 0.1, 0.1, 0.1)
    assert of(prior, doubt_of(spread, "prior", "prior")).is_open
    assert not of(prior, doubt_of((1.0, 0.9, 0.9, 0.9), "prior", "prior")).is_open


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (
            {"": 4.68, "a": 0.47, "b": 0.26, "a+b": 0.01},
            "No modality decided: before any modality the model says ‘x’ (+4.68, 99%). The modalities add +0.74, most "
            "of it a.",
        ),
        (
            {"": -4.68, "a": 2.0, "b": 1.8, "a+b": 0.2},
            "No modality decided: before any modality the model says ‘y’ (-4.68, 99%). The modalities change that by "
            "+4.00, most of it a.",
        ),
    ],
)
def test_the_baseline_is_said_to_decide(terms: dict[str, float], said: str) -> None:
    one = np.array(list(terms.values()))[None, :, None]
    dividends = np.concatenate([one, -one], -1)
    values = dividends.sum(1, keepdims=True).repeat(4, 1)
    values[:, 0] = dividends[:, 0]
    explained = Explanation(
        *(("a", "b"), ("x", "y"), tuple(terms), values, dividends, shapley(dividends, 2)),
        *("joint", 10),
    )
    found = verdict(explained)
    assert (found.relation, found.leader) == ("prior", "")
    assert describe_decision(found) == said
    assert (
        describe_headline(found) == f"The baseline ({terms['']:+.2f}) decides, not the modalities"
    )
    assert (
        verdict(explained, output=1).relation == "prior"
    )  # the other class, with the opposite sign
    assert verdict(explained, boundary=None).relation == "dominance"
    assert verdict(explained, boundary=9.0).relation == "prior"  # both are below it


@pytest.mark.parametrize(
    ("terms", "outcome"),
    [
        ({"": -0.06, "a": 0.5, "b": -0.55}, ", with the sign of the baseline (-0.06)."),
        ({"": -0.06, "a": 0.5, "b": -0.45}, ", and the baseline (-0.06) decides."),
        ({"": -0.04, "a": 0.5, "b": -0.45}, ", and just outweigh the baseline (-0.04)."),
    ],
)
def test_undecided_says_what_the_baseline_does(terms: dict[str, float], outcome: str) -> None:
    found = of(TWO | terms)
    assert found.relation == "undecided"
    assert describe_decision(found).endswith(outcome)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"a": 0.5, "b": -0.4, "a+b": -0.7}, "A and b together contribute most (-0.70)"),
        ({"a": -0.8, "b": -0.4, "a+b": -0.7}, "A contributes most (-0.80)"),
        (
            {"a": -0.8, "b": 0.801, "a+b": -0.7},
            "A alone and b alone contribute most, equal in size (-0.80 and +0.80)",
        ),
        ({"a": 0.002, "b": 0.0, "a+b": 0.001}, "A contributes most (+2e-03)"),
        ({}, "No modality changes the decision"),
    ],
)
def test_largest_part_is_named_and_equal_parts_together(terms: dict, said: str) -> None:
    assert describe_largest(TWO | terms) == said


def test_verdict_uses_the_output_and_scores_of_the_sample() -> None:
    """Of several samples, outputs and seeds: each number by hand."""
    rng = np.random.default_rng(0)
    names = ("a", "b", "c")
    drawn = rng.normal(size=(4, 8, 3)) * np.reshape([0.1, 2, 2, 2, 0.5, 0.5, 0.5, 0.3], (8, 1))
    members = [set(filter(None, name.split("+"))) for name in coalition_names(names)]
    values = np.stack(
        [drawn[:, [part <= whole for part in members]].sum(1) for whole in members], 1
    )
    terms = dividends_of(values, 3)
    assert terms == pytest.approx(drawn)
    explained = Explanation(
        names,
        ("x", "y", "z"),
        coalition_names(names),
        values,
        terms,
        shapley(terms, 3),
        "joint",
        10,
    )
    doubt = Doubt(
        *(5, rng.uniform(0, 0.3, (4, 3)), rng.uniform(0, 0.2, (4, 8)), np.zeros((4, 3))),
        *(np.zeros(4), np.full((4, 4), "", dtype=object), np.ones((4, 4), bool)),
        np.ones((4, 4), bool),
    )
    leaders = set()
    for b, c in np.ndindex(4, 3):
        own = dict(zip(explained.coalitions, terms[b, :, c].tolist(), strict=True))
        largest = max((term for term in own if term), key=lambda term: abs(own[term]))
        shares = shares_by_hand(own, names)
        best = max(shares, key=lambda name: shares[name])
        best_but_one, last = sorted(values[b, -1])[-2:]  # raw scores: no scale before a softmax
        for given in (None, doubt):
            found = verdict(explained, b, c, given)
            needed = LEAD if given is None else max(LEAD, 2 * doubt.lead[b, names.index(best)])
            ahead = shares[best] - sorted(shares.values())[-2]
            leaders.add(found.leader)
            assert (found.relation, found.largest) == (by_hand(own), largest)
            net = sum(value for term, value in own.items() if term)
            first = max(names, key=lambda name: own[name] * np.sign(net))
            within = {} if given is None else dict(zip(own, 2 * doubt.spread[b], strict=True))
            assert found.within_spread == {t for t in within if abs(own[t]) < within[t]}
            named = ahead >= needed and first == best and found.relation.names_modalities
            named = named and found.shapley[best] * net > 0 and first not in found.within_spread
            assert found.leader == (best if named else "")
            assert found.dividends == pytest.approx(own)
            assert found.shares == pytest.approx(shares)
            assert found.needed == pytest.approx(needed)
            assert found.margin == pytest.approx(last - best_but_one)
            assert (found.seeds, found.agreeing) == (0 if given is None else 5, None)
            record = verdict_record(found)
            assert record["leader"] == (found.leader or "none")
            assert record["lead_needed"] == found.needed
            assert record["shares"] == found.shares
            assert (record["seeds"], record["seeds_agree"]) == (found.seeds, None)
            assert [record[name] for name in ("relation", "largest", "joint_share", "margin")] == [
                getattr(found, name) for name in ("relation", "largest", "joint_share", "margin")
            ]
    assert len(leaders) > 2
    alone = made(np.array([[0.5, -2.0]]))
    assert verdict(alone).margin == 1.5


def test_parts_are_equal_to_two_digits() -> None:
    """After the point or from the first that counts, whichever says more."""
    for terms, alike in (
        ({"a": 0.0012, "b": 0.0013}, ["b"]),
        ({"a": 0.00124, "b": -0.00123}, ["a", "b"]),
        ({"a": 0.12, "b": 0.13}, ["b"]),
        ({"a": -0.123, "b": 0.121}, ["a", "b"]),
        ({"a": 12.31, "b": 12.33}, ["b"]),
        ({"a": 12.332, "b": 12.331, "a+b": 12.329}, ["a", "b", "a+b"]),
        ({"a": 0.0, "b": 0.0}, []),
        ({}, []),
    ):
        assert largest_terms({"": 99.0, **terms}) == alike
    assert [format_contribution(value) for value in (0.0, 0.005, -0.0049, 0.0049, -3.456)] == [
        "+0.00",
        "+0.01",
        "-5e-03",
        "+5e-03",
        "-3.46",
    ]


def test_three_of_many_equal_parts_are_named() -> None:
    alike = {
        "": 1.0,
        "a": 0.5,
        "b": -0.5,
        "c": 0.1,
        "a+b": 0.5,
        "a+c": 0.5,
        "b+c": -0.5,
        "a+b+c": 0,
    }
    title = describe_largest(alike)
    assert title == (
        "A alone, b alone and a and b together and 2 more contribute most, equal in size (+0.50 and -0.50)"
    )
    three = describe_largest(alike | {"a+c": 0.0, "b+c": 0.0})
    assert three.startswith("A alone, b alone and a and b together contribute most")
    four = describe_largest(alike | {"b": 0.5, "a+c": -0.5, "b+c": 0.0})
    assert four.endswith(
        "and 1 more contribute most, equal in size (+0.50)"
    )  # of the three that are named


def test_single_modality_has_no_leader() -> None:
    one = of({"": 0.5, "a": -1.5})
    assert describe_leader(one) == "a leads with 100% of the Shapley shares"
    assert describe_leader(one, Markup(str.upper, "<{}>".format)) == (
        "<A> leads with 100% of the Shapley shares"
    )


def test_mean_leads_by_at_least_ten_points() -> None:
    assert leading_modality({"a": 0.5, "b": 0.3, "c": 0.2}) == "a"
    assert leading_modality({"a": 0.45, "b": 0.36, "c": 0.19}) == ""
    assert leading_modality({"a": np.nan, "b": np.nan}) == ""
    whole = {"a": 0.5, "b": 0.3, "c": 0.2}
    assert (
        cohort_contributions.describe_leader(whole, whole)
        == "a leads with 50% of the Shapley shares on average"
    )
    assert cohort_contributions.describe_leader(
        whole, {"a": 0.4, "b": 0.35, "c": 0.25}, "all of test"
    ) == ("No modality leads in the cohort: a 40%, b 35%, c 25%")
    assert cohort_contributions.describe_leader(
        whole, {"a": 0.2, "b": 0.5, "c": 0.3}, "all of test"
    ) == ("b leads in the cohort with 50% of the Shapley shares; in all of test it has 30%")
    assert (
        cohort_contributions.describe_leader(whole, dict.fromkeys("abc", np.nan), "all of test")
        == "No sample of this cohort"
    )


@pytest.fixture(scope="module", params=EVERY_KIND)
def study(request: pytest.FixtureRequest) -> Study:
    """A shipped model on its data."""
    try:
        return open_study(request.param)
    except DataUnavailable as error:
        pytest.skip(str(error))


def test_all_panels_agree_with_the_verdicts(study: Study) -> None:
    rows = study.frame(None)
    rows = rows[(rows["split"] == "test") & (rows["relation"] != "")]
    table = cohorts.cohort_table(study, None).loc[rows.index]
    known = np.isin(study.explained_rows, study.dataset.rows("test"))
    explanation, outputs = study.explanation, study.predicted[study.explained_rows]
    columns = dict(
        zip(
            study.dataset.ids[study.explained_rows[known]].astype(str),
            np.flatnonzero(known),
            strict=True,
        )
    )
    for sample, row in rows.iterrows():
        place = columns[str(sample)]
        terms = dict(
            zip(
                explanation.coalitions,
                explanation.dividends[place, :, outputs[place]].tolist(),
                strict=True,
            )
        )
        assert row["relation"] == by_hand(terms)
        assert row["opposed"] == ("yes" if conflicts_by_hand(terms) else "no")
        shares = sorted(
            ((share, name) for name, share in shares_by_hand(terms, study.modalities).items()),
            reverse=True,
        )
        ahead = shares[0][0] - (shares[1][0] if len(shares) > 1 else 0.0)
        assert row["leader"] in ("none", shares[0][1])
        assert row["leader"] == "none" or ahead >= LEAD - 1e-12
        assert table.loc[sample, "dominant"] == max(
            terms, key=lambda term: abs(terms[term]) if term else -1
        )
        size = sum(abs(value) for term, value in terms.items() if term)
        joint = sum(abs(value) for term, value in terms.items() if "+" in term)
        assert table.loc[sample, "joint_share"] == pytest.approx(joint / size)
    if study.dataset.name == "parity":  # neither alone says anything
        assert (rows["relation"] == "joint").mean() >= 0.9
    for kind in RELATIONS:
        found = cohort_filters.select_rows(
            cohort_filters.parse(f"relation={kind}"), study.frame(None)
        )
        assert found.sum() == (rows["relation"] == kind).sum()


def test_decisions_are_joint_where_single_modalities_are_uninformative() -> None:
    """At least 95 % of the test samples: of the shipped models together, and of each over its training seeds, of which
    the first is the shipped one."""
    shipped = []
    for model in ("qcnn-parity", "qj-parity"):
        joint = joint_decisions.of_seeds(model)
        assert joint.mean() >= 0.9
        shipped.append(joint[0].mean())
        rows = open_study(model).frame(None)
        relations = rows.loc[rows["split"] == "test", "relation"]
        assert (relations == "joint").mean() == pytest.approx(shipped[-1], abs=0.01)
    assert np.mean(shipped) >= 0.95


def test_sample_panels_agree_with_verdicts(study: Study) -> None:
    rng = np.random.default_rng(0)
    rows = rng.choice(
        np.intersect1d(study.explained_rows, study.dataset.rows("test")), 2, replace=False
    )
    for row in map(int, rows):
        sample = build_sample(study, row)
        found = sample.verdict
        checked(found)
        assert found.relation == study.frame(None).loc[sample.id, "relation"]
        assert (found.leader or "none") == study.frame(None).loc[sample.id, "leader"]
        waterfall, shapley_bars = decision.waterfall(sample), decision.shapley(sample)
        assert f"conflict?** **{'Yes' if found.conflict else 'No'}**" in waterfall.lead
        assert plain(waterfall.title) == plain(markdown.title_decision(found, sample))
        assert ("leads with" in shapley_bars.title) == bool(found.leader)
        asked = (
            overview.questions(sample).numbers.set_index("question")["answer"]
            if row == rows[0]
            else None
        )
        if asked is not None:
            assert asked["Did the modalities conflict?"].startswith(
                "**Yes**" if found.conflict else "**No**"
            )
        if sample.model.part(Evolution):
            share = sample.path_explanation.dividends[-1, 0, :, sample.output]
            joint = sum(abs(v) for v, t in zip(share, found.dividends, strict=True) if "+" in t)
            assert joint / np.abs(share[1:]).sum() == pytest.approx(found.joint_share)


def test_example_cards_match_their_names_and_conflicts_come_first(
    study: Study,
) -> None:
    shown = compare.find_examples(study)
    assert 1 <= len(shown) <= 3
    assert len({card.sample for card in shown}) == len(shown)
    relations = study.frame(None)["relation"]
    for card in shown:
        found = build_sample(study, study.dataset.row(card.sample)).verdict
        assert found.relation == relations[card.sample] == compare.RELATION[card.kind]
        assert not found.is_open, "an example is what its name says by most trainings"
        assert describe_conflict(found).startswith("Yes" if found.conflict else "No")
    missing = [
        kind
        for kind in ("agreement", "conflict", "synergy")
        if kind not in {card.kind for card in shown}
    ]
    judged = study.explained_verdicts()
    for kind in missing:
        assert judged.is_open[judged.relation == compare.RELATION[kind]].all()
    if named := study.card.get("opening"):
        assert address.default_sample(study) == named
    elif not study.opening_sample and "conflict" in {card.kind for card in shown}:
        assert address.default_sample(study) == next(
            card.sample for card in shown if card.kind == "conflict"
        )


def run(*words: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(typer_app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_command_line_prints_the_verdict_and_its_columns(tmp_path: Path) -> None:
    said = json.loads(run("explain", "--model", "qj-planted", "--sample", "p0575", "--json"))[
        "verdict"
    ]
    found = build_sample(
        open_study("qj-planted"), open_study("qj-planted").dataset.row("p0575")
    ).verdict
    assert {"relation", "leader", "largest", "joint_share", "margin"} <= set(said)
    assert (said["relation"], said["leader"], said["largest"]) == (
        found.relation,
        found.leader or "none",
        found.largest,
    )
    assert said["leader"] == "none"  # 34, 33 and 33 %
    assert [said["joint_share"], said["margin"]] == pytest.approx([found.joint_share, found.margin])
    out = tmp_path / "all.csv"
    run("explain", "--model", "qj-planted", "--split", "test", "--out", str(out))
    table = pd.read_csv(out, keep_default_na=False).set_index("sample")
    rows = open_study("qj-planted").frame(None).loc[table.index]
    assert table["relation"].tolist() == rows["relation"].tolist()
    assert table["leader"].tolist() == rows["leader"].tolist()
    assert table["seeds_agree"].tolist() == rows["seeds_agree"].tolist()
    assert ((rows["opposed"] == "yes") == table["conflict"]).all()
    assert table["conflict"].dtype == bool
    sample = build_sample(
        open_study("qj-planted"), int(open_study("qj-planted").dataset.row("p0575"))
    )
    flagged = filter(None, table.loc["p0575", "within_spread"].split("; "))
    assert set(flagged) == {term or "baseline" for term in sample.verdict.within_spread}


def test_the_card_says_what_the_baseline_means_of_imbalanced_classes() -> None:
    """Shipped data are balanced; of a set with few positives the card gives the base rates."""
    study = open_study("qcnn-digits")
    assert systems.describe_base_rates(study) == ""
    y = study.dataset.y.copy()
    y[np.flatnonzero(y == 3)[12:]] = 4
    rates = replace(study.dataset, y=y)
    said = systems.describe_base_rates(replace(study, dataset=rates))
    assert "1% ‘3’" in said
    assert "may follow from it alone" in said
