"""The What-if page: the sample with changed modalities, before and after."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from qfusion.analysis import answers, text
from qfusion.analysis.dynamics.interventions import DROP, Asked, Result
from qfusion.panels import what_if as builders
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels


def result(here: Here, changes: Asked) -> None:
    """Before and after: prediction, states, waterfalls, differences."""
    sample, theme = here.subject(), here.theme
    untouched, now, done = builders.both(sample, changes)
    _numbers(here, untouched, now, done)
    if here.work.classes:
        panels.draw(builders.probabilities(sample, theme, changes=changes))
    if not done:
        panels.draw(builders.waterfall(sample, theme))
        return
    for when, place in zip(
        (builders.BEFORE, builders.AFTER), st.columns(2, gap="medium"), strict=True
    ):
        with place:
            panels.draw(builders.waterfall(sample, theme, when=when, changes=changes))
    panels.draw(builders.differences(sample, theme, changes=changes))
    shown = [name for name, action in done.items() if action != DROP and here.work.can("states")]
    for first in range(0, len(shown), 2):
        for place, name in zip(st.columns(2, gap="medium"), shown[first : first + 2], strict=False):
            with place:
                panels.draw(builders.state(sample, theme, modality=name, changes=changes))


def _numbers(here: Here, before: Result, now: Result, changed: Iterable[str]) -> None:
    work = here.work
    was, is_ = before.outcome, now.outcome
    turned = was.decision != is_.decision
    before_now, after_now = (answers.numbered(work, scores) for scores in (was.scores, is_.scores))
    st.markdown(f"#### {builders.outcome(list(changed), before_now, after_now, turned)}")
    cells: list[tuple[str, float, float, str]] = []
    if work.classes:
        for which in dict.fromkeys((was.decision, is_.decision)):
            cells.append(
                (
                    f"Softmax ‘{text.plain(work.classes[which], 14)}’",
                    float(before.probabilities[which]),
                    float(now.probabilities[which]),
                    work.calibration,
                )
            )
        sample = here.subject()
        cells.append(
            (
                "Score explained",
                float(was.scores[sample.output]),
                float(is_.scores[sample.output]),
                sample.unit,
            )
        )
    else:
        cells.append(
            (
                "Prediction",
                float(was.scores[0]),
                float(is_.scores[0]),
                f"Score of sample {text.plain(here.sample)} by the model",
            )
        )
        if before.truth is not None and now.truth is not None:
            cells.append(
                (
                    "True score without noise",
                    before.truth,
                    now.truth,
                    "What the rule that made these data gives for these words, voice and face; known unless a "
                    "voice, a face or a state is edited or a modality is left out",
                )
            )
    with st.container(key="pair-metrics"):
        for place, (title, old, new, help_) in zip(st.columns(len(cells)), cells, strict=True):
            change = new - old
            said, arrow = (
                (f"{change:+.3f}", "auto") if abs(change) >= 5e-4 else ("no change", "off")
            )
            place.metric(
                title,
                f"{new:.3f}",
                said,
                delta_color="off",
                delta_arrow=arrow,  # type: ignore[arg-type]
                help=help_,
                border=True,
            )
