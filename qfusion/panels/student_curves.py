"""What explanations are worth to a student: its agreement with the model by number of samples."""

from __future__ import annotations

import numpy as np

from qfusion._checks import check
from qfusion.analysis import simulatability as students, text
from qfusion.analysis.study import Study
from qfusion.figures import share_curves, style
from qfusion.panels import alt_text, panel
from qfusion.wording.simulatability import (
    describe_leak,
    describe_rivals,
    describe_worth,
    title_worth,
)

HUES = ("#6b7280", "#0072b2", "#56b4e9", "#d55e00", "#cc79a7", "#999933")


def can_teach(study: Study) -> bool:
    """Return whether students can learn the decisions of a model."""
    return not students.find_obstacle(study)


def student_curves(study: Study, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the agreement of students with the model, a line for each kind of target that they learn from.

    Args:
        study: a model on its data. theme: of the figure.
    """
    obstacle = students.find_obstacle(study)
    check(not obstacle, obstacle)
    result = students.teach_students(study)
    lines = {
        name: tuple(
            np.array([getattr(one, end) for one in arm.agreement])
            for end in ("value", "low", "high")
        )
        for name, arm in result.arms.items()
    }
    figure = share_curves.banded_curves(
        np.array(result.sizes, dtype=float),
        lines,
        hues=dict(zip(lines, HUES, strict=False)),
        x_title="samples to learn from",
        y_title="agreement with the model",
        theme=theme,
    )
    figure.update_xaxes(
        type="log", tickvals=list(result.sizes), ticktext=list(map(str, result.sizes))
    )
    figure.add_hline(
        y=result.majority, line={"color": style.QUIET[theme], "dash": "dot", "width": 1}
    )
    target = "the sign of its score" if not study.classes else "its predicted class"
    if not study.classes and not study.decides_by_sign:
        target = "whether its score is above the median"
    shows = (
        f"how often a small student predicts the model's decision ({target}) on {result.unseen:,} unseen test samples "
        f"from their inputs alone, by the number of samples that it learned from: mean over {result.draws} draws from "
        f"{result.drawn_from:,} samples, with 95% intervals over draws and unseen samples. Lines differ in what the "
        "student also learned from. Dotted: the share of the most frequent decision. "
        + _sentences(describe_worth(result), describe_leak(result), describe_rivals(result))
    )
    last = {name: arm.agreement[-1].value for name, arm in result.arms.items()}
    return panel.PanelFigure(
        "students",
        text.escape_markdown(title_worth(result)),
        figure,
        shows=text.escape_markdown(shows),
        not_shown="whether explanations help people, who are no small networks: guess the decision below. "
        "Contributions add up to the score, which tells how sure the model is; the line of scores shows what that "
        "alone teaches.",
        alt=f"Agreement after {result.sizes[-1]:,} samples: {alt_text.list_terms(last, '.2f')}.",
        table=result.frame,
    )


def _sentences(*parts: str) -> str:
    return " ".join(f"{part}." for part in parts if part)
