"""What explanations are worth to a student: its agreement with the model by number of samples."""

from __future__ import annotations

import numpy as np

from qfusion._checks import check
from qfusion.figures import model_charts, style, training_charts
from qfusion.plugins.review.students import student_data as students
from qfusion.plugins.review.students.simulatability import (
    ALONE,
    CONTRIBUTIONS,
    SCORES,
    SHUFFLED,
    Arm,
    Simulatability,
)
from qfusion.plugins.review.students.words import (
    describe_control,
    describe_leak,
    describe_rivals,
    describe_worth,
    name_worth,
    title_worth,
)
from qfusion.study.study import Study
from qfusion.views.view import View
from qfusion.views.words import rules

BANDED = (ALONE, CONTRIBUTIONS)  # bands of all lines would hide each other
OTHERS = (style.VERMILLION, style.PURPLE, style.GREEN, style.ORANGE)  # hues of further targets


def can_teach(study: Study) -> bool:
    """Return whether students can learn the decisions of a model."""
    return not students.find_obstacle(study)


def student_curves(study: Study) -> View:
    """Draw the agreement of students with the model, a line for each kind of target that they learn from.

    Args:
        study: a model on its data.
    """
    obstacle = students.find_obstacle(study)
    check(not obstacle, obstacle)
    result = students.teach_students(study)
    lines = {name: _line(arm, name in BANDED) for name, arm in result.arms.items()}
    figure = training_charts.banded_curves(
        np.array(result.sizes, dtype=float),
        lines,
        hues=_hues(result),
        x_title="samples to learn from",
        y_title="agreement with the model",
    )
    figure.update_xaxes(
        type="log", tickvals=list(result.sizes), ticktext=list(map(str, result.sizes))
    )
    figure.update_traces(line={"dash": "dot"}, selector={"name": SHUFFLED})
    figure.add_hline(y=result.majority, line={"color": style.QUIET, "dash": "dot", "width": 1})
    target = "the sign of its score" if not study.classes else "its predicted class"
    if not study.classes and not study.decides_by_sign:
        target = "whether its score is above the median"
    shows = (
        f"how often a small student predicts the model's decision ({target}) on {result.unseen:,} unseen test samples "
        f"from their inputs alone, by the number of samples that it learned from: mean over {result.draws} draws from "
        f"{result.drawn_from:,} samples, with 95% intervals of the first two over draws and unseen samples. Lines "
        "differ in what the student also learned from. Dotted: the share of the most frequent decision. "
        + _sentences(
            describe_worth(result),
            describe_leak(result),
            describe_control(result),
            describe_rivals(result),
        )
    )
    last = {name: arm.agreement[-1].value for name, arm in result.arms.items()}
    return View(
        name="students",
        title=title_worth(result),
        figure=figure,
        caption=shows,
        limits="People are no small networks: whether explanations help them is not shown. Contributions add up to the "
        "score, which tells how sure the model is; the line of scores shows what that alone teaches.",
        alternative=f"Agreement after {result.sizes[-1]:,} samples: {rules.list_terms(last, '.2f')}.",
        table=result.frame,
    )


def student_factors(study: Study) -> View:
    """Draw how many times fewer samples a student needs with each kind of target, with intervals.

    Args:
        study: a model on its data, whose decisions a student can learn.
    """
    obstacle = students.find_obstacle(study)
    check(not obstacle, obstacle)
    result = students.teach_students(study)
    check(result.learns, f"{describe_worth(result)}.")
    factors = {name: arm.factor for name, arm in result.arms.items() if arm.factor is not None}
    intervals = [factor.interval for factor in factors.values()]
    figure = model_charts.interval_dots(
        list(factors),
        {"factor": model_charts.interval_ends(intervals)},
        hues=[hue for name, hue in _hues(result).items() if name in factors],
        x_title="times fewer samples",
    )
    ends = [1.0, *(end for one in intervals for end in (one.low, one.high))]
    margin = 0.06 * (max(ends) - min(ends))
    figure.update_xaxes(range=[min(ends) - margin, max(ends) + margin])
    figure.add_vline(x=1, line={"color": style.QUIET, "dash": "dot", "width": 1})
    shows = (
        "by what factor fewer samples reach the same agreement as decisions alone, in the mean over the agreements "
        "that both curves reach, with 95% intervals over draws and unseen samples; 1 (dotted) is nothing. "
        + _sentences(describe_leak(result), describe_control(result))
    )
    return View(
        name="students-factors",
        title=_title_rivals(result),
        figure=figure,
        caption=shows,
        limits="Larger students, or more samples, may need less.",
        alternative="Factors: "
        + rules.list_terms({name: one.interval.value for name, one in factors.items()}, ".2f")
        + ".",
        table=result.factors,
    )


def can_learn(study: Study) -> bool:
    """Return whether students learn something of a model's decisions."""
    return can_teach(study) and students.teach_students(study).learns


def _title_rivals(result: Simulatability) -> str:
    scores = result.arms.get(SCORES)
    if scores is None:
        return "Factors of samples"
    return f"The score alone: {name_worth(scores.factor)}"


def _line(arm: Arm, has_band: bool) -> tuple[np.ndarray, ...]:
    """Return values, and the ends of the band; without one these are the values."""
    ends = ("value", "low", "high") if has_band else ("value", "value", "value")
    return tuple(np.array([getattr(one, end) for one in arm.agreement]) for end in ends)


def _hues(result: Simulatability) -> dict[str, str]:
    """Return the hue of each arm."""
    known = {ALONE: style.INK, CONTRIBUTIONS: style.BLUE, SCORES: style.SKY}
    known[SHUFFLED] = style.GREY
    others = iter(OTHERS)
    return {
        name: known[name] if name in known else next(others, style.GREY) for name in result.arms
    }


def _sentences(*parts: str) -> str:
    return " ".join(f"{part}." for part in parts if part)
