"""The fusion rules of an entangled-fusion network as truth tables, and the decision by edited ones."""

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import size
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.explain import fusion_reading
from qfusion.figures import decision_charts, evidence_fusion, result_tables, style
from qfusion.models.network import table_edits
from qfusion.models.protocols import EditableCircuit, LayeredNetwork, TruthTables
from qfusion.models.tweak import MAX_TEXT
from qfusion.panels import panel, params
from qfusion.panels.circuit import PART
from qfusion.panels.device_noise import NOISE, can_be_noisy, noise_open, scores, terms
from qfusion.panels.network_layers import cuts, decision_over_layers, mutual_information, poolings
from qfusion.views import alt_text
from qfusion.wording import answers
from qfusion.wording.backgrounds import describe_baseline
from qfusion.wording.samples import cite_sample, describe_calibration, describe_softmax

SAME = 1e-9  # angles that differ less are the same


def likeliest_pattern(reading: fusion_reading.Reading, element: int) -> str:
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


def fusion_tables(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    element: str = "",
    stage: int = 0,
    outcome: str = "",
) -> panel.PanelFigure:
    """Draw the fusion's truth tables as a heat map.

    Args:
        sample: a sample of a model with fusion rules.
        theme: of the figure.
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
    title = describe_likeness(
        f"‘{name}’" if reading.elements_are_classes else name, *reading.rules[row]
    )
    figure = evidence_fusion.fusion_tables(
        reading.tables[:, stage],
        reading.weights[:, stage],
        reading.patterns,
        reading.elements,
        angles=phi.numpy(),
        controls=reading.controls[stage],
        chosen=(row, column),
        edited=((phi - learned).abs() > SAME).numpy(),
        theme=theme,
    )
    alt = (
        f"Truth tables of {len(reading.elements)} elements over {len(reading.patterns)} patterns. Marked: element "
        f"{reading.elements[row]}, pattern {reading.patterns[column]}, mass {mass:.2f}. Pickers below choose another."
    )

    def table() -> pd.DataFrame:
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

    return panel.PanelFigure(
        "tables",
        title,
        figure,
        shows="for each element (row) the mass of the fused qubit if the modality qubits read the pattern "
        "above. A corner marks edited cells. Distance: root mean square "
        "over the table, 0 to 1. The same for every sample.",
        not_shown="the probability of a pattern for this sample.",
        usage="Click a cell to edit it, or point at it for the probability of its pattern.",
        alt=alt,
        table=table,
    )


def waterfall(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the decision with the edited tables, term by term."""
    now = sample.dividends
    base = sample.untweaked.dividends
    figure = decision_charts.waterfall(
        now,
        sample.modalities,
        truth=sample.target,
        unit=sample.unit,
        quantity=sample.quantity,
        theme=theme,
    )
    shows = (
        f"the exact sum baseline + single modalities + joint terms (hatched) = {sample.quantity}, with these "
        "tables." + cite_sample(sample) + " " + describe_baseline(sample.study.background)
    )

    def table() -> pd.DataFrame:
        return result_tables.terms_table(now).assign(as_learned=list(base.values()))

    return panel.PanelFigure(
        "waterfall-edited",
        answers.title_decision(sample.verdict, sample),
        figure,
        shows=shows,
        not_shown="the learned tables: reset all cells.",
        alt=f"Waterfall of the decision with these tables: {alt_text.list_terms(now)}.",
        table=table,
    )


def describe_edit_effect(was: str, now: str, sure: str, changed: bool) -> str:
    """Describe whether an edit of the tables turns the decision between classes; `sure` says how sure it is by now."""
    if was != now:
        return f"The edit flips the decision from ‘{text.escape_markdown(was)}’ to ‘{text.escape_markdown(now)}’"
    return f"Decision {'stays' if changed else 'is'} ‘{text.escape_markdown(now)}’ ({sure})"


def probabilities(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the softmax of the classes with the edited tables; of models that choose among classes."""
    classes = sample.study.classes
    check(
        bool(classes),
        f"Model '{sample.study.name}' predicts a number, not classes. See the waterfall.",
    )
    now = sample
    base = sample.untweaked
    best = int(now.scores.argmax())
    was = int(base.scores.argmax())
    changed = bool(sample.tweak)
    title = describe_edit_effect(
        classes[was], classes[best], describe_softmax(float(now.probabilities[best])), changed
    )
    figure = evidence_fusion.class_bars(
        now.probabilities,
        classes,
        truth=sample.true_class,
        before=base.probabilities if changed else None,
        follows=True,
        theme=theme,
    )
    shows = (
        f"{evidence_fusion.describe_drawn_classes(classes, sample.true_class)} with these tables"
    )
    if changed:
        shows += "; diamonds: as learned. "
    else:
        shows += ". "
    shows += f"{describe_calibration(sample.study)}{cite_sample(sample)}"

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"class": classes, "probability": now.probabilities, "as_learned": base.probabilities}
        )

    return panel.PanelFigure(
        "probabilities",
        title,
        figure,
        shows=shows,
        not_shown="other samples: see the test accuracy above.",
        alt=f"Softmax of the classes: {alt_text.list_numbers(classes, now.probabilities)}.",
        table=table,
    )


_RULED = panel.needs(TruthTables)
_RULES_OPEN = PART.is_one_of("Fusion rules")
EDITS = params.TextParam(
    "phi",
    "Edits as text",
    help="`element.outcome=angle` or `element:rule`, separated by commas; it is part of the link.",
    most=MAX_TEXT,
    fits=lambda study: (
        study.model.part(TruthTables) is not None or study.model.part(EditableCircuit) is not None
    ),
    style={"placeholder": "such as 0.11=3.14, 2:and or all:or"},
)
ELEMENT = params.SelectParam(
    "element",
    "Element",
    "The first is shown.",
    values=lambda study: study.space.elements,
    fits=_RULED,
)
STAGE = params.SelectParam(
    "stage",
    "Stage of the chain",
    "The first is shown.",
    values=lambda study: map(str, range(table_edits.table_shape(study.model).stages)),
    meanings=params.whole_number("stage", 0, 1000),
    fits=_RULED,
)
OUTCOME = params.SelectParam(
    "outcome",
    "Outcome of the qubits",
    "The most probable outcome of this sample is shown.",
    "One digit per qubit, in the order above the heat map; 1 = yes.",
    lambda study: table_edits.edited_patterns(table_edits.table_shape(study.model)),
    fits=_RULED,
)
SCOPE = params.SelectParam(
    "scope",
    "Set to a rule",
    "A rule is set for this element.",
    values=("this element", "all elements"),
    look="segments",
    fits=_RULED,
)


LAYER = params.SelectParam(
    "layer",
    "Place in the network",
    "The end of the network is marked.",
    "Position that is marked in the figure; its values are below it.",
    lambda study: [name for name, _ in study.model.network.moments()],
    look="steps",
    fits=panel.needs(LayeredNetwork),
)


CONTROLS = (EDITS, ELEMENT, STAGE, OUTCOME, SCOPE, *NOISE.values(), LAYER)
_ENTROPIES = PART.is_one_of("Entropies")
PANELS = {
    "tables": panel.Panel(
        fusion_tables,
        {"element": ELEMENT, "stage": STAGE, "outcome": OUTCOME},
        fits=_RULED,
        opens=_RULES_OPEN,
    ),
    "probabilities": panel.Panel(
        probabilities,
        fits=lambda sample: _RULED(sample) and bool(sample.study.classes),
        opens=_RULES_OPEN,
    ),
    "waterfall-edited": panel.Panel(waterfall, fits=_RULED, opens=_RULES_OPEN),
    "noisy-scores": panel.Panel(
        scores, NOISE, fits=lambda sample, **_: can_be_noisy(sample), opens=noise_open
    ),
    "noisy-terms": panel.Panel(
        terms, NOISE, fits=lambda sample, **_: can_be_noisy(sample), opens=noise_open
    ),
    "decision-layers": panel.Panel(
        decision_over_layers,
        {"terms": panel.TERMS, "layer": LAYER},
        fits=panel.needs(LayeredNetwork),
        opens=_ENTROPIES,
    ),
    "cuts": panel.Panel(cuts, fits=panel.needs(LayeredNetwork), opens=_ENTROPIES),
    "mutual": panel.Panel(mutual_information, fits=panel.needs(LayeredNetwork), opens=_ENTROPIES),
    "poolings": panel.Panel(poolings, fits=panel.needs(LayeredNetwork), opens=_ENTROPIES),
}
