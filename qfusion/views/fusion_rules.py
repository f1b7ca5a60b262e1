"""The fusion rules of an entangled-fusion network as truth tables, and the decision by edited ones."""

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import size
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.explain import fusion
from qfusion.figures import decision_charts, evidence_fusion, result_tables
from qfusion.models.protocols import TruthTables
from qfusion.views import View, alt_text
from qfusion.wording import answers
from qfusion.wording.backgrounds import describe_baseline
from qfusion.wording.samples import cite_sample, describe_calibration, describe_softmax

SAME = 1e-9  # angles that differ less are the same


def likeliest_pattern(reading: fusion.Reading, element: int) -> str:
    """Return the most likely readout of the qubits of the first stage for this sample, such as "011"."""
    return reading.patterns[int(np.argmax(reading.weights[element, 0]))]


def rule_name(rule: str) -> str:
    """Return a rule as people write it."""
    return rule.upper() if rule in ("and", "or") else rule


FAR = 0.25  # distance from a named rule from which on a table is not called like it: 0.5 is that of an undecided table


def describe_likeness(whose: str, rule: str, distance: float) -> str:
    """Describe which named rule a fusion table is like, if any.

    The distance to the nearest, root mean square, 0 to 1.
    """
    if round(distance, 2) == 0:
        return f"{whose} fuses as {rule_name(rule)} does (distance {size(distance)})"
    if distance >= FAR:
        return f"{whose} fuses like no named rule; the nearest is {rule_name(rule)} (distance {distance:.2f})"
    return f"{whose} fuses most like {rule_name(rule)} (distance {distance:.2f})"


def tables(sample: Sample, *, element: str = "", stage: int = 0, outcome: str = "") -> View:
    """The fusion's truth tables as a heat map.

    Args:
        sample: a sample of a model with fusion rules.
        element: the row that is marked; the first by default.
        stage: of the chain of fusions, from 0.
        outcome: the marked column, one digit for each qubit, such as "011". Default: the outcome that this sample
            reads most.
    """
    sample.model.require(TruthTables)
    reading = sample.reading
    row = reading.elements.index(
        choose("Element", element or reading.elements[0], reading.elements)
    )
    last = len(reading.controls) - 1
    check(0 <= stage <= last, f"Argument `stage` must be from 0 to {last}, but is {stage}.")
    column = reading.patterns.index(
        choose("Outcome", outcome or likeliest_pattern(reading, row), reading.patterns)
    )
    phi, learned = (
        model.phi.detach().double()[:, stage] for model in (sample.model, sample.study.model)
    )
    name = text.escape_markdown(reading.elements[row])
    mass = float(reading.tables[row, stage, column])
    return View(
        evidence_fusion.fusion_tables(
            reading.tables[:, stage],
            reading.weights[:, stage],
            reading.patterns,
            reading.elements,
            angles=phi.numpy(),
            controls=reading.controls[stage],
            chosen=(row, column),
            edited=((phi - learned).abs() > SAME).numpy(),
        ),
        describe_likeness(
            f"‘{name}’" if reading.elements_are_classes else name, *reading.rules[row]
        ),
        caption="for each element (row) the mass of the fused qubit if the modality qubits read the pattern "
        "above. A corner marks edited cells. Distance: root mean square "
        "over the table, 0 to 1. The same for every sample.",
        limits="the probability of a pattern for this sample.",
        table=_list_cells(reading),
        alternative=f"Truth tables of {len(reading.elements)} elements over {len(reading.patterns)} patterns. Marked: "
        f"element {reading.elements[row]}, pattern {reading.patterns[column]}, mass {mass:.2f}. Pickers below choose "
        "another.",
        usage="Click a cell to edit it, or point at it for the probability of its pattern.",
    )


def _list_cells(reading: fusion.Reading) -> pd.DataFrame:
    """Return a row for each cell of the truth tables."""
    return pd.DataFrame(
        [
            {
                "element": reading.elements[i],
                "stage": k,
                "pattern": reading.patterns[b],
                "mass": reading.tables[i, k, b],
                "probability_in_this_sample": reading.weights[i, k, b],
                "rule": reading.rules[i][0],
                "distance": reading.rules[i][1],
            }
            for i, k, b in np.ndindex(*reading.tables.shape)
        ]
    )


def waterfall_edited(sample: Sample) -> View:
    """The decision with the edited tables, term by term."""
    now = sample.dividends
    learned = list(sample.untweaked.dividends.values())
    return View(
        decision_charts.waterfall(
            now,
            sample.modalities,
            truth=sample.target,
            unit=sample.unit,
            quantity=sample.quantity,
        ),
        answers.title_decision(sample.verdict, sample),
        caption=f"the exact sum baseline + single modalities + joint terms (hatched) = {sample.quantity}, with these "
        f"tables.{cite_sample(sample)} {describe_baseline(sample.study.background)}",
        limits="the learned tables: reset all cells.",
        table=result_tables.terms_table(now).assign(as_learned=learned),
        alternative=f"Waterfall of the decision with these tables: {alt_text.list_terms(now)}.",
    )


def describe_edit_effect(was: str, now: str, sure: str, changed: bool) -> str:
    """Describe whether an edit of the tables turns the decision between classes; `sure` says how sure it is by now."""
    if was != now:
        return f"The edit flips the decision from ‘{text.escape_markdown(was)}’ to ‘{text.escape_markdown(now)}’"
    return f"Decision {'stays' if changed else 'is'} ‘{text.escape_markdown(now)}’ ({sure})"


def probabilities(sample: Sample) -> View:
    """The softmax of the classes with the edited tables; of models that choose among classes."""
    classes = sample.study.classes
    check(
        bool(classes),
        f"Model '{sample.study.name}' predicts a number, not classes. See the waterfall.",
    )
    now = sample.probabilities
    base = sample.untweaked
    best = int(sample.scores.argmax())
    was = int(base.scores.argmax())
    changed = bool(sample.tweak)
    sure = describe_softmax(float(now[best]))
    diamonds = "; diamonds: as learned" if changed else ""
    return View(
        evidence_fusion.class_bars(
            now,
            classes,
            truth=sample.true_class,
            before=base.probabilities if changed else None,
            follows=True,
        ),
        describe_edit_effect(classes[was], classes[best], sure, changed),
        caption=f"{evidence_fusion.describe_drawn_classes(classes, sample.true_class)} with these tables{diamonds}. "
        f"{describe_calibration(sample.study)}{cite_sample(sample)}",
        limits="other samples: see the test accuracy above.",
        table=pd.DataFrame(
            {"class": classes, "probability": now, "as_learned": base.probabilities}
        ),
        alternative=f"Softmax of the classes: {alt_text.list_numbers(classes, now)}.",
    )
