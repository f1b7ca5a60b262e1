"""The fusion rules of the Circuit page: truth tables one can read, name and edit, and what the decision becomes."""

from __future__ import annotations

from typing import Any

import streamlit as st

from qfusion.analysis import describe, text
from qfusion.analysis.dynamics import circuit_evolution
from qfusion.analysis.sample import Sample
from qfusion.panels import network
from qfusion.training import metrics
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels
from qfusion.ui.shared import export_dialog, table_editor


def tab(here: Here, sample: Sample) -> None:
    """The whole view: the tables, and beside them what follows."""
    in_force = sample.tweak
    now, base = (circuit_evolution.answer(here.work, here.row, words) for words in (in_force, ""))
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        table_editor.panel(sample, here.theme)
        st.caption(
            f"Fused by {'edited' if in_force else 'learned'} tables{': ' + text.plain(in_force) if in_force else ''}. "
            f"Test metrics over {len(here.work.dataset.rows('test')):,} samples."
        )
        export_dialog.button(here)
    with right:
        before_after(here, now, base)
        if here.work.classes:
            panels.draw(network.probabilities(sample, here.theme))
        panels.draw(network.waterfall(sample, here.theme))


def before_after(here: Here, now: Any, base: Any) -> None:
    """The decision and the test metrics as learned and with edits."""
    work = here.work
    row = here.row
    cells: list[tuple[str, float, float, str, str]] = []
    if work.classes:
        truth, first = int(work.dataset.y[row]), int(base.scores.argmax())
        cells.append(
            (
                f"Softmax ‘{text.plain(work.classes[first], 14)}’, predicted",
                float(base.probabilities[first]),
                float(now.probabilities[first]),
                "off",
                f"Of the class that the model as learned predicts. {work.calibration}",
            )
        )
        if truth != first:
            cells.append(
                (
                    f"Softmax ‘{text.plain(work.classes[truth], 14)}’, true",
                    float(base.probabilities[truth]),
                    float(now.probabilities[truth]),
                    "normal",
                    f"Of the true class. {work.calibration}",
                )
            )
    else:
        cells.append(
            (
                "Prediction",
                float(base.scores[0]),
                float(now.scores[0]),
                "off",
                "Score of this sample",
            )
        )
    for name in [name for name in ("accuracy", "nll", "mae", "corr") if name in now.metrics][:2]:
        about = metrics.labels(now.metrics)[name]
        label = f"Test {about.short[:1].lower()}{about.short[1:]}" if work.classes else about.short
        cells.append(
            (
                label + describe.of_seed(work),
                base.metrics[name],
                now.metrics[name],
                "normal" if about.higher_is_better else "inverse",
                about.help,
            )
        )
    with st.container(key="pair-metrics"):
        places = [*st.columns(2), *st.columns(2)] if len(cells) > 3 else st.columns(len(cells))
        for place, (label, before, after, colour, help_) in zip(places, cells, strict=True):
            change = after - before
            # A line of its own either way, so that nothing below jumps at the first edit.
            said, arrow = (
                (f"{change:+.3f}", "auto") if abs(change) >= 5e-4 else ("as learned", "off")
            )
            place.metric(
                label,
                f"{after:.3f}",
                said,
                delta_color="off" if arrow == "off" else colour,  # type: ignore[arg-type]
                delta_arrow=arrow,  # type: ignore[arg-type]
                help=help_,
                border=True,
                height="stretch",
            )
