"""The What-if page: the sample with changed modalities, before and after."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import answers, backgrounds, interventions, text
from qfusion.analysis.answers import verdict
from qfusion.analysis.interventions import KEPT, Change, Result
from qfusion.analysis.subject import Workspace
from qfusion.figures import style
from qfusion.figures.draw import decision
from qfusion.figures.draw import evidence as bars
from qfusion.figures.draw import what_if as figures
from qfusion.panels import spoken
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels
from qfusion.ui.shared import sample_view


def figures_of(work: Workspace, scores: np.ndarray) -> str:
    """A decision with its number, as markdown."""
    if work.classes:
        return f"{verdict(work, scores)} ({float(interventions.softmax(scores).max()):.0%})"
    return f"{verdict(work, scores)} ({float(scores[0]):+.2f})"


def result(here: Here, changes: tuple[Change, ...]) -> None:
    """Before and after: prediction, states, waterfalls, differences."""
    untouched = interventions.with_changes(here.work, here.row, (Change(),) * len(here.work.modalities))
    now = interventions.with_changes(here.work, here.row, changes)
    changed = [name for name, change in zip(here.work.modalities, changes, strict=True) if change.action != KEPT]
    _numbers(here, untouched, now, changed)
    if here.work.classes:
        _probabilities(here, untouched, now, bool(changed))
    if not changed:
        _waterfall(here, untouched, "as-it-is", "as it is", here.truth)
        return
    reach = _reach(here, untouched, now)
    left, right = st.columns(2, gap="medium")
    with left:
        _waterfall(here, untouched, "as-it-is", "as it is", here.truth, reach)
    with right:
        _waterfall(here, now, "changed", "with the changes", now.truth, reach)
    _differences(here, untouched, now)
    _states(here, untouched, now, changes)


def _numbers(here: Here, before: Result, now: Result, changed: list[str]) -> None:
    work = here.work
    was, is_ = before.outcome, now.outcome
    turned = was.decision != is_.decision
    if not changed:
        st.markdown(f"#### Decision: {figures_of(work, was.scores)}. Change a modality to see what becomes of it")
    else:
        who = ", ".join(map(text.plain, changed))
        st.markdown(f"#### Changing {who} {'**flips**' if turned else 'keeps'} the decision: {figures_of(work, was.scores)} → "
                    f"{figures_of(work, is_.scores)}")
    cells: list[tuple[str, float, float, str]] = []
    if work.classes:
        for which in dict.fromkeys((was.decision, is_.decision)):
            cells.append((f"p(‘{text.plain(work.classes[which], 14)}’)", float(before.probabilities[which]),
                          float(now.probabilities[which]), "Softmax of the scores"))
        cells.append(("Score explained", float(was.scores[here.output]), float(is_.scores[here.output]), here.unit))
    else:
        cells.append(("Prediction", float(was.scores[0]), float(is_.scores[0]), f"Score of sample {text.plain(here.sample)} by the model"))
        if before.truth is not None and now.truth is not None:
            cells.append(("True score without noise", before.truth, now.truth,
                          "What the rule that made these data gives for these words, voice and face; known unless a voice, a face or a "
                          "state is edited or a modality is left out"))
    with st.container(key="pair-metrics"):
        for place, (title, old, new, help_) in zip(st.columns(len(cells)), cells, strict=True):
            change = new - old
            said, arrow = (f"{change:+.3f}", "auto") if abs(change) >= 5e-4 else ("no change", "off")
            place.metric(title, f"{new:.3f}", said, delta_color="off", delta_arrow=arrow, help=help_, border=True)  # type: ignore[arg-type]


def _probabilities(here: Here, before: Result, now: Result, changed: bool) -> None:
    work, truth = here.work, int(here.work.dataset.y[here.row])
    panels.panel(
        "what-if-probabilities", f"Decision: {figures_of(work, now.outcome.scores)}",
        bars.class_bars(now.probabilities, work.classes, truth=truth, before=before.probabilities if changed else None,
                        before_name="as it is", theme=here.theme),
        shows="softmax of the scores" + (" with the changes; diamonds: as the sample is." if changed else ".") + here.of,
        not_shown="whether such probabilities are calibrated.",
        alt=f"Class probabilities: {spoken.listed(work.classes, now.probabilities)}.",
        numbers=lambda: pd.DataFrame({"sample": here.sample, "class": work.classes, "as_it_is": before.probabilities,
                                      "changed": now.probabilities}))


def _reach(here: Here, *results: Result) -> list[float]:
    """One axis for both waterfalls, with room for the numbers beside the bars."""
    ends = np.concatenate([np.cumsum(list(found.terms(here.work, here.output).values())) for found in results])
    low, high = min(0.0, float(ends.min())), max(0.0, float(ends.max()))
    room = 0.32 * max(high - low, 0.1)
    return [low - room, high + room]


def _waterfall(here: Here, found: Result, name: str, when: str, truth: float | None, reach: list[float] | None = None) -> None:
    terms = found.terms(here.work, here.output)
    drawn = decision.waterfall(terms, here.work.modalities, truth=truth, unit=here.unit, theme=here.theme)
    if reach is not None:
        drawn.update_xaxes(range=reach)
    panels.panel(
        f"what-if-{name}", f"{when}: {_lower(answers.finding(terms))}{sample_view.whose(here)}", drawn,
        shows=f"the exact sum baseline + single modalities + joint terms (hatched) = score, {when}.{here.of} "
              f"{backgrounds.baseline(here.work.background)} Terms of a modality that is left out are zero.",
        not_shown="whether such a combination occurs: changed modalities may not belong together.",
        alt=f"Waterfall {when}: " + ", ".join(f"{term or 'baseline'} {value:+.2f}" for term, value in terms.items()) + ".",
        numbers=lambda: pd.DataFrame({"sample": here.sample, "when": when, "term": [t or "baseline" for t in terms],
                                      "dividend": list(terms.values()), "background": here.work.background.name}))


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def _differences(here: Here, before: Result, now: Result) -> None:
    old, new = before.terms(here.work, here.output), now.terms(here.work, here.output)
    change = {term: new[term] - old[term] for term in old if term}
    most = max(change, key=lambda term: abs(change[term]))
    panels.panel(
        "what-if-differences", f"The change acts most through {text.plain(' + '.join(style.split_term(most)))} ({change[most]:+.2f})",
        figures.differences(old, new, here.work.modalities, unit=here.unit, theme=here.theme),
        shows=f"each term with the changes minus the same term as the sample is{sample_view.whose(here)}; they add up to the change of the "
              f"score. {backgrounds.against(here.work.background)}",
        not_shown="terms that do not contain a changed modality, which cannot change.",
        alt="Differences: " + ", ".join(f"{term} {value:+.2f}" for term, value in change.items()) + ".",
        numbers=lambda: pd.DataFrame({"sample": here.sample, "term": list(old), "as_it_is": list(old.values()),
                                      "changed": list(new.values())}))


def _states(here: Here, before: Result, now: Result, changes: tuple[Change, ...]) -> None:
    shown = [name for name, change in zip(here.work.modalities, changes, strict=True) if change.action not in (KEPT, interventions.DROP)]
    for first in range(0, len(shown), 2):
        for place, name in zip(st.columns(2, gap="medium"), shown[first:first + 2], strict=False):
            with place:
                _state(here, name, before.states[name], now.states[name])


def _state(here: Here, name: str, before: Any, now: Any) -> None:
    from qfusion.explain.changes.counterfactual import distance

    far = float(distance(before[0], now[0]))
    hue = style.term_colour(name, here.work.modalities)
    old, new = np.array(interventions.shown_state(before)), np.array(interventions.shown_state(now))
    if before.is_complex():
        measure = "Fubini–Study angle; its cosine squared is the fidelity"
        names = ["θ", "φ"] if len(old) == 2 else [f"|{k}⟩" for k in range(len(old))]
        drawn = figures.bloch(_vector(before), _vector(now), hue=hue, theme=here.theme) if len(old) == 2 else \
            figures.numbers(old, new, names, axis="population", across="basis state", hue=hue, theme=here.theme)
        not_shown = "whether any input would give this state." if len(old) == 2 else \
            "the phases, which a swap or the nearest flip changes too, and whether any input would give this state."
    else:
        measure, names = "norm of the change of the angles θ = 2 arcsin √mass", list(here.work.elements)  # type: ignore[attr-defined]
        drawn = figures.numbers(old, new, [each.removeprefix("element ") for each in names], axis="mass", across="element", hue=hue,
                                theme=here.theme)
        not_shown = "whether any input would give these masses."
    panels.panel(
        f"what-if-state-{name}", f"The state of {text.plain(name)} moved by {far:.2f} rad", drawn,
        shows=f"what the model makes of {text.plain(name)}, before and with the change. Distance: {measure}.{here.of}", not_shown=not_shown,
        alt=f"State of {name} before and with the change, {far:.2f} rad apart.",
        numbers=lambda: pd.DataFrame({"sample": here.sample, "modality": name, "part": names, "as_it_is": old, "changed": new}))


def _vector(ket: Any) -> np.ndarray:
    a, b = (complex(x) for x in ket[0])
    return np.array([2 * (a.conjugate() * b).real, 2 * (a.conjugate() * b).imag, abs(a) ** 2 - abs(b) ** 2])
