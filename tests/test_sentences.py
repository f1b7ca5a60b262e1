"""Every template of a sentence of tests/support/sentences.py, on its edge cases, against its numbers by other code.

Numbers are rounded here by `decimal`. Cases are all combinations of values that are zero, rounding, below what is
written, written alike though they differ, and clearly apart.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import itertools
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import qutip
import scipy.stats

from qfusion import _sentences
from qfusion.analysis import step_words, text
from qfusion.analysis.cohort_slices import Slice
from qfusion.analysis.opening import open_sample
from qfusion.data import Text
from qfusion.data.import_report import build_report
from qfusion.data.staged_set import Part, StagedSet
from qfusion.errors import InvalidInput
from qfusion.explain import cut_summaries, reliability
from qfusion.explain.bootstrap import Interval
from qfusion.explain.cut_losses import CutMetrics, Estimates
from qfusion.explain.faithfulness import AgainstTruth, Curves
from qfusion.explain.stability import Stability
from qfusion.explain.state_cuts import Cuts
from qfusion.figures import missing_letters
from qfusion.models import abilities
from qfusion.panels import (
    alt_text,
    changed_decision,
    circuit_panel,
    cohort_contributions,
    cohort_quality,
    compare,
    correlation_removal,
    generator_terms,
    inside,
    jumps,
    learning_curves,
    learning_inside,
    nearest_changes,
    nearest_samples,
    network,
    network_layers,
    planted_truth,
    qubit_panels,
    sample_columns,
    sample_evidence,
    sample_maps,
    seed_stability,
    shapley_methods,
    state_at_time,
    states,
    sweep_panels,
    targets,
    tweak_effects,
    wrong_samples,
)
from qfusion.report import cohort_report, sample_report
from qfusion.training import rate_search
from qfusion.wording import answers, deletion, eigenstate_votes
from qfusion.wording.cuts import describe_cut, describe_cuts
from qfusion.wording.decision_changes import describe_change, describe_last_change
from qfusion.wording.numbers import describe_drawn
from qfusion.wording.reliability import describe_finding
from qfusion.wording.samples import format_probability
from qfusion.wording.steps import describe_match
from qfusion.wording.verdicts import name_decision
from tests.support.sentences import HERE, TEMPLATES

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("alpha", "beta", "gamma")
# zero, rounding, below what is written, at its edge, alike though different, apart, one
VALUES = (0.0, 1e-12, 0.0004, 0.004, 0.005, 0.296, 0.304, 0.6, 1.0)
SIGNED = (0.0, -1e-12, 0.004, -0.3, 0.304, 0.296, -0.6, 1.25)
TESTED: dict[str, Callable[[], None]] = {}


def checks(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Marks the function that tests a template."""

    def mark(function: Callable[[], None]) -> Callable[[], None]:
        assert name not in TESTED, f"{name} is tested twice"
        TESTED[name] = function
        return function

    return mark


def cases(
    values: Sequence[float] = VALUES, sizes: Sequence[int] = (1, 2, 3)
) -> Iterator[dict[str, float]]:
    """All combinations of values, by name."""
    for size in sizes:
        for found in itertools.product(values, repeat=size):
            yield dict(zip(NAMES, found, strict=False))


def written(value: float, places: int = 2) -> Decimal:
    """A number as it is written."""
    return Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)


def percent(part: float) -> str:
    """A part of a whole as it may be written."""
    whole = written(100 * part, 0)
    if whole == 0:
        return "less than 1%" if part > 1e-9 else "0%"
    return "more than 99%" if whole == 100 and part < 1 - 1e-9 else f"{whole}%"


def least(value: float, places: int = 2) -> str:
    """A size as it may be written."""
    return (
        f"{written(value, places)}"
        if value == 0 or written(value, places)
        else f"less than {10.0**-places}"
    )


def winners(numbers: dict[str, float], places: int = 2, *, smallest: bool = False) -> set[str]:
    """The names whose number is written as the largest."""
    found = {
        name: written(value, places) for name, value in numbers.items() if math.isfinite(value)
    }
    best = (min if smallest else max)(found.values(), default=None)
    return {name for name, value in found.items() if value == best}


def said(sentence: str) -> set[str]:
    """The names that a sentence says."""
    return {name for name in NAMES if name in sentence}


def numbers(sentence: str) -> list[float]:
    """The numbers that a sentence says."""
    return [float(found) for found in re.findall(r"[-+]?\d+\.\d+", text.strip_markup(sentence))]


def superlative(
    sentence: str,
    found: dict[str, float],
    places: int = 2,
    *,
    most: str = "most",
    smallest: bool = False,
    nothing: str = "no ",
) -> None:
    """A sentence names those alone whose number is written as the largest, calls none the most where all are alike, and
    says that there is nothing where it is written as nothing."""
    best = winners(found, places, smallest=smallest)
    value = written(found[min(best)], places)
    if value == 0:
        assert nothing in sentence.lower(), (sentence, found)
        assert places > 2 or ("0.00" in sentence) <= (max(found.values()) == 0), (sentence, found)
        assert not said(sentence), (sentence, found)
        return
    assert nothing not in sentence.lower(), (sentence, found)
    if len(best) == len(found):
        assert most not in sentence or len(found) == 1 or re.search("alike|equal", sentence), (
            sentence,
            found,
        )
        assert said(sentence) in (best, set()), (sentence, found)
    else:
        assert said(sentence) == best, (sentence, found)
        assert most in sentence, (sentence, found)
        assert len(best) == 1 or any(
            word in sentence for word in ("alike", "equal", "each", " are ", " have ")
        ), (sentence, found)
    assert float(abs(value)) in [abs(number) for number in numbers(sentence)], (sentence, found)


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
        ("\\-2 to 1", "−2 to 1"),
        ("", ""),
    ],
)
def test_negative_numbers_get_a_minus_sign(words: str, written: str) -> None:
    assert _sentences.true_minus(words) == written


def test_every_template_has_a_test_and_its_function_exists() -> None:
    names = [each.name for each in TEMPLATES]
    assert len(names) == len(set(names))
    assert len(names) >= 60
    assert set(TESTED) == {each.name for each in TEMPLATES if each.tested == HERE}
    for each in TEMPLATES:
        module, _, function = each.where.partition(":")
        assert callable(getattr(importlib.import_module(f"qfusion.{module}"), function)), each
        assert each.may, each


# Words that claim, in the sentences of panels, reports, pages and commands.
CLAIMS = re.compile(
    r"\b(most|matters|largest|smallest|shortest|nearest|hardest|worst|best|beats|leads|likeliest)\b",
    re.IGNORECASE,
)


def makers(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """The functions of a module that make a picture, each with the call."""
    for function in ast.parse(path.read_text()).body:
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                    "Picture",
                    "panel.Picture",
                ):
                    yield function.name, node


def test_titles_take_superlatives_from_tested_templates() -> None:
    """A title that calls something the largest is made by a function of the register, not in the panel's own code."""
    known = {each.where for each in TEMPLATES}
    found = []
    for path in sorted((ROOT / "qfusion" / "panels").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT / "qfusion").with_suffix("").parts)
        for function, call in makers(path):
            parts = ast.walk(call.args[1]) if len(call.args) > 1 else ()
            title = " ".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
            if f"{module}:{function}" not in known and CLAIMS.search(title):
                found.append(f"{module}:{function} {title[:80]}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", sorted(each.name for each in TEMPLATES if each.tested == HERE))
def test_template(name: str) -> None:
    TESTED[name]()


# ---- what all are made of


@checks("top")
def check_top() -> None:
    for found in cases():
        for smallest in (False, True):
            assert set(_sentences.top(found, smallest=smallest)) == winners(
                found, smallest=smallest
            )
    assert _sentences.top({"alpha": math.nan, "beta": -3.0}) == ["beta"]
    assert _sentences.top({"alpha": math.nan}) == _sentences.top({}) == []
    assert _sentences.top({"alpha": -0.001, "beta": 0.001}) == [
        "alpha",
        "beta",
    ]  # both are written as zero
    assert _sentences.sizes({"alpha": -2.0}) == {"alpha": 2.0}


@checks("share")
def check_share() -> None:
    for part in np.concatenate(
        [np.linspace(0, 1, 2001), [1e-12, 1e-8, 1 - 1e-8, 1 - 1e-12]]
    ).tolist():
        words = _sentences.share(part)
        assert (words == "0%") == (part <= 1e-9)
        assert (words == "100%") == (part >= 1 - 1e-9)
        if words.startswith(("less", "more")):
            assert part < 0.01 if words.startswith("less") else part > 0.99
        else:
            assert abs(float(words.rstrip("%")) - 100 * part) <= 0.5 + 1e-9


@checks("size")
def check_size() -> None:
    for value in (*VALUES, 0.0049999, 0.00999, 12.346):
        words = _sentences.size(value)
        assert ("less than" in words) == (value > 0 and written(value) == 0), (words, value)
        assert "less than" in words or Decimal(words) == written(value)


@checks("count")
def check_count() -> None:
    assert [_sentences.count(n, "gate") for n in (0, 1, 2, 1000)] == [
        "0 gates",
        "1 gate",
        "2 gates",
        "1,000 gates",
    ]
    assert _sentences.count(2, "class", "classes") == "2 classes"
    assert [_sentences.listed(list("abc")[:n]) for n in range(4)] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


@checks("largest entry off a diagonal")
def check_largest_entry_off_a_diagonal() -> None:
    for a, b, c in itertools.product((0.0, 0.004, 0.2, 0.2004, 0.5), repeat=3):
        found = {"x and y": a, "x and z": b, "y and z": c}
        words = alt_text.list_coherences(np.array([[1, a, b], [-a, 1, c], [b, c * 1j, 1]]), "xyz")
        best = winners(found)
        assert words.startswith("3 by 3 entries")
        if written(max(found.values())) == 0:
            assert "all off the diagonal are below" in words
        else:
            assert f"is {max(found.values()):.2f}" in words
            assert {name for name in found if name in words} == (best if len(best) == 1 else set())
            assert len(best) == 1 or f"equal for {len(best)} pairs" in words
    assert "all off the diagonal" in alt_text.list_coherences(np.ones((1, 1)), "x")


# ---- samples


@checks("most mixed modality")
def check_most_mixed_modality() -> None:
    for found in cases():
        superlative(sample_evidence.describe_most_mixed(found), found, most="the most")
    assert "the most" not in sample_evidence.describe_most_mixed({"alpha": 0.4})


@checks("disagreement of masses")
def check_disagreement_of_masses() -> None:
    for found in cases():
        superlative(sample_evidence.describe_disagreement(found, None), found, nothing="on no ")
        for K in (0.0, 1e-9, 0.004, 0.3):
            words = sample_evidence.describe_disagreement(found, K)
            assert ("hardly contradict" in words) == (written(K) == 0)
            assert "conflict" not in words  # the word for terms of the decision
            if written(K):
                assert f"K = {K:.2f}" in words
                assert bool(re.search("alike|equal", words)) == (len(winners(found)) == len(found))
    assert "not defined" in sample_evidence.describe_disagreement({"alpha": 0.2}, math.nan)
    many = sample_evidence.describe_disagreement(dict.fromkeys("abcdefgh", 0.5) | {"i": 0.1}, None)
    assert "8 elements alike" in many


@checks("bet of the fused evidence")
def check_bet_of_the_fused_evidence() -> None:
    for found in cases():
        words, best = sample_evidence.describe_bet(found), winners(found)
        assert said(words) == best
        assert ("each" in words) == (len(best) > 1)
        top = max(found.values())
        assert (
            "0%" in words and "100%" not in words and "30%" not in words and "60%" not in words
        ) == (top <= 1e-9)
    assert "bet on none" in sample_evidence.describe_bet({"alpha": math.nan, "beta": math.nan})
    assert "more than 99%" in sample_evidence.describe_bet({"alpha": 0.998, "beta": 0.002})


@checks("most entangled fused qubit")
def check_most_entangled_fused_qubit() -> None:
    for found in cases():
        superlative(sample_evidence.describe_most_entangled(found), found, most="the largest")
    assert "5 of 6" in sample_evidence.describe_most_entangled(
        dict.fromkeys("abcde", 0.5) | {"f": 0.1}
    )


@checks("how steps were matched")
def check_how_steps_were_matched() -> None:
    for count in range(1, 5):
        for steps in range(1, 8):
            for words in ("字" * count, "ab " * count):
                found = step_words.match(Text(words), steps)
                chinese = words[0] == "字"
                fits = count in (steps, steps - 2) if chinese else count == steps > 1
                assert (found.units is not None) == fits, (words, steps)
                assert ("numbers only" in describe_match(found.how)) == (not fits)
                assert found.units is None or len(found.units) == steps


@checks("axis of several modalities")
def check_axis_of_several_modalities() -> None:
    assert inside.describe_axis(["a", "b"], {"a": 4.0, "b": 2.5}).startswith("The axis is time")
    assert "a 4 steps a second and b 2.5 steps a second" in inside.describe_axis(
        ["a", "b"], {"a": 4.0, "b": 2.5}
    )
    for known, unknown in (({}, "a and b"), ({"a": 4.0}, "b")):
        words = inside.describe_axis(["a", "b"], known)
        assert "fraction of each modality's length" in words
        assert f"no rate of {unknown}." in words


@checks("letters without a font")
def check_letters_without_a_font() -> None:
    for kind in ("pdf", "png", "svg", "html", "tikz"):
        assert missing_letters.remark({}, kind) == ""
    never = "\U0010fffd"  # of private use, in no font
    assert never in missing_letters.remark({never: ""}, "pdf")
    assert never in missing_letters.remark({never: ""}, "svg")
    assert (
        missing_letters.remark({never: ""}, "tikz")
        == ""
        != missing_letters.remark({never: "latex"}, "tikz")
    )


@checks("part with the largest attribution")
def check_part_with_the_largest_attribution() -> None:
    for found in cases((*SIGNED, -0.304, 0.3044)):
        words = inside.describe_largest_parts(
            "In text", list(found), np.array(list(found.values())), "moved the score"
        )
        sizes = {name: abs(value) for name, value in found.items()}
        best = winners(sizes, 3)
        if written(max(sizes.values()), 3) == 0:
            assert "nothing moved" in words
            continue
        assert said(words) == best, (words, found)
        assert bool(re.search("alike|equal", words)) == (len(best) > 1)
        assert sorted(numbers(words)) == sorted(float(written(found[name], 3)) for name in best)
    assert "nothing" in inside.describe_largest_parts("In text", [], np.zeros(0), "moved the score")


@checks("nearest samples")
def check_nearest_samples() -> None:
    for found in cases():
        for agree in range(len(found) + 1):
            words = nearest_samples.describe_nearest(found, "contributions", agree, True)
            least = min(found.values())
            alike = {name for name, value in found.items() if f"{value:.3g}" == f"{least:.3g}"}
            assert said(words) == alike
            assert ("equally near" in words) == (len(alike) > 1)
            if len(found) > 1:
                assert (
                    f"{agree} of the {len(found)} nearest {'is' if agree == 1 else 'are'} predicted alike"
                    in words
                )
            else:
                assert ("it is not predicted" in words) == (agree == 0)
    assert "no other test sample" in nearest_samples.describe_nearest({}, "contributions", 0, True)
    assert "with the same sign" in nearest_samples.describe_nearest(
        {"alpha": 0.1}, "contributions", 1, False
    )


@checks("decision settled since")
def check_decision_settled_since() -> None:
    for length in (1, 2, 3, 4):
        where = [f"t{k}" for k in range(length)]
        for decisions in itertools.product("ab", repeat=length):
            words = describe_last_change(decisions, where)
            since = next(k for k in range(length) if len(set(decisions[k:])) == 1)
            assert f"The decision is {decisions[-1]}" in words
            assert ("from the start" in words) == (since == 0 and length > 1)
            if since:
                assert f"from t{since} on" in words
                assert words.endswith(f"before, it was {decisions[since - 1]}.")
            assert length > 1 or "only place" in words


@checks("what the dynamics added")
def check_what_the_dynamics_added() -> None:
    values = (0.0, 1e-12, 0.004, -0.3, 1.304)
    for a, b, c, d in itertools.product(values, repeat=4):
        start = {"": 0.1, "alpha": a, "beta": b, "alpha+beta": 0.0, "beta+gamma": 0.0}
        end = {"": 0.1, "alpha": a, "beta": b, "alpha+beta": c, "beta+gamma": d}
        words = describe_change(start, end, "the evolution")
        joint, total = abs(c) + abs(d), sum(map(abs, (a, b, c, d)))
        moved = max(abs(c), abs(d))
        if moved < 1e-6:
            assert words.startswith("Nothing"), (words, c, d)
            continue
        assert words.startswith("Every joint term")
        part = joint / total
        assert f"from 0% to {percent(part)} (" in words
        assert "to 0%" not in words
        scores = [f"{sum(each.values()):+z.2f}" for each in (start, end)]
        assert (f"leaves the score at {scores[1]}" in words) == (scores[0] == scores[1])
        assert (f"takes the score from {scores[0]} to {scores[1]}" in words) == (
            scores[0] != scores[1]
        )
        best = {
            term
            for term, value in (("alpha and beta", c), ("beta and gamma", d))
            if written(abs(value)) == max(written(abs(c)), written(abs(d)))
        }
        if written(moved) == 0:
            assert "none above" in words
        else:
            assert {
                term for term in ("alpha and beta", "beta and gamma") if f"{term} jointly" in words
            } == best
            assert ("equal in size" in words) == (len(best) > 1)
    alone = {"": 0.1, "alpha": 0.5}
    assert "No joint term" in describe_change({"": 0.1, "alpha": 0.2}, alone, "the evolution")
    before = {"": 0.0, "alpha": 0.5, "beta": 0.1, "alpha+beta": 0.2}
    after = before | {"alpha+beta": -0.6}
    assert "is 25% before and 50% after (alpha and beta jointly, -0.60)" in describe_change(
        before, after, "the evolution"
    )


def places(share: Sequence[float]) -> dict[str, np.ndarray]:
    """Dividends along places of which joint terms have these parts."""
    part = np.array(share)
    return {"": np.ones(len(part)), "alpha": 1 - part, "alpha+beta": -part}


def joint_since(share: Sequence[float]) -> int | None:
    """The first place from which on all parts are above a half."""
    return next((k for k in range(len(share)) if all(part > 0.5 for part in share[k:])), None)


@checks("decision leaves single modalities")
def check_decision_leaves_single_modalities() -> None:
    for share in itertools.product((0.0, 0.004, 0.5, 0.7, 1.0), repeat=3):
        for moving in (
            (0.0, 0.5, 1.0),
            (0.3, 0.3, 0.3),
            (0.3, 0.9, 0.3),
            (0.1, 2.0, 0.5),
            (0.5, 0.1, 0.2),
        ):
            words = answers.title_joint_course(
                places(share), np.array(moving), "the mean entropy", "nats", ["t0", "t1", "t2"]
            )
            place = joint_since(share)
            if place is None:
                assert "outweigh single modalities" in words
                assert ("never" in words) == (max(share) <= 0.5), (words, share)
                assert ("at the end" in words) == (max(share) > 0.5), (words, share)
            else:
                assert words.startswith("Joint terms dominate")
                assert ("from the start" in words) == (place == 0)
                assert place == 0 or f"from t{place} on" in words
            if place in (None, 0):
                assert f"joint share {percent(share[0])} to {percent(share[-1])}" in words
                assert f"from {moving[0]:.2f} to {moving[-1]:.2f} nats" in words
            elif abs(moving[-1] - moving[0]) >= 1e-3:
                done = (moving[place] - moving[0]) / (moving[-1] - moving[0])
                assert (f"has then completed {percent(done)} of its change" in words) == (
                    0 <= done <= 1
                )
                assert 0 <= done <= 1 or f"{moving[0]:.2f} at the start" in words
            else:
                assert ("stays at" in words) == (max(moving) == min(moving))
    nothing = {"": np.ones(2), "alpha": np.zeros(2)}
    assert "joint share 0% to 0%" in answers.title_joint_course(
        nothing, np.zeros(2), "the mean entropy", "nats", ["a", "b"]
    )


@checks("largest term at a time")
def check_largest_term_at_a_time() -> None:
    for found in cases(SIGNED):
        words = answers.describe_largest_terms(
            {"": np.array([9.0])} | {n: np.array([v]) for n, v in found.items()}, 0
        )
        sizes = {name: abs(value) for name, value in found.items()}
        if written(max(sizes.values())) == 0:
            assert words.startswith("no term")
            continue
        assert said(words) == winners(sizes), (words, found)
        assert ("equal in size" in words) == (len(winners(sizes)) > 1)


ABLE = SimpleNamespace(abilities=tuple(abilities.ABILITIES))


@checks("since when jointly")
def check_since_when_jointly() -> None:
    for share in itertools.product((0.0, 0.5, 0.51, 1.0), repeat=3):
        now = SimpleNamespace(
            classes=("a", "b"),
            model=ABLE,
            places=np.array([0.0, 0.5, 1.0]),
            path_dividends=places(share),
        )
        words, place = answers.answer_since_when(now), joint_since(share)  # type: ignore[arg-type]
        assert ("do not outweigh" in words) == (place is None)
        assert place is None or f"from **t = {now.places[place]:.2f}** on" in words
    scores = SimpleNamespace(
        classes=(),
        study=SimpleNamespace(classes=()),
        model=ABLE,
        places=np.array([0.0, 1.0]),
        path_explanation=SimpleNamespace(prediction=np.array([[[-0.5]], [[1.0]]])),
    )
    words = answers.answer_since_when(scores)  # type: ignore[arg-type]
    assert "positive from **t = 1.00** on" in words
    assert words.endswith("before, it was negative.")


def flip(
    distance: float,
    *,
    possible: bool = True,
    verified: bool = True,
    after: float = -1.0,
    donor: str = "",
    far: float = 1.0,
) -> Any:
    return SimpleNamespace(
        state=SimpleNamespace(
            possible=possible, distance=distance, after=np.array([after]), verified=verified
        ),
        donor_id=donor,
        donor=SimpleNamespace(distance=far, scores=np.array([after]), verified=verified),
    )


@checks("what would flip it")
def check_what_would_flip_it() -> None:
    exact, searched = (
        SimpleNamespace(classes=(), model=model) for model in (ABLE, SimpleNamespace(abilities=()))
    )
    none = {"alpha": flip(math.inf, possible=False)}
    assert answers.describe_flips(exact, none) == "No change of a single modality would flip it"  # type: ignore[arg-type]
    assert "was found" in answers.describe_flips(searched, none)  # type: ignore[arg-type]
    for found in cases((1e-4, 0.004, 0.296, 0.304, 1.2)):
        words = answers.describe_flips(exact, {name: flip(value) for name, value in found.items()})  # type: ignore[arg-type]
        assert said(words) == winners(found, smallest=True), (words, found)
        assert f"by {least(min(found.values()))} rad" in words
        assert "0.00" not in words
        assert "would flip it to negative" in words
    may = answers.describe_flips(searched, {"alpha": flip(0.3, verified=False)})  # type: ignore[arg-type]
    assert "may flip" in may
    assert " rad" not in may
    two = answers.describe_flips(exact, {"alpha": flip(0.3), "beta": flip(0.3, after=1.0)})  # type: ignore[arg-type]
    assert "alpha alone by 0.30 rad would flip it to negative, a change of beta alone" in two
    lent = answers.describe_flips(
        exact,
        {
            "alpha": flip(0.3, donor="s1", far=0.5),  # type: ignore[arg-type]
            "beta": flip(0.4, donor="s2", far=0.41),
        },
    )
    assert lent.endswith("so would replacing beta by that of sample s2")


@checks("class or sign of a decision")
def check_class_or_sign_of_a_decision() -> None:
    for value in SIGNED:
        assert name_decision(np.array([value]), ()) == ("positive" if value > 0 else "negative")
    for scores in itertools.product((-1.0, 0.0, 2.0), repeat=3):
        words = name_decision(np.array(scores), NAMES)
        best = [name for name, value in zip(NAMES, scores, strict=True) if value == max(scores)]
        assert words.startswith("a tie between") == (len(best) > 1)
        assert all(f"‘{name}’" in words for name in best)


# ---- layers and gates


@checks("joint terms outweigh along layers")
def check_joint_terms_outweigh_along_layers() -> None:
    for share in itertools.product((0.0, 0.3, 0.5, 0.502, 0.51, 1.0), repeat=3):
        words = network_layers.describe_takeover(("a", "b", "c"), places(share))
        percent = [int(written(100 * part, 0)) for part in share]
        if percent[-1] > 50:
            since = next(k for k in range(3) if all(each > 50 for each in percent[k:]))
            assert f"from “{'abc'[since]}” on" in words, (words, share)
            assert f"{percent[-1]}%" in words
        else:
            assert ("single modalities are equal" in words) == (percent[-1] == 50)
            assert ("single modalities outweigh" in words) == (percent[-1] < 50)
    nothing = {"": np.ones(2), "alpha": np.zeros(2), "alpha+beta": np.zeros(2)}
    assert "all terms are zero" in network_layers.describe_takeover(("a", "b"), nothing)
    assert "single modalities outweigh" in network_layers.describe_takeover(
        ("a",), {"": np.ones(1), "alpha": np.ones(1)}
    )


@checks("correlation along layers")
def check_correlation_along_layers() -> None:
    for value in (*VALUES, -1e-15):
        assert ("nearly uncorrelated" in network_layers.describe_correlation(value)) == (
            written(value) == 0
        )
        assert written(
            value
        ) > 0 or f"({least(max(value, 0.0))} nats)" in network_layers.describe_correlation(value)
        assert written(
            value
        ) == 0 or f"up to {value:.2f} nats" in network_layers.describe_correlation(value)


@checks("entropy after the last pooling")
def check_entropy_after_the_last_pooling() -> None:
    for drop in SIGNED:
        words = network_layers.describe_pooling(drop)
        assert ("does not change" in words) == (written(drop) == 0)
        assert (
            written(drop) == 0
            or f"{abs(drop):.2f} nats {'less' if drop > 0 else 'more'} entropy" in words
        )
        assert "-" not in words


@checks("light cone")
def check_light_cone() -> None:
    assert (
        circuit_panel.describe_cone("q0", 1, 1, 1, 1)
        == "q0 can depend on 1 of 1 gate and 1 of 1 qubit"
    )
    assert "can depend on 12 of 1,300 gates and 3 of 8 qubits" in circuit_panel.describe_cone(
        "q0", 12, 1300, 3, 8
    )


@checks("most mixed qubit now")
def check_most_mixed_qubit_now() -> None:
    for found in cases():
        words, largest = qubit_panels.describe_mixedness(found), max(found.values())
        assert ("pure state" in words) == (largest < 1e-6)
        if written(largest) == 0:
            assert "Most" not in words
        else:
            assert said(words) == winners(found)
            assert f"{largest:.2f} of at most 0.69" in words


@checks("shortest Bloch vector")
def check_shortest_bloch_vector() -> None:
    for found in cases((0.0, 0.004, 0.3, 0.304, 0.994, 0.997, 1 - 1e-9, 1.0)):
        words, least = qubit_panels.describe_shortest(found), min(found.values())
        assert ("pure state" in words) == (least > 1 - 1e-6)
        if written(least) == 1:
            assert "Shortest" not in words
        else:
            assert said(words) == winners(found, smallest=True)
            assert f"({least:.2f}" in words


@checks("a gate moves the state")
def check_a_gate_moves_the_state() -> None:
    for distance in VALUES:
        words = qubit_panels.describe_gate_effect(distance)
        assert f"{distance:.2f}" in words
        assert ("moves the state" in words) == (written(distance) > 0)
        assert ("leaves the state as it is" in words) == (distance < 1e-6)


@checks("most mixed qubit at the end")
def check_most_mixed_qubit_at_the_end() -> None:
    for found in cases():
        superlative(qubit_panels.describe_final_mixedness(found), found, most="the most")
    assert "5 qubits alike" in qubit_panels.describe_final_mixedness(
        dict.fromkeys("abcde", 0.3) | {"f": 0.1}
    )


@checks("modalities that share most")
def check_modalities_that_share_most() -> None:
    for found in cases():
        superlative(qubit_panels.describe_sharing(found), found, nothing="next to nothing")
    assert "most" not in qubit_panels.describe_sharing({"alpha and beta": 0.4})


@checks("fusion rule named")
def check_fusion_rule_named() -> None:
    for distance in (0.0, 0.004, 0.1, 0.2499, 0.25, 0.5):
        words = network.describe_likeness("‘a’", "and", distance)
        assert ("no named rule" in words) == (distance >= 0.25)
        assert ("as AND does" in words) == (written(distance) == 0)
        assert written(distance) > 0 or f"distance {least(distance)}" in words
        assert "AND" in words


# ---- operators


@checks("votes for and against")
def check_votes_for_and_against() -> None:
    for found in itertools.product((-0.3, -0.004, 0.0, 1e-15, 0.005, 0.2), repeat=3):
        words = eigenstate_votes.describe_votes("text", np.array(found), "eigenstate", -0.001)
        favour, against = (sum(sign * written(vote) > 0 for vote in found) for sign in (1, -1))
        raise_it = "eigenstate of text raises" if favour == 1 else "eigenstates of text raise"
        assert f"{favour} {raise_it}, {against} lower" in words
        assert ("neither" in words) == (favour + against < 3)
        assert "adds +0.00" in words


@checks("extreme vote")
def check_extreme_vote() -> None:
    for vote in SIGNED:
        for side, sign in (("for", 1), ("against", -1)):
            words = eigenstate_votes.describe_extreme_vote(side, vote, "|0⟩")
            assert words.startswith(f"Votes most {side}") == (sign * written(vote) > 0), (
                words,
                vote,
            )
            assert words.startswith(f"No state votes {side}") == (sign * written(vote) <= 0)


@checks("nearest samples to an eigenstate")
def check_nearest_samples_to_an_eigenstate() -> None:
    for weights in itertools.product((0.0, 0.0004, 0.035, 0.499, 0.5, 0.9), repeat=2):
        words, best = eigenstate_votes.nearest_heading("against", weights), max(weights)
        assert words.startswith("No sample is close") == (best < 0.5)
        assert best >= 0.5 or f"(best {eigenstate_votes.format_share(best)})" in words
    assert eigenstate_votes.nearest_heading("against", [0.01, 0.036]) == (
        "No sample is close to the state with the largest vote against (best 3.6%)"
    )
    assert eigenstate_votes.nearest_heading("for", []).startswith("No sample is close")


@checks("element that counts most")
def check_element_that_counts_most() -> None:
    for values in itertools.product(SIGNED, repeat=3):
        words = eigenstate_votes.describe_largest_effect(np.array([values]), NAMES, ("m",))
        found = {name: abs(value) for name, value in zip(NAMES, values, strict=True)}
        best, largest = winners(found), max(found.values())
        if written(largest) == 0:
            assert words.startswith("No element")
        elif len(best) == 1:
            assert said(words) == best
            assert "counts most" in words
            assert float(written(values[NAMES.index(min(best))])) in numbers(words)
        else:
            assert words.startswith(
                f"{len(best)} elements count most, equally (by {largest:.2f} each)"
            )


@checks("share of a sample")
def check_share_of_a_sample() -> None:
    for value in (0.0, 1e-12, 1e-6, 0.0004, 0.0005, 0.036, 0.0949, 0.095, 0.5, 0.998, 1.0):
        words = eigenstate_votes.format_share(value)
        assert (words in ("0%", "0.0%")) == (value <= 1e-9)
        assert (words == "100%") == (value == 1)
        assert ("." in words) == (value < 0.095)


# ---- what if, compare


def check_terms(words: str, found: dict[str, float], nothing: str, most: str) -> None:
    sizes = {name: abs(value) for name, value in found.items()}
    if written(max(sizes.values())) == 0:
        assert nothing in words, (words, found)
        return
    best = winners(sizes)
    assert said(words) == best, (words, found)
    assert bool(re.search("alike|equal", words)) == (len(best) > 1), (words, found)
    assert (most in words) == (len(best) < len(found) or len(found) == 1), (words, found)
    assert numbers(words) == [
        float(written(value)) for name, value in found.items() if name in best
    ]


@checks("term that a change acts through")
def check_term_that_a_change_acts_through() -> None:
    for found in cases(SIGNED):
        check_terms(changed_decision.describe_mechanism(found), found, "No term changes", "most")


@checks("state moved")
def check_state_moved() -> None:
    for angle in VALUES:
        words = changed_decision.describe_state_change("text", angle)
        assert ("text moved by" in words) == (written(angle) > 0)
        assert ("is as it was" in words) == (angle < 1e-6)
        assert f"{angle:.2f} rad" in words


@checks("smallest turn of a knob")
def check_smallest_turn_of_a_knob() -> None:
    for a, b, verified in itertools.product((0.1, 0.1004, 0.4), (0.1, 0.1004, 0.4), (True, False)):
        turns = sorted([("alpha", a), ("beta", b)], key=lambda each: each[1])
        found = [
            SimpleNamespace(size=size, learned=1.0, value=1 - size / 100, verified=verified)
            for _, size in turns
        ]
        words = nearest_changes.describe_smallest_turn(
            found, [name for name, _ in turns], "‘x’", 1300
        )  # type: ignore[arg-type]
        assert said(words) == {turns[0][0]}
        assert ("as small as 1 other" in words) == (written(a, 3) == written(b, 3))
        start, end = numbers(words)
        assert start != end  # a small turn is written with the places it needs
        assert ("confirm" in words) == (not verified)
        assert words.endswith("2 of 1,300 knobs can")


@checks("difference of two decisions")
def check_difference_of_two_decisions() -> None:
    for change in cases((*SIGNED, 0.6, 0.3), (1, 2, 3)):
        a = dict.fromkeys(change, 0.2)
        words = compare.describe_difference(
            a, {name: 0.2 + value for name, value in change.items()}
        )
        exact = {name: (0.2 + value) - 0.2 for name, value in change.items()}
        total = sum(exact.values())
        if all(written(value) == 0 for value in exact.values()):
            assert words.startswith("No term differs"), (words, change)
        elif written(total) == 0:
            assert words.startswith("A and B have the same score from different"), (
                words,
                change,
            )
            assert said(words) == winners({name: abs(value) for name, value in exact.items()})
        else:
            way = "higher" if total > 0 else "lower"
            assert f"B's score is {abs(total):.2f} {way}" in words
            sign = 1 if total > 0 else -1
            along = {name: sign * value for name, value in exact.items()}
            head, _, back = words.partition(", held back by ")
            assert said(head) == winners(along), (words, change)
            assert bool(back) == (
                min(along.values()) < 0 and -min(along.values()) > 0.25 * abs(total)
            )
            assert not back or said(back) == winners(along, smallest=True)
    assert "the baseline (+1.00)" in compare.describe_difference(
        {"": 0.0, "alpha": 0.0}, {"": 1.0, "alpha": 0.0}
    )


@checks("share that differs")
def check_share_that_differs() -> None:
    for change in cases((0.0, 0.004, -0.004, 0.1, -0.1, 0.104, -0.3), (1, 2, 3)):
        a = dict.fromkeys(change, 0.4)
        b = {name: 0.4 + value for name, value in change.items()}
        words, sizes = (
            compare.describe_share_shift(a, b),
            {name: abs(b[name] - a[name]) for name in a},
        )
        if written(max(sizes.values())) == 0:
            assert "the same share in A and B" in words
            continue
        best = winners(sizes)
        assert said(words) == best, (words, change)
        for name in best:
            part = next(each for each in words.split(", ") if name in each or " and " in each)
            assert part
        assert ("more" in words) == any(b[name] > a[name] for name in best)
        assert ("less" in words) == any(b[name] < a[name] for name in best)
    assert (
        compare.describe_share_shift({"alpha": 1.0}, {"beta": 1.0})
        == "The modalities of A and B have different names"
    )
    assert "that both have" in compare.describe_share_shift(
        {"alpha": 0.5, "beta": 0.5}, {"alpha": 0.5, "gamma": 0.5}
    )
    assert "1 percentage point more" in compare.describe_share_shift(
        {"alpha": 0.5}, {"alpha": 0.51}
    )
    assert compare.describe_share_shift(
        {"alpha": 0.5, "beta": 0.5}, {"alpha": 0.6, "beta": 0.4}
    ) == ("alpha carries 10 percentage points more, beta carries 10 percentage points less in B")


@checks("entropies of two decisions")
def check_entropies_of_two_decisions() -> None:
    for size in (1, 2, 3):
        for changes in itertools.product((0.0, 0.004, -0.3, 0.3, 0.304), repeat=size):
            words, mean = compare.describe_entropy_difference(changes, "mixed"), sum(changes) / size
            assert bool(re.search("alike|equal", words)) == (written(mean) == 0), (words, changes)
            if written(mean):
                assert f"B is {'more' if mean > 0 else 'less'} mixed" in words
            else:
                assert ("; single ones differ" in words) == any(written(each) for each in changes)
    assert "not comparable" in compare.describe_entropy_difference([], "mixed")


@checks("largest term of several")
def check_largest_term_of_several() -> None:
    kinds = (
        {"": 9.0, "alpha": 0.3, "beta": -0.304},
        {"": 0.0, "alpha": 0.5, "beta": 0.1},
        {"alpha": 0.1, "beta": -0.7},
        {"": 1.0, "alpha": 0.001, "beta": 0.0},
    )
    for count in (1, 2, 3):
        for sides in itertools.product(kinds, repeat=count):
            largest = [sample_columns.list_largest_terms(each) for each in sides]
            best = [
                winners(sizes) if written(max(sizes.values())) else set()
                for sizes in (
                    {term: abs(value) for term, value in each.items() if term} for each in sides
                )
            ]
            assert [set(each) for each in largest] == best
            words, shared = sample_columns.describe_common_terms(largest), set.intersection(*best)
            if shared:
                assert said(words) <= shared
                assert ("is the largest term" in words) == all(len(each) == 1 for each in best)
            elif any(best):
                assert "differ" in words
                assert said(words) == set.union(*best)
            else:
                assert "No term" in words


@checks("largest entropies of several")
def check_largest_entropies_of_several() -> None:
    for found in cases():
        words, best = sample_columns.describe_largest_entropies(found), winners(found)
        assert ("the largest" in words) == (len(best) < len(found))
        assert said(words) == (best if len(best) < len(found) or len(found) == 1 else set())


# ---- dynamics


@checks("before and after a slider")
def check_before_and_after_a_slider() -> None:
    ends = (0.0, -1e-12, 0.0004, 0.0006, 0.2104, 0.2106, 0.2096, -0.969, -0.967)
    for before, after in itertools.product(ends, repeat=2):
        differs = abs(Decimal(before) - Decimal(after)) >= Decimal("0.0005")
        changed = differs and written(before, 3) != written(after, 3)
        said_of = (
            f"{written(before, 3) + 0} → {written(after, 3) + 0}"
            if changed
            else (f"{written(after, 3) + 0} (unchanged to 0.001)")
        )
        shared = {"mutual information": (before, after, "nats")}
        words = tweak_effects.describe_change(
            ["H: a × 0.5"],
            shared,
            (before, after),
            ("‘x’", "‘y’"),
            ("accuracy, this seed", before, after),
            " for ‘x’",
        )
        nats = " nats" if changed else ""
        assert words == (
            f"**H: a × 0.5**: mutual information {said_of}{nats}, score for ‘x’ {said_of}, decision now "
            f"‘y’, test accuracy, this seed: {said_of}."
        )
    for count in range(1, 8):
        names = [f"H: {name} × 0" for name in "abcdefg"[:count]]
        words = tweak_effects.describe_change(
            names, {}, (1.0, 2.0), ("positive", "positive"), ("MAE", 0.5, 0.25)
        )
        assert words.startswith(
            f"**{', '.join(names) if count < 3 else f'{count} changes'}**: score 1.000 → 2.000, "
        )
        assert "decision unchanged, test MAE: 0.500 → 0.250." in words
    tested, yes, no = ("accuracy", 0.5, 0.25), "‘yes’", "‘no’"
    for decided, sure, end in (
        ((yes, yes), (0.994, 0.501), "decision unchanged (softmax 0.994 → 0.501), test"),
        ((yes, yes), (0.9999, 0.501), "decision unchanged (softmax > 0.999 → 0.501), test"),
        ((yes, yes), (0.9941, 0.9944), "decision unchanged, test"),
        ((yes, no), (0.994, 0.501), "decision now ‘no’, test"),
    ):
        assert end in tweak_effects.describe_change(
            ["one"], {}, (5.0, 0.1), decided, tested, sure=sure
        )
    weak = open_sample("qj-scenes", "scene-6338", tweak="H.picture-question=0.5")
    words = tweak_effects.describe_tweaked_sample(weak)
    sure = [float(one.probabilities.max()) for one in (weak.untweaked, weak)]
    before, after = map(format_probability, sure)
    assert f"decision unchanged (softmax {before} → {after})" in words


@checks("what a slider's modalities share")
def check_what_a_slider_s_modalities_share() -> None:
    """Against entropies of QuTiP's states, by its partial trace."""
    sample = open_sample("qj-planted", "p0031")
    text_audio, every = ("text", "audio"), sample.modalities

    def entropy(rho: qutip.Qobj, part: Sequence[str]) -> float:
        return float(qutip.entropy_vn(rho.ptrace([every.index(name) for name in part])))

    def together(rho: qutip.Qobj, part: Sequence[str]) -> float:
        rest = [name for name in every if name not in part]
        sides = [part, rest] if len(part) == 1 else [[name] for name in part]
        return sum(entropy(rho, side) for side in sides) - entropy(
            rho, every if len(part) == 1 else part
        )

    def entangled(rho: qutip.Qobj, part: Sequence[str]) -> float:
        places = [every.index(name) for name in part]
        state = rho if len(part) == 1 else rho.ptrace(places)
        swapped = (
            [place in places for place in range(len(every))] if len(part) == 1 else [True, False]
        )
        return float(np.log2(qutip.partial_transpose(state, swapped).norm("tr")))

    asked: list[tuple[str, dict[str, tuple[str, ...]]]] = [
        ("H.text-audio=0.45", {"mutual information": text_audio, "log-negativity": text_audio}),
        (
            "D.text-audio=2,H.text-audio=0.5",
            {
                "mutual information of text and audio": text_audio,
                "log-negativity of text and audio": text_audio,
            },
        ),
        (
            "H.vision=0",
            {
                "mutual information of vision with the rest": ("vision",),
                "log-negativity of vision with the rest": ("vision",),
            },
        ),
        ("H.text-audio-vision=0", {"total correlation": every}),
        ("T=0.5", {"total correlation": every}),
        ("T=0", {"total correlation": every}),
        (
            "H.text-audio=0,D.text=2",
            {
                "mutual information of text and audio": text_audio,
                "mutual information of text with the rest": ("text",),
            },
        ),
        (
            "H.text-audio=0,T=0.5",
            {
                "mutual information of text and audio": text_audio,
                "total correlation of text, audio and vision": every,
            },
        ),
        ("H.text-audio=0,H.text-vision=0,H.audio-vision=0", {"total correlation": every}),
    ]
    for tweak, parts in asked:
        tweaked = dataclasses.replace(sample, tweak=tweak)
        found = tweak_effects.correlation_change(tweaked)
        assert list(found) == list(parts)
        ends = [
            qutip.Qobj(each.track().rho[-1], dims=[list(sample.model.dims)] * 2)
            for each in (sample, tweaked)
        ]
        for name, part in parts.items():
            bits = name.startswith("log-negativity")
            wanted = [(entangled if bits else together)(rho, part) for rho in ends]
            assert found[name][:2] == pytest.approx(wanted, abs=3e-5), (tweak, name)
            assert found[name][2] == ("bits" if bits else "nats")


@checks("likeliest basis state")
def check_likeliest_basis_state() -> None:
    for found in cases():
        words, best = state_at_time.describe_likeliest("t = 0.50", found), winners(found)
        if len(best) == len(found) > 1:
            assert "equally likely" in words
        else:
            assert said(words) == best
        assert percent(max(found.values())) in words
    assert "5 of 6" in state_at_time.describe_likeliest(
        "t = 1.00", dict.fromkeys("abcde", 0.18) | {"f": 0.1}
    )


@checks("term that a cut takes from")
def check_term_that_a_cut_takes_from() -> None:
    for lost in cases((0.0, 1e-12, 0.004, 0.296, 0.304, 0.6)):
        words = correlation_removal.describe_lost_terms(
            "text", {name: (1.0, 1.0 - value) for name, value in lost.items()}
        )
        found = {name: 1.0 - (1.0 - value) for name, value in lost.items()}
        if written(max(found.values())) == 0:
            assert "no term loses" in words
            continue
        assert said(words) == winners(found), (words, lost)
        assert all(f"{name}, 1.00 → {1.0 - lost[name]:.2f}" in words for name in winners(found))


def cut_of(
    changes: np.ndarray, before: float, kinds: tuple[str, ...] = ("cut", "dephased")
) -> Cuts:
    """Cuts of one sample with one output, of changes (K, M, T)."""
    _, M, T = changes.shape
    return Cuts(
        NAMES[:M],
        ("score",),
        np.linspace(0, 1, T),
        kinds,
        before + changes[..., None, None],
        np.array([[before]]),
    )


@checks("cut of one sample")
def check_cut_of_one_sample() -> None:
    for a, b in itertools.product((0.0, 1e-12, 0.004, -0.3, 0.5), repeat=2):
        for before in (-1.0, 0.0, 2.0):
            changes = np.zeros((2, 2, 3))
            changes[0, 0, 1], changes[0, 1, 2], changes[1] = a, b, 0.05
            found = cut_of(changes, before)
            words = describe_cut(found, 0)
            largest = max((a, b), key=abs)
            if abs(largest) <= max(0.02 * abs(before), 1e-9):
                assert f"by at most {least(abs(largest))} (from {before:.2f})" in words
                assert not said(words)
            else:
                start, end = f"{before:.2f}", f"{before + largest:.2f}"
                way = "raises" if largest > 0 else "lowers"
                moved = f"at {start}" if start == end else f"{way} the score from {start} to {end}"
                assert f"{moved} ({before + 0.05:.2f} if" in words
                assert said(words) == {NAMES[0] if abs(a) >= abs(b) else NAMES[1]}
                assert ("t = 0.50" if abs(a) >= abs(b) else "t = 1.00") in words
    held = cut_of(np.stack([np.zeros((1, 3)), np.full((1, 3), 0.25)]), 1.0, ("cut", "held"))
    assert describe_cut(held, 0).endswith("1.25 if alpha is never correlated)")
    assert describe_cut(cut_of(np.zeros((1, 1, 3)), -0.001, ("cut",)), 0).endswith("(from 0.00)")


@checks("modality whose cut moves most")
def check_modality_whose_cut_moves_most() -> None:
    for a, b in itertools.product((0.0, -0.3, 0.3, 0.5), repeat=2):
        changes = np.zeros((2, 2, 3))
        changes[0, 0, 1], changes[0, 1, 2] = a, b
        assert (
            cut_summaries.most_moved(cut_of(changes, 1.0), 0) == NAMES[0 if abs(a) >= abs(b) else 1]
        )


@checks("cut over many samples")
def check_cut_over_many_samples() -> None:
    for metric, better in (("accuracy", 1), ("mae", -1)):
        for loss, half in itertools.product(
            (-0.2, -0.01, 0.0, 1e-6, 0.01, 0.2), (None, 0.0, 1e-5, 0.005, 0.3)
        ):
            value = np.full(
                (2, 1, 3), -better * loss
            )  # the metric after less before: worse by `loss`
            ends = (None, None) if half is None else (value - half, value + half)
            found = CutMetrics(
                ("alpha",),
                ("cut", "dephased"),
                np.array([0.0, 0.5, 1.0]),
                60,
                {metric: None},
                {metric: Estimates(np.array(0.9), None, None)},
                {metric: Estimates(value, *ends)},
                {metric: 0.4},
            )
            words = describe_cuts(found)
            head = words.split(":")[0]
            if half is None:
                assert head == "Too few samples"
                assert "CI" not in words
            elif abs(loss) + half < 5e-4:
                assert head == "No"
            elif loss - half <= 0:
                assert head == "No significant loss"
                assert f"more than {max(loss + half, 0):.3f} is excluded" in words
            else:
                assert head == ("Yes" if loss >= 0.1 * 0.5 else "Slightly")
            assert "-0.000" not in words
            assert "alpha at t = 0.50" in words


@checks("most mixed modality of two levels")
def check_most_mixed_modality_of_two_levels() -> None:
    for found in cases((0.0, 0.296, 0.304, 0.99, 0.996, 1.0)):
        words, best, least = (
            states.describe_most_mixed(found, "t = 0.50"),
            winners(found, smallest=True),
            min(found.values()),
        )
        if written(least) == 1:
            assert "all but pure" in words
            continue
        assert said(words) == best
        assert ("the most mixed" in words) == (len(best) < len(found))
        assert f"length {least:.2f}" in words


@checks("row that changes most")
def check_row_that_changes_most() -> None:
    for found in cases((0.0, 1e-12, 0.004, 0.296, 0.304, 0.6)):
        rows = {name: np.array([0.2, 0.2 + value, 0.2]) for name, value in found.items()}
        spread = {name: float(np.ptp(row)) for name, row in rows.items()}
        words = states.describe_largest_change("population", rows)
        if written(max(spread.values())) == 0:
            assert words.startswith("No population changes")
            continue
        assert said(words) == winners(spread), (words, found)
        assert bool(re.search("alike|equal", words)) == (len(winners(spread)) > 1)
        if len(winners(spread)) == 1:
            assert f"0.20 → 0.20, between 0.20 and {0.2 + max(spread.values()):.2f}" in words
    rising = {"a": np.array([0.1, 0.5]), "b": np.array([0.1, 0.2])}
    title = states.describe_largest_change("coherence", rising)
    assert title == "Coherence of a changes most: 0.10 → 0.50"


@checks("largest coherence")
def check_largest_coherence() -> None:
    for a, b, c in itertools.product((0.0, 0.0004, 0.2, 0.2004, 0.5), repeat=3):
        modulus = np.array([[1, a, b], [a, 1, c], [b, c, 1]], dtype=float)
        words = states.describe_largest_coherence(modulus, ["0", "1", "2"], "t = 0.50")
        found = {"|0⟩⟨1|": a, "|0⟩⟨2|": b, "|1⟩⟨2|": c}
        if written(max(found.values()), 3) == 0:
            assert words.startswith("No coherence")
        else:
            assert {name for name in found if name in words} == winners(found, 3)
            assert f"{max(found.values()):.3f}" in words
    assert states.describe_largest_coherence(np.ones((1, 1)), ["0"], "t = 0.00").startswith(
        "No coherence"
    )


@checks("pairs that share most")
def check_pairs_that_share_most() -> None:
    for found in cases((*VALUES, 0.3044)):
        superlative(jumps.describe_most_shared(found, "t = 0.5"), found, 3, nothing="no pair")


@checks("span of the levels")
def check_span_of_the_levels() -> None:
    free = np.array([-1.0, 0.0, 1.0])
    assert "do not change" in generator_terms.describe_spectrum_width(free, free)
    assert (
        generator_terms.describe_spectrum_width(free, 2 * free)
        == "Couplings change the span of the levels from 2.00 to 4.00"
    )
    moved = generator_terms.describe_spectrum_width(free, free + np.array([0.0, 0.3, 0.001]))
    assert "by up to 0.3" in moved
    assert "from" not in moved


@checks("largest letter of an operator")
def check_largest_letter_of_an_operator() -> None:
    for found in cases(SIGNED):
        words = generator_terms.describe_largest_coefficients(
            "H", list(found), np.array(list(found.values()), dtype=complex)
        )
        sizes = {name: abs(value) for name, value in found.items()}
        if written(max(sizes.values())) == 0:
            assert "all terms are below" in words
            continue
        assert said(words) == winners(sizes), (words, found)
        assert bool(re.search("alike|equal", words)) == (len(winners(sizes)) > 1)


# ---- cohorts


@checks("term in which a cohort differs")
def check_term_in_which_a_cohort_differs() -> None:
    draws = np.random.default_rng(0)
    part = np.arange(40) < 15
    for shift in (0.0, 0.05, 0.3, 3.0):
        values = {name: draws.normal(0, 0.2, 40) + part * shift * k for k, name in enumerate(NAMES)}
        words = cohort_contributions.describe_spread(values, part)
        sure = {}
        for name, found in values.items():
            test = scipy.stats.ttest_ind(found[part], found[~part], equal_var=False)
            z = abs(test.statistic)
            if 2 * scipy.stats.norm.sf(z) * len(values) < 0.05:
                sure[name] = abs(found[part].mean() - found[~part].mean())
        assert ("No term has" in words) == (not sure), (words, sure)
        assert said(words) == (winners(sure) if sure else set())
    same = {name: np.zeros(40) for name in NAMES}
    assert "significantly different mean" in cohort_contributions.describe_spread(same, part)
    assert "significantly different mean" in cohort_contributions.describe_spread(
        {"alpha": np.arange(40.0)}, np.arange(40) < 1
    )  # one sample
    assert "Distribution of" in cohort_contributions.describe_spread(same, np.zeros(40, dtype=bool))
    small = {"alpha": draws.normal(0, 1e-4, 40) + part * 0.0043}
    assert "(+0.004)" in cohort_contributions.describe_spread(small, part)
    pairs, alike = np.repeat(np.arange(20), 2)[:, None], np.arange(40) < 20
    values = {"alpha": np.repeat(draws.normal(0, 1, 20), 2) + 0.9 * alike}
    alone, together = (
        cohort_contributions.difference_errors(values["alpha"][:, None], alike, c)[0]
        for c in (None, pairs)
    )
    halves = cohort_contributions.difference_errors(values["alpha"][::2, None], alike[::2], None)[0]
    assert together == pytest.approx(halves, rel=0.2)
    assert together > 1.2 * alone
    assert np.isinf(
        cohort_contributions.difference_errors(values["alpha"][:, None], np.arange(40) < 2, pairs)
    ).all()
    for found in cases((0.0, 0.004, 0.3, 0.304, 1.0)):
        rows = {name: np.array([-value, value]) for name, value in found.items()}
        words = cohort_contributions.describe_spread(rows, np.ones(2, dtype=bool))
        if written(max(found.values())) == 0:
            assert words.startswith("No term varies")
        else:
            assert said(words) == winners(found)


def slice_of(name: str, wrong: int, count: int, independent: int | None = None) -> Slice:
    """A slice with the interval of so many independent samples, by SciPy."""
    size = independent or count
    ends = scipy.stats.binomtest(wrong * size // count, size).proportion_ci(0.95, "wilson")
    return Slice(name, (), count, wrong, wrong / count, ends.low, ends.high, 0.0)


@checks("slice that stands out")
def check_slice_that_stands_out() -> None:
    for wrongs in itertools.product((0, 5, 8, 14, 20), repeat=3):
        overall = sum(wrongs) / 60
        words = wrong_samples.slice_title(
            [slice_of(name, wrong, 20) for name, wrong in zip(NAMES, wrongs, strict=True)],
            overall,
            True,
        )
        lows = {
            name: scipy.stats.binomtest(wrong, 20).proportion_ci(1 - 0.05 / 3, "wilson").low
            for name, wrong in zip(NAMES, wrongs, strict=True)
        }
        assert ("is wrong more often" in words) == (max(lows.values()) > overall + 1e-12), (
            words,
            wrongs,
        )
        if "more often" in words:
            assert lows[min(said(words))] == max(lows.values())
            assert "among 3 slices" in words
        else:
            assert "beyond chance" in words
    for independent, stands in (
        (40, True),
        (20, True),
        (4, False),
    ):  # rows that are not independent say less
        found = [slice_of("alpha", 20, 40, independent), slice_of("beta", 0, 40, independent)]
        assert ("alpha" in wrong_samples.slice_title(found, 0.25, True)) == stands
    assert wrong_samples.slice_title([], 0.0, True) == "No sample to slice"
    one = wrong_samples.slice_title([slice_of("alpha", 1, 500)], 0.002, False)
    assert one == "All samples are in one slice (less than 1% large errors)"


@checks("worst sample")
def check_worst_sample() -> None:
    for found in cases(SIGNED):
        words, sizes = (
            wrong_samples.describe_largest_errors(found, False),
            {name: abs(value) for name, value in found.items()},
        )
        best, largest = winners(sizes), max(sizes.values())
        if written(largest) == 0:
            assert words.startswith("No sample of this cohort has a residual")
        elif len(best) == 1:
            assert said(words) == best
            assert f"has the largest error: residual {found[min(best)]:+.2f}" in words
        else:
            assert (
                words
                == f"{len(best)} samples have the largest error, alike: residual {largest:.2f}"
            )
    assert wrong_samples.describe_largest_errors({}, True) == "No sample of this cohort"
    assert "loss 2.00" in wrong_samples.describe_largest_errors({"alpha": 2.0}, True)


@checks("what misled, and how often")
def check_what_misled_and_how_often() -> None:
    for counts in itertools.product((0, 1, 4), repeat=3):
        terms = [
            name for name, count in zip(("a", "a+b", ""), counts, strict=True) for _ in range(count)
        ]
        words = wrong_samples.describe_misleading_terms(terms)
        for name, count in zip(("a", "a + b"), counts, strict=False):
            assert (f"{name.replace('+', chr(92) + '+')} in {count}" in words) == (count > 0)
        assert words.startswith("Misled by ") == (counts[0] + counts[1] > 0)
        assert (f"In {counts[2]} no term pulls the wrong way." in words) == (counts[2] > 0)
        if counts[1] > counts[0] > 0:
            assert words.index("b in 4") < words.index("a in ")


@checks("most frequent confusion")
def check_most_frequent_confusion() -> None:
    for entries in itertools.product((0, 1, 3), repeat=6):
        counts = np.diag([4, 0, 2])
        counts[~np.eye(3, dtype=bool)] = entries
        words = cohort_quality.describe_confusions(counts, NAMES)
        assert words.startswith(f"6 of {6 + sum(entries)} samples are right")
        most = max(entries)
        pairs = [(i, j) for i, j in np.ndindex(3, 3) if i != j and counts[i, j] == most]
        if not most:
            assert "predicted as" not in words
        elif len(pairs) > 3:
            assert f"{len(pairs)} confusions are equally frequent ({most} each)" in words
        else:
            assert all(f"‘{NAMES[i]}’ is predicted as ‘{NAMES[j]}’" in words for i, j in pairs)
            assert words.count("is predicted as") == len(pairs)
            assert ("most often" in words) == (sum(entries) > most * len(pairs))
    assert (
        cohort_quality.describe_confusions(np.array([[1]]), ("alpha",)) == "1 of 1 sample is right"
    )


@checks("class that is separated from the rest")
def check_class_that_is_told_from_the_rest() -> None:
    for found in cases((0.5, 0.9, 0.9004, 0.999, 1.0)):
        words, best = (
            cohort_quality.describe_separation(found, ""),
            winners(found, 3, smallest=True),
        )
        if len(found) == 1:
            assert "is separated from the rest" in words
        elif len(best) == len(found):
            assert "equally" in words
        else:
            assert said(words) == best
            assert "smallest area" in words
        assert f"{min(found.values()):.3f}" in words
        assert f"{found['alpha']:.3f}" in cohort_quality.describe_separation(found, "alpha")
    assert cohort_quality.describe_separation({}, "").startswith("No class")


@checks("certainty against accuracy")
def check_certainty_against_accuracy() -> None:
    for sure, right, n in itertools.product(
        (0.5, 0.9, 0.97, 0.995, 1.0), (0.0, 0.5, 0.9, 0.968, 1.0), (1, 10, 200, 10**6)
    ):
        words = cohort_quality.describe_calibration(sure, right, n)
        shrunken = scipy.stats.beta(right * n + 1, (1 - right) * n + 1).mean()  # of a flat prior
        differ = abs(sure - right) > 2 * math.sqrt(shrunken * (1 - shrunken) / n)
        assert ("no significant difference" in words) == (not differ), (words, sure, right, n)
        assert ("underconfident" in words) == (differ and sure < right)
        assert ("overconfident" in words) == (differ and sure > right)


@checks("residuals lean")
def check_residuals_lean() -> None:
    draws = np.random.default_rng(1)
    for n, slope, noise in itertools.product(
        (0, 1, 2, 9, 10, 60), (-0.5, -0.15, -0.05, 0.0, 0.3), (1e-6, 0.2, 3.0)
    ):
        truth = np.linspace(-1, 1, n)
        residual = slope * truth + draws.normal(0, noise, n)
        words = cohort_quality.describe_residuals(truth, residual)
        if not n:
            assert words == "No sample of this cohort"
            continue
        assert f"mean absolute error {np.abs(residual).mean():.2f}" in words
        leans = False
        if n >= 10:
            line = scipy.stats.linregress(truth, residual)
            leans = abs(line.slope) > max(0.1, 2 * line.stderr)
            assert ("drawn to the middle" in words) == (leans and line.slope < 0)
        assert ("extremes" in words) == leans, (words, n, slope, noise)
    assert "extremes" not in cohort_quality.describe_residuals(np.zeros(20), np.ones(20))
    assert "Bias +0.00" in cohort_quality.describe_residuals(np.zeros(2), np.array([-1e-9, 0.0]))


# ---- faithfulness


def curves(
    ours: Sequence[float],
    others: Sequence[Sequence[float]],
    intervals: tuple[Interval, Interval] | None = None,
) -> Curves:
    """Deletion and insertion that rise, or fall, by these parts at the middle of the way."""

    def rise(part: float) -> list[float]:
        return [0.0, part, 1.0]

    def fall(part: float) -> list[float]:
        return [1.0, 1 - part, 0.0]

    return Curves(
        np.array([0.0, 0.5, 1.0]),
        np.array(rise(ours[0])),
        np.array(fall(ours[1])),
        np.array([rise(each[0]) for each in others]),
        np.array([fall(each[1]) for each in others]),
        100,
        "score",
        intervals,
    )


def doubts() -> Iterator[tuple[tuple[Interval, Interval], bool, bool]]:
    """Intervals of areas at deletion and insertion of drawn samples, and whether each tells the area from zero."""
    sides = ((-0.2, 0.1, False), (0.1, 0.2, True), (math.nan, math.nan, False))
    for (low, high, first), (other_low, other_high, second) in itertools.product(sides, repeat=2):
        yield (
            (Interval(0.15, low, high, 64, 2000), Interval(0.15, other_low, other_high, 64, 2000)),
            first,
            second,
        )


@checks("our order against random ones")
def check_our_order_against_random_ones() -> None:
    for ours in itertools.product((0.2, 0.5, 0.8), repeat=2):
        for others in itertools.product(((0.2, 0.8), (0.5, 0.5), (0.1, 0.1)), repeat=2):
            words = deletion.describe_beaten_orders(curves(ours, others))
            lost = sum(ours[0] <= other[0] or ours[1] <= other[1] for other in others)
            assert ("beats every one of 2 random orders" in words) == (lost == 0)
            assert lost == 0 or f"**not** beat {lost} of 2 random orders" in words
    assert "1 random order " in deletion.describe_beaten_orders(curves((0.9, 0.9), [(0.1, 0.1)]))
    slight = deletion.describe_beaten_orders(curves((0.52, 0.9), [(0.5, 0.1)]))
    assert (
        slight
        == "our order is only slightly faster than every one of 1 random order (area 0.01 of 1)"
    )
    for intervals, first, second in doubts():
        words = deletion.describe_beaten_orders(curves((0.9, 0.9), [(0.1, 0.1)], intervals))
        assert (
            ("no significant difference" in words)
            == (not (first and second))
            == ("beats every" not in words)
        )
        assert ("95% interval" in words) == intervals[0].known


@checks("score returns sooner")
def check_score_returns_sooner() -> None:
    for ours in (0.2, 0.5, 0.8):
        for others in itertools.product((0.1, 0.5, 0.7), repeat=2):
            words = deletion.describe_return(
                curves((0.5, ours), [(0.5, other) for other in others])
            )
            won = sum(ours > other for other in others)
            assert ("every one of 2" in words) == (won == 2)
            assert won == 2 or f"in {won} of 2 random orders" in words
    slight = deletion.describe_return(curves((0.5, 0.52), [(0.5, 0.5)]))
    assert slight == "only slightly sooner than in every one of 1 random order (area +0.01 of 1)"
    for intervals, _, second in doubts():
        words = deletion.describe_return(curves((0.5, 0.9), [(0.5, 0.1)], intervals))
        assert ("no significant difference" in words) == (not second) == ("every one" not in words)
        assert ("95% interval" in words) == intervals[1].known


@checks("of how many samples")
def check_of_how_many_samples() -> None:
    assert describe_drawn(20, 4659) == "20 samples drawn at random from 4,659"
    assert describe_drawn(600, 600) == "600 samples"
    assert describe_drawn(1, 1) == "1 sample"


@checks("terms against the truth")
def check_terms_against_the_truth() -> None:
    for found in cases((math.nan, -0.5, 0.9, 0.904, 1.0)):
        words = planted_truth.describe_truth_correlation(found)
        known = {name: value for name, value in found.items() if value == value}
        if not known:
            assert words.startswith("No term varies")
            continue
        assert f"{min(known.values()):.2f}" in words
        assert ("constant" in words) == (len(known) < len(found))
        if written(min(known.values())) != written(max(known.values())):
            assert said(words) == winners(known, smallest=True)
            assert f"to {max(known.values()):.2f}" in words
        else:
            assert " to " not in words


@checks("least stable term")
def check_least_stable_term() -> None:
    for found in cases((-0.2, 0.0, 0.9, 0.904, 1.0)):
        words, best = seed_stability.describe_least_stable(found), winners(found, smallest=True)
        if len(best) == len(found) > 1:
            assert "equally stable" in words
        else:
            assert said(words) == best
        assert f"{min(found.values()):.2f}" in words


@checks("signs over seeds")
def check_signs_over_seeds() -> None:
    for entries in itertools.product((-1.0, 0.0, 1.0), repeat=6):
        values = np.array(entries).reshape(3, 2)
        words = seed_stability.describe_sign_changes(values)
        unsure = sum(len({-1.0, 1.0} & set(column)) == 2 for column in values.T.tolist())
        assert ("every term keeps" in words) == (unsure == 0)
        assert (
            unsure == 0
            or f"{unsure} of 2 terms {'changes' if unsure == 1 else 'change'} sign" in words
        )


@checks("caution: seeds")
def check_caution_seeds() -> None:
    draws = np.random.default_rng(2)
    base = draws.normal(size=(1, 60, 4))
    for noise in (0.0, 0.05, 0.8, 5.0):
        found = Stability(
            ("alpha", "beta"),
            ("", "alpha", "beta", "alpha+beta"),
            (0, 1, 2),
            base + noise * draws.normal(size=(3, 60, 4)),
            50,
            False,
        )
        cautions = reliability.check_stability(found, np.linspace(0, 1, 60), "score")
        words = [describe_finding(each).sentence for each in cautions]
        pairs = list(itertools.combinations(range(3), 2))
        ranks = {
            name: np.mean(
                [
                    scipy.stats.spearmanr(
                        found.dividends[a, :, i], found.dividends[b, :, i]
                    ).statistic
                    for a, b in pairs
                ]
            )
            for i, name in enumerate(found.coalitions)
            if name
        }
        weak = {name for name, rank in ranks.items() if rank < 0.8}
        assert words[0].startswith("Do not rank samples by") == bool(weak)
        listed = words[0].split(":")[0] if weak else words[0]
        assert all(
            (f"{name.replace('+', ' + ')} ({ranks[name]:.2f})" in listed) == (name in weak)
            for name in ranks
        )
        if not weak:
            named = re.search(r"least stable: (.*) \(rank correlation", words[0])
            assert named is not None
            assert set(re.split(", | and ", named[1].replace(" + ", "+"))) == winners(
                ranks, smallest=True
            )
        floor = np.median(np.std(found.dividends[..., 1:], 0, ddof=1).max(1))
        assert f"about {floor:.2g} (score)" in words[1]
        leaders = np.abs(found.shapley).argmax(-1)
        agreement = np.mean([(leaders[a] == leaders[b]).mean() for a, b in pairs])
        assert any("which modality leads" in each for each in words) == (agreement < 0.9)
        assert not any("prediction is poor" in each for each in words) or noise
    # A ratio of spreads is said only where the two groups are apart by more than two standard errors.
    spread = np.full((40, 1), 1.0)
    spread[0] = 20.0
    errors = np.arange(40.0)[::-1]
    assert reliability.check_poor_predictions(spread, errors) == []
    spread[:4] = 2.0
    (poor,) = reliability.check_poor_predictions(spread, errors)
    assert "2.0 times as much" in describe_finding(poor).sentence


@checks("caution: truth")
def check_caution_truth() -> None:
    for ranks in itertools.product((math.nan, -0.3, 0.79, 0.8, 0.95, 0.9501), repeat=3):
        found = AgainstTruth(
            NAMES, np.zeros((7, 3)), np.zeros((7, 3)), np.zeros(3), np.array(ranks)
        )
        finding = reliability.check_truth(found)
        caution = describe_finding(finding)
        weak = {name for name, rank in zip(NAMES, ranks, strict=True) if rank < 0.8}
        known = {name: rank for name, rank in zip(NAMES, ranks, strict=True) if rank == rank}
        assert caution.kind == ("warning" if weak else "fine" if known else "unknown")
        if weak:
            assert said(caution.sentence) == weak
        elif known:
            assert said(caution.sentence) == winners(known, smallest=True)


@checks("caution: seeds and truth")
def check_caution_seeds_and_truth() -> None:
    concerns = (reliability.Concern.ORDER_STABLE, reliability.Concern.ORDER_UNSTABLE)
    truths = (reliability.Concern.TRUTH_MISSED, reliability.Concern.TRUTH_FOLLOWED)
    for order, truth in itertools.product(concerns, truths):
        findings = [
            reliability.Finding(truth, {"samples": 60}, {"beta": 0.861}),
            reliability.Finding(order, {"seeds": 3, "samples": 60}, {"alpha": 0.38}),
        ]
        result = reliability.reconcile(findings)
        is_joined = order == concerns[1] and truth == truths[1]
        assert (len(result) == 1) == is_joined
        if not is_joined:
            assert result == findings
            continue
        words = describe_finding(result[0])
        assert words.kind == "warning"
        assert (
            "follows the planted truth (least: beta, rank correlation 0.86 on 60" in words.sentence
        )
        assert "but do not rank samples by alpha (0.38)" in words.sentence


@checks("caution: deletion")
def check_caution_deletion() -> None:
    for ours in itertools.product((0.2, 0.5, 0.8), repeat=2):
        found = reliability.check_deletion(curves(ours, [(0.4, 0.4), (0.5, 0.1)]), "modalities")
        failed = [
            word
            for word, lost in (("deletion", ours[0] <= 0.5), ("insertion", ours[1] <= 0.4))
            if lost
        ]
        assert bool(found) == bool(failed)
        assert not failed or found[0].names[1:] == tuple(failed)


@checks("caution: joint terms")
def check_caution_joint_terms() -> None:
    for count in (0, 1, 5, 99, 100):
        dividends = np.zeros((100, 4, 1))
        dividends[:, 1:3] = 0.5
        dividends[:count, 3] = 1.5
        dividends[count:, 3] = 1.0  # as large as the modalities' own: not larger
        found = reliability.check_joint(
            SimpleNamespace(modalities=("alpha", "beta"), dividends=dividends),  # type: ignore[arg-type]
            np.zeros(100, dtype=int),
        )
        assert bool(found) == (count >= 5)
        assert (
            not found or f"in {count}% of 100 test samples" in describe_finding(found[0]).sentence
        )


# ---- data, training


@checks("samples by class")
def check_samples_by_class() -> None:
    for found in itertools.product((0, 1, 3), repeat=2):
        words = targets.describe_class_sizes(("a", "b"), np.array(found))
        if found[0] == found[1]:
            assert (
                words
                == f"Each of its 2 classes has {found[0]} sample{'' if found[0] == 1 else 's'}"
            )
        else:
            assert words == (
                f"Its 2 classes have {min(found)} to {max(found)} "
                f"sample{'' if max(found) == 1 else 's'}"
            )
    assert targets.describe_class_sizes(("a",), np.array([1])) == "Its only class has 1 sample"


@checks("lowest validation loss")
def check_lowest_validation_loss() -> None:
    for found in cases((math.nan, math.inf, 0.3, 0.30001, 0.3000001, 1.0)):
        words = learning_curves.describe_lowest_loss(
            {
                name: np.array([value, 2.0 if value == value else math.nan])
                for name, value in found.items()
            }
        )
        best = {name: min(value, 2.0) for name, value in found.items() if value == value}
        if len(found) < 2 or not best:
            assert words == "Loss"
            continue
        least = f"{min(best.values()):.4g}"
        alike = {name for name, value in best.items() if f"{value:.4g}" == least}
        assert least in words
        assert said(words) == (alike if len(alike) < len(found) else set()), (words, found)


@checks("setting that matters most")
def check_setting_that_matters_most() -> None:
    for found in cases():
        words, best = sweep_panels.describe_importance(found, 12), winners(found)
        if written(max(found.values())) == 0:
            assert words.startswith("No setting")
            continue
        assert said(words) == best
        assert bool(re.search("alike|equal", words)) == (len(best) > 1)
        assert f"{max(found.values()):.0%}" in words


@checks("rate at which the loss falls")
def check_rate_at_which_the_loss_falls() -> None:
    steps = np.geomspace(1e-5, 1.0, 60)
    for place in (20, 30, 40):
        loss = 1 / (1 + np.exp((np.arange(60) - place) / 2.0))
        found = rate_search.steepest(steps, loss)
        assert abs(np.log(found / steps[place])) < abs(
            np.log(steps[12] / steps[0])
        )  # the lag of the running mean
        assert found <= steps[place]
    for flat in (np.ones(60), np.linspace(1, 2, 60)):
        with pytest.raises(InvalidInput, match="did not fall"):
            rate_search.steepest(steps, flat)


@checks("report on values")
def check_report_on_values() -> None:
    """Counts of what is wrong with a set of eight samples, in numbers and in singular or plural."""
    for nans, infinite, still, zero, rare, unseen in itertools.product(
        (0, 1, 3), (0, 2), (0, 1, 2), (0, 1), (0, 1, 2), (0, 1, 2)
    ):
        X = np.random.default_rng(0).normal(size=(24, 5)).astype(np.float32)
        X[1 : 1 + nans, 0] = np.nan
        X[5 : 5 + infinite, 1] = np.inf
        X[:, 3 : 3 + still] = 1.0 if not zero else 0.0
        if zero:
            X[20] = 0.0
        y = np.arange(24) % 2
        y[:rare] = np.arange(rare) + 2  # classes of one sample each
        split = np.array(["train"] * 12 + ["valid"] * 6 + ["test"] * 6)
        y[12 : 12 + unseen] = np.arange(unseen) + 2 + rare
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.npy"
            np.save(path, X)
            part = Part("alpha", path, X.shape, tuple(f"f{i}" for i in range(5)))
            ids, classes = (
                np.array([f"s{i}" for i in range(24)]),
                tuple("abcdefgh"[: int(y.max()) + 1]),
            )
            found = build_report(
                StagedSet(
                    y,
                    classes,
                    folder=Path(folder),
                    title="set",
                    kind="file",
                    parts=[part],
                    ids=ids,
                    split=split,
                )
            )
        words = {each.code: each.words for each in found.findings}
        assert ("not-finite" in words) == bool(nans or infinite)
        if nans or infinite:
            assert words["not-finite"].startswith(
                f"{'1 value is' if nans == 1 else f'{nans} values are'} NaN and {infinite} infinite, in "
                f"{nans + infinite} of 24 samples and {(nans > 0) + (infinite > 0)} of 5 features"
            )
            assert ("most in" in words["not-finite"]) == (nans > 0 < infinite and nans != infinite)
        assert ("constant" in words) == bool(still)
        changes = "changes" if still == 1 else "change"
        assert not still or words["constant"].startswith(f"{still} of 5 features never {changes}")
        few = rare + unseen
        assert ("rare-class" in words) == bool(few)
        assert not few or words["rare-class"].startswith(
            f"{few} of {2 + few} classes {'has' if few == 1 else 'have'} fewer than 3 samples"
        )
        assert ("unseen-class" in words) == bool(unseen)
        assert not unseen or words["unseen-class"].startswith(
            f"Training never sees {unseen} class{'' if unseen == 1 else 'es'} that {'is' if unseen == 1 else 'are'}"
        )
        assert ("zero-rows" in words) == bool(zero)


@checks("edited tables turn the decision")
def check_edited_tables_turn_the_decision() -> None:
    for was, now, changed in itertools.product("ab", "ab", (False, True)):
        words = network.describe_edit_effect(was, now, "37%", changed)
        assert ("flips the decision" in words) == (was != now)
        assert ("stays" in words) == (was == now and changed)
        assert was != now or words.endswith("(37%)")


@checks("what a change comes to")
def check_what_a_change_comes_to() -> None:
    assert changed_decision.describe_outcome([], "a", "a", False).startswith("Decision: a.")
    for turned in (False, True):
        words = changed_decision.describe_outcome(["alpha", "beta"], "a", "b", turned)
        assert ("**flips**" in words) == turned
        assert ("keeps" in words) != turned
        assert words.endswith("the decision: a → b")
        assert "alpha and beta" in words


@checks("two dimensions hold")
def check_two_dimensions_hold() -> None:
    for held in (0.0, 0.004, 0.37, 0.998, 1.0):
        assert f"hold {percent(held)} of the variance" in sample_maps.describe_reduction(
            "x", held, 0.9
        )
    assert sample_maps.describe_reduction("x", None, math.nan) == "UMAP of the x"
    assert "trustworthiness 0.87" in sample_maps.describe_reduction("x", None, 0.871)


@checks("other ways to Shapley values")
def check_other_ways_to_shapley_values() -> None:
    for apart, error in itertools.product((0.0, 3e-16, 2e-3), (0.0, 1e-15, 0.02)):
        words = shapley_methods.describe_estimates(0.004, 2.0, apart, error)
        assert ("in every digit" in words) == (apart == 0)
        assert ("agrees to 3e-16" in words) == (apart == 3e-16)
        assert ("differs by 2e-03" in words) == (apart == 2e-3)
        assert ("errs by up to 0.02" in words) == (error == 0.02)
        assert ("no more than rounding" in words) == (error < 1e-9)


@checks("classes of two decisions")
def check_classes_of_two_decisions() -> None:
    for a, b in itertools.product("xy", repeat=2):
        assert compare.describe_predictions(a, b).startswith("Both predict") == (a == b)


@checks("contradiction of masses, in a report")
def check_contradiction_of_masses_in_a_report() -> None:
    for K in (math.nan, -1e-17, 0.0, 1e-9, 0.0004, 0.0006, 0.3):
        words = sample_report.describe_contradiction(K)
        assert ("not defined" in words) == (K != K)
        assert ("contradict each other with" in words) == (K == K and written(K, 3) > 0)
        assert K != K or written(K, 3) > 0 or words.endswith(f"is {least(max(K, 0.0), 3)}")
        assert "conflict" not in words


@checks("error of a cohort")
def check_error_of_a_cohort() -> None:
    def interval(low: float, high: float, n: int = 20) -> Interval:
        return Interval((low + high) / 2, low, high, n, 2000)

    others = interval(0.4, 0.5)
    assert "larger beyond chance" in cohort_report.compare_errors(interval(0.51, 0.6), others)
    assert "smaller beyond chance" in cohort_report.compare_errors(interval(0.1, 0.39), others)
    for low, high in ((0.39, 0.41), (0.49, 0.6), (0.42, 0.44), (0.3, 0.6), (0.5, 0.6)):
        words = cohort_report.compare_errors(interval(low, high), others)
        assert "overlap" in words
        assert "beyond" not in words
    few = Interval(0.9, math.nan, math.nan, 4, 0)
    assert "too few" in cohort_report.compare_errors(few, others)
    none = Interval(math.nan, math.nan, math.nan, 0, 0)
    assert cohort_report.compare_errors(others, none) == "The mean error is 0.450"


@checks("type that is predicted worst")
def check_type_that_is_predicted_worst() -> None:
    ends = ((0.1, 0.2), (0.15, 0.3), (0.31, 0.4), (math.nan, math.nan))
    for chosen in itertools.product(ends, repeat=3):
        found = {
            name: Interval((low + high) / 2, low, high, 20, 2000)
            for name, (low, high) in zip(NAMES, chosen, strict=True)
        }
        words = cohort_contributions.describe_worst_relation(found)
        known = {name: each for name, each in found.items() if each.low == each.low}
        if len(known) < 2:
            assert words.startswith("How do")
            continue
        worst = max(known, key=lambda name: known[name].low)
        best = min(known, key=lambda name: known[name].high)
        above = [name for name in known if name != worst and known[worst].low > known[name].high]
        assert (f"‘{worst}’ is predicted worst:" in words) == (len(above) == len(known) - 1), (
            words,
            chosen,
        )
        assert (f"‘{worst}’ is predicted worse than ‘{best}’" in words) == (
            best in above and len(above) < len(known) - 1
        )
        assert ("No type" in words) == (best not in above)


@checks("when a modality came to matter")
def check_when_a_modality_came_to_matter() -> None:
    epochs = np.array([1.0, 5.0, 9.0])
    for rows in itertools.product((0.0, 0.09, 0.2, 1.0), repeat=3):
        terms = {
            "alpha": (epochs, np.array(rows)),
            "beta": (epochs, np.array([0.0, 0.0, 0.5])),
            "alpha+beta": (epochs, np.array([0.0, 0.5, 0.5])),
        }
        words = learning_inside.describe_onsets("run", terms)
        level = 0.1 * (rows[-1] + 0.5 + 0.5)
        first = next((k for k, value in enumerate(rows) if value >= level), None)
        expected = {None: "alpha not yet", 0: "alpha from the first measurement (epoch 1)"}.get(
            first, f"alpha at epoch {int(epochs[first or 0])}"
        )
        assert expected in words, (words, rows)
        assert "beta at epoch 9" in words
        assert "the joint terms together at epoch 5" in words
        assert "Measured after 3 of 9 epochs" in words
    still = {"alpha": (epochs, np.zeros(3))}
    assert "alpha not yet" in learning_inside.describe_onsets("run", still)
    assert "measured once so far, after epoch 1" in learning_inside.describe_onsets(
        "run", {"alpha": (epochs[:1], np.ones(1))}
    )
