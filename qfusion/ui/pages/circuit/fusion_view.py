"""The fusion rules of the Circuit page: truth tables one can read, name and edit, and what the decision becomes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qfusion.analysis import answers, backgrounds, circuit_evolution, text
from qfusion.figures.draw import decision
from qfusion.figures.draw import evidence as figures
from qfusion.panels import spoken
from qfusion.training import metrics
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels
from qfusion.ui.shared import model_out, sample_view, table_editor


def tab(here: Here) -> None:
    """The whole view: the tables, and beside them what follows."""
    in_force = table_editor.words(here)
    now, base = circuit_evolution.answer(here.work, here.row, in_force), circuit_evolution.answer(here.work, here.row)
    before_after(here, now, base)
    left, right = st.columns([1.1, 1], gap="medium")
    with left:
        table_editor.panel(here, in_force)
    with right:
        _probabilities(here, now, base, bool(in_force))
        contributions(here, now, base)
    st.caption(f"Fused by {'edited' if in_force else 'learned'} tables{': ' + text.plain(in_force) if in_force else ''}. Test metrics over "
               f"{len(here.work.dataset.rows('test')):,} samples.")
    model_out.button(here)


def before_after(here: Here, now: Any, base: Any) -> None:
    """The decision and the test metrics as learned and with edits."""
    work = here.work
    row = here.row
    cells: list[tuple[str, float, float, str, str]] = []
    if work.classes:
        truth, first = int(work.dataset.y[row]), int(base.scores.argmax())
        cells.append((f"p(‘{text.plain(work.classes[first], 14)}’), predicted", float(base.probabilities[first]),
                      float(now.probabilities[first]), "off", "Probability of the class that the model as learned predicts"))
        if truth != first:
            cells.append((f"p(‘{text.plain(work.classes[truth], 14)}’), true", float(base.probabilities[truth]),
                          float(now.probabilities[truth]), "normal", "Probability of the true class"))
    else:
        cells.append(("Prediction", float(base.scores[0]), float(now.scores[0]), "off", "Score of this sample"))
    for name in [name for name in ("accuracy", "nll", "mae", "corr") if name in now.metrics][:2]:
        about = metrics.describe[name]
        label = f"Test {about.short[:1].lower()}{about.short[1:]}" if work.classes else about.short
        cells.append((label, base.metrics[name], now.metrics[name], "normal" if about.higher_is_better else "inverse", about.help))
    with st.container(key="pair-metrics"):
        for place, (label, before, after, colour, help_) in zip(st.columns(len(cells)), cells, strict=True):
            change = after - before
            # A line of its own either way, so that nothing below jumps at the first edit.
            said, arrow = (f"{change:+.3f}", "auto") if abs(change) >= 5e-4 else ("as learned", "off")
            place.metric(label, f"{after:.3f}", said, delta_color="off" if arrow == "off" else colour,  # type: ignore[arg-type]
                         delta_arrow=arrow, help=help_, border=True, height="stretch")  # type: ignore[arg-type]


def contributions(here: Here, now: Any, base: Any) -> None:
    """The waterfall under the edits."""
    work: Any = here.work
    terms = now.terms(work, here.output)
    panels.panel(
        "waterfall-edited", answers.finding(terms) + sample_view.whose(here),
        decision.waterfall(terms, work.modalities, truth=here.truth, unit=here.unit, theme=here.theme),
        shows="the exact sum baseline + single modalities + joint terms (hatched) = score, with these tables." + here.of + " "
              + backgrounds.baseline(work.background),
        not_shown="how it was as learned: reset all cells.", alt=f"Waterfall of the decision with these tables: {spoken.terms(terms)}.",
        numbers=lambda: pd.DataFrame({"term": [t or "baseline" for t in terms], "dividend": list(terms.values()),
                                      "as_learned": list(base.terms(work, here.output).values())}))


def _probabilities(here: Here, now: Any, base: Any, changed: bool) -> None:
    work = here.work
    if not work.classes:
        return
    best, was, truth = int(now.scores.argmax()), int(base.scores.argmax()), int(work.dataset.y[here.row])
    name = text.plain(work.classes[best])
    if best != was:
        head = f"The edit turns the decision from ‘{text.plain(work.classes[was])}’ to ‘{name}’"
    else:
        head = f"Decision {'stays' if changed else 'is'} ‘{name}’ ({now.probabilities[best]:.0%})"
    panels.panel(
        "probabilities", head,
        figures.class_bars(now.probabilities, work.classes, truth=truth, before=base.probabilities if changed else None, theme=here.theme),
        shows="class probabilities with these tables" + ("; diamonds: as learned." if changed else ".") + here.of,
        not_shown="other samples: see the test accuracy above.",
        alt=f"Class probabilities: {spoken.listed(work.classes, now.probabilities)}.",
        numbers=lambda: pd.DataFrame({"class": work.classes, "probability": now.probabilities, "as_learned": base.probabilities}))
