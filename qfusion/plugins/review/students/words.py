"""What an explanation is worth to a student, in sentences that follow from factors and their intervals."""

from __future__ import annotations

from qfusion._sentences import listed
from qfusion.plugins.review.students import simulatability
from qfusion.plugins.review.students.simulatability import Arm, Factor, Simulatability
from qfusion.views.words.rules import format_interval

WORTH = "What an explanation is worth"
NOTHING = "nothing"


def name_worth(factor: Factor | None) -> str:
    """Return what an explanation is worth, in two to four words: "2.3 x fewer samples", "nothing", "1.4 x more
    samples", or "unknown" where students learn nothing."""
    if factor is None:
        return "unknown"
    if factor.helps or factor.hurts:
        return f"{_format_times(factor)} x {'fewer' if factor.helps else 'more'} samples"
    return NOTHING


def title_worth(result: Simulatability) -> str:
    """Return the finding on contributions as a title: what they are worth beyond the score, which they add up to."""
    if not result.learns:
        return f"Students cannot learn this model from {result.sizes[-1]:,} samples, so this test says nothing"
    arm = result.arms[simulatability.CONTRIBUTIONS]
    if arm.factor is None or not arm.factor.helps:
        return f"{WORTH}: {name_worth(arm.factor)}"
    compared = {"the score": arm.beyond_scores, "shuffled ones": arm.beyond_control}
    lacking = [name for name, factor in compared.items() if factor and not factor.helps]
    if lacking:
        return f"{WORTH}: {NOTHING} beyond {listed(lacking)}"
    if arm.beyond_scores is None:
        return f"{WORTH}: {name_worth(arm.factor)}, not compared with the score"
    worth = f"{WORTH}: {name_worth(arm.beyond_scores)} than the score alone"
    control = _factor(result, simulatability.SHUFFLED)
    if control is None or not control.helps:
        return worth
    assert arm.beyond_control is not None  # it helps
    return f"{worth} ({_format_times(arm.beyond_control)} x beyond shuffled ones)"


def describe_worth(result: Simulatability) -> str:
    """Return what contributions are worth to a student, with the interval."""
    if not result.learns:
        last, gain = result.sizes[-1], result.gain
        alone = result.arms[simulatability.ALONE].agreement[-1].value
        taught = result.arms[simulatability.CONTRIBUTIONS].agreement[-1]
        return (
            "The student learns nothing that could be shown from decisions alone: after "
            f"{last:,} samples it agrees with the model on {alone:.1%} of the unseen samples, and always saying the "
            f"most frequent decision agrees on {result.majority:.1%} (difference {gain.value:+.1%}, 95% CI "
            f"{format_interval(gain.low, gain.high, '+.1%')}), so no factor is given; with contributions it agrees on "
            f"{taught.value:.1%} (95% CI {format_interval(taught.low, taught.high, '.1%')})"
        )
    factor = _factor(result, simulatability.CONTRIBUTIONS)
    assert factor is not None  # the student learns something
    ends = format_interval(factor.interval.low, factor.interval.high, ".2f")
    if factor.helps:
        start = (
            f"A student that also learns from contributions needs {_format_times(factor)} times fewer samples than "
            "from decisions alone to predict the model's decisions"
        )
    elif factor.hurts:
        start = (
            f"A student that also learns from contributions needs {_format_times(factor)} times more samples than "
            "from decisions alone to predict the model's decisions"
        )
    else:
        start = "Contributions save a student no samples that these students could show"
    return f"{start} (factor {factor.interval.value:.2f}, 95% CI {ends})"


def describe_leak(result: Simulatability) -> str:
    """Return whether contributions teach more than the score, which they add up to; empty without scores."""
    arm = result.arms[simulatability.CONTRIBUTIONS]
    scores = result.arms.get(simulatability.SCORES)
    if arm.beyond_scores is None or scores is None or scores.factor is None:
        return ""
    beyond = arm.beyond_scores.interval
    ends = format_interval(beyond.low, beyond.high, ".2f")
    alone = f"The score alone, which contributions add up to, is worth {name_worth(scores.factor)}"
    if arm.beyond_scores.helps:
        rest = f"its parts teach beyond it ({_format_times(arm.beyond_scores)} times fewer samples, 95% CI {ends})"
    elif arm.beyond_scores.hurts:
        rest = f"its parts teach less than it does (factor {beyond.value:.2f}, 95% CI {ends})"
    else:
        rest = f"its parts teach nothing beyond it that could be shown (factor {beyond.value:.2f}, 95% CI {ends})"
    return f"{alone}; {rest}"


def describe_rivals(result: Simulatability) -> str:
    """Return what other attributions and the control are worth; empty where the student learns nothing."""
    if not result.learns:
        return ""
    parts = []
    for name, arm in result.arms.items():
        if name in (simulatability.ALONE, simulatability.CONTRIBUTIONS, simulatability.SCORES):
            continue
        assert arm.factor is not None  # the student learns something
        interval = arm.factor.interval
        ends = format_interval(interval.low, interval.high, ".2f")
        parts.append(f"{name} {name_worth(arm.factor)} (95% CI {ends})")
    return f"Of the others, as factors of samples: {listed(parts)}"


def describe_control(result: Simulatability) -> str:
    """Return what contributions are worth beyond shuffled ones, where shuffled ones help as well or true ones are not
    shown to be better; else empty."""
    control = _factor(result, simulatability.SHUFFLED)
    arm = result.arms[simulatability.CONTRIBUTIONS]
    if control is None or arm.beyond_control is None:
        return ""
    if not (control.helps or is_only_control(arm)):
        return ""
    ends = format_interval(control.interval.low, control.interval.high, ".2f")
    beyond = arm.beyond_control.interval
    beyond_ends = format_interval(beyond.low, beyond.high, ".2f")
    shown = "" if arm.beyond_control.helps or arm.beyond_control.hurts else " that could be shown"
    return (
        f"Shuffled contributions, which say nothing of a sample, are worth {name_worth(control)} (95% CI {ends}); "
        f"true ones are worth {name_worth(arm.beyond_control)} beyond them{shown} (95% CI {beyond_ends})"
    )


def is_only_control(arm: Arm) -> bool:
    """Return whether contributions help, but not more than shuffled ones."""
    if arm.factor is None or not arm.factor.helps:
        return False
    return arm.beyond_control is not None and not arm.beyond_control.helps


def describe_students(result: Simulatability) -> list[str]:
    """Return all findings, a sentence each."""
    sentences = [
        describe_worth(result),
        describe_leak(result),
        describe_rivals(result),
        describe_control(result),
    ]
    return [f"{sentence}." for sentence in sentences if sentence]


def _factor(result: Simulatability, name: str) -> Factor | None:
    return result.arms[name].factor


def _format_times(factor: Factor) -> str:
    """Return how many times fewer or more, above 1, in as few digits as tell it from 1: "2.3", "1.04"."""
    value = factor.interval.value
    times = max(value, 1 / value)
    digits = 1
    while digits < 6 and float(f"{times:.{digits}f}") == 1:
        digits += 1
    return f"{'at least ' if factor.is_bound else ''}{times:.{digits}f}"
