"""The fusion rules of an entangled-fusion network as truth tables, and what the decision becomes by edited ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import size
from qfusion.analysis import answers, backgrounds, text
from qfusion.analysis.dynamics import circuit_evolution
from qfusion.analysis.sample import Sample
from qfusion.explain.evidence import Reading
from qfusion.figures.draw import decision
from qfusion.figures.draw import evidence as figures
from qfusion.figures.numbers import terms_table
from qfusion.figures.style import Theme
from qfusion.models import edits, require
from qfusion.panels.circuit import NETWORK_VIEWS
from qfusion.panels.core import allowed as say
from qfusion.panels.core import spoken
from qfusion.panels.core.panel import Panel, Picture, can, whole, within, word
from qfusion.panels.core.view import View

SAME = 1e-9  # angles that differ less are the same


def most_read(found: Reading, element: int) -> str:
    """What the qubits of the first stage most likely read of this sample, such as "011"."""
    return found.patterns[int(np.argmax(found.weights[element, 0]))]


def named(rule: str) -> str:
    """A rule as people write it."""
    return rule.upper() if rule in ("and", "or") else rule


FAR = 0.25  # distance from a named rule from which on a table is not called like it: 0.5 is that of an undecided table


def likeness(whose: str, rule: str, distance: float) -> str:
    """Which named rule a fusion table is like, if any; the distance to the nearest, root mean square, 0 to 1."""
    if round(distance, 2) == 0:
        return f"{whose} fuses as {named(rule)} does (distance {size(distance)})"
    if distance >= FAR:
        return f"{whose} fuses like no named rule; the nearest is {named(rule)} (distance {distance:.2f})"
    return f"{whose} fuses most like {named(rule)} (distance {distance:.2f})"


def tables(
    sample: Sample, theme: Theme = "light", *, element: str = "", stage: int = 0, outcome: str = ""
) -> Picture:
    """The fusion's truth tables as a heat map.

    Args:
        sample: a sample of a model with fusion rules.
        theme: of the figure.
        element: the row that is marked; the first unless told.
        stage: of the chain of fusions, from 0.
        outcome: the column that is marked, a digit a qubit, such as "011"; unless told what this sample reads most.
    """
    require(sample.model, "rules")
    found = sample.reading
    elements = found.elements
    row = elements.index(choose("Element", element or elements[0], elements))
    last = len(found.controls) - 1
    check(0 <= stage <= last, f"Argument `stage` must be from 0 to {last}, but is {stage}.")
    column = found.patterns.index(
        choose("Outcome", outcome or most_read(found, row), found.patterns)
    )
    phi, learned = (
        model.phi.detach().double()[:, stage] for model in (sample.model, sample.work.model)
    )
    name, mass = text.plain(found.elements[row]), float(found.tables[row, stage, column])
    whose = f"‘{name}’" if found.elements_are_classes else name
    n, stages, P = found.tables.shape
    return Picture(
        "tables",
        likeness(whose, *found.rules[row]),
        figures.tables(
            found.tables[:, stage],
            found.weights[:, stage],
            found.patterns,
            found.elements,
            angles=phi.numpy(),
            controls=found.controls[stage],
            chosen=(row, column),
            edited=((phi - learned).abs() > SAME).numpy(),
            theme=theme,
        ),
        shows="for each element (row) the mass that the fused qubit gets when the modality qubits read the pattern "
        "above; click a cell to edit it, a corner marks edited ones. Distance: root mean square over the table, "
        "0 to 1. The same for every sample.",
        not_shown="how often this sample reads a pattern: point at a cell.",
        alt=f"Truth tables of {len(found.elements)} elements over {len(found.patterns)} patterns. Marked: element "
        f"{found.elements[row]}, pattern {found.patterns[column]}, mass {mass:.2f}. Pickers below choose another.",
        table=lambda: pd.DataFrame(
            [
                {
                    "element": found.elements[i],
                    "stage": k,
                    "pattern": found.patterns[b],
                    "mass": found.tables[i, k, b],
                    "probability_in_this_sample": found.weights[i, k, b],
                    "rule": found.rules[i][0],
                    "distance": found.rules[i][1],
                }
                for i in range(n)
                for k in range(stages)
                for b in range(P)
            ]
        ),
    )


def waterfall(sample: Sample, theme: Theme = "light") -> Picture:
    """The decision with the edited tables, term by term."""
    now, base = (
        circuit_evolution.answer(each.work, each.row, each.tweak).terms(each.work, each.output)
        for each in (sample, sample.learned)
    )
    return Picture(
        "waterfall-edited",
        answers.finding(now) + sample.whose,
        decision.waterfall(
            now, sample.modalities, truth=sample.target, unit=sample.unit, theme=theme
        ),
        shows="the exact sum baseline + single modalities + joint terms (hatched) = score, with these tables."
        + sample.of
        + " "
        + backgrounds.baseline(sample.work.background),
        not_shown="how it was as learned: reset all cells.",
        alt=f"Waterfall of the decision with these tables: {spoken.terms(now)}.",
        table=lambda: terms_table(now).assign(as_learned=list(base.values())),
    )


def turned(was: str, now: str, sure: str, changed: bool) -> str:
    """Whether an edit of the tables turns the decision between classes; `sure` says how sure it is by now."""
    if was != now:
        return f"The edit turns the decision from ‘{text.plain(was)}’ to ‘{text.plain(now)}’"
    return f"Decision {'stays' if changed else 'is'} ‘{text.plain(now)}’ ({sure})"


def probabilities(sample: Sample, theme: Theme = "light") -> Picture:
    """Softmax of the classes with the edited tables; of models that choose among classes."""
    classes = sample.work.classes
    check(
        bool(classes),
        f"Model '{sample.work.name}' predicts a number, not classes. See the waterfall.",
    )
    now, base = (
        circuit_evolution.answer(each.work, each.row, each.tweak)
        for each in (sample, sample.learned)
    )
    best, was = int(now.scores.argmax()), int(base.scores.argmax())
    changed = bool(sample.tweak)
    return Picture(
        "probabilities",
        turned(classes[was], classes[best], text.softmax(float(now.probabilities[best])), changed),
        figures.class_bars(
            now.probabilities,
            classes,
            truth=int(sample.work.dataset.y[sample.row]),
            before=base.probabilities if changed else None,
            theme=theme,
        ),
        shows="the classes with these tables"
        + ("; diamonds: as learned. " if changed else ". ")
        + f"{sample.work.calibration}{sample.of}",
        not_shown="other samples: see the test accuracy above.",
        alt=f"Softmax of the classes: {spoken.listed(classes, now.probabilities)}.",
        table=lambda: pd.DataFrame(
            {"class": classes, "probability": now.probabilities, "as_learned": base.probabilities}
        ),
    )


SCOPES = ("this element", "all elements")


def _allowed_tables(view: View, work: Any) -> dict[str, say.Allowed]:
    """What an address may say of the tables; edits that do not fit are named beside them, where they can be mended."""
    if work.can("time"):
        return {}
    if view.page == "compare" or not work.can("rules"):
        return {"phi": say.anything()} if view.page == "compare" else {}
    shape = edits.shape_of(work.model)
    return {
        "element": say.options("Element", work.elements, "The first is shown."),
        "phi": say.anything(),
        "scope": say.options("Scope", SCOPES, "A rule is set for this element."),
        "stage": say.options("Stage", map(str, range(shape.stages)), "The first is shown."),
        "outcome": say.options(
            "Outcome", edits.patterns(shape), "The one that this sample reads most is shown."
        ),
    }


_RULED, _RULES_OPEN = can("rules"), within("part", NETWORK_VIEWS, "Fusion rules")
_RULES = {
    "tables": Panel(
        tables,
        {"element": word("element"), "stage": whole("stage", 0, 1000), "outcome": word("outcome")},
        fits=_RULED,
        opens=_RULES_OPEN,
    ),
    "probabilities": Panel(
        probabilities,
        fits=lambda sample: _RULED(sample) and bool(sample.work.classes),
        opens=_RULES_OPEN,
    ),
    "waterfall-edited": Panel(waterfall, fits=_RULED, opens=_RULES_OPEN),
}
