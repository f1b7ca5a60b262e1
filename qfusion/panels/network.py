"""The fusion rules of an entangled-fusion network, noise and layers on the Circuit page: panels and choices."""

from qfusion.models.network import gate_angles
from qfusion.models.protocols import EditableCircuit, LayeredNetwork, TruthTables
from qfusion.models.tweak import MAX_TEXT
from qfusion.panels import panel, params
from qfusion.panels.circuit import PART
from qfusion.panels.device_noise import NOISE, can_be_noisy, noise_open
from qfusion.panels.views import drawn
from qfusion.views import device_noise, fusion_rules, network_layers

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
    values=lambda study: map(str, range(gate_angles.table_shape(study.model).stages)),
    meanings=params.whole_number("stage", 0, 1000),
    fits=_RULED,
)
OUTCOME = params.SelectParam(
    "outcome",
    "Outcome of the qubits",
    "The most probable outcome of this sample is shown.",
    "One digit per qubit, in the order above the heat map; 1 = yes.",
    lambda study: gate_angles.edited_patterns(gate_angles.table_shape(study.model)),
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
        drawn(fusion_rules.tables),
        {"element": ELEMENT, "stage": STAGE, "outcome": OUTCOME},
        fits=_RULED,
        opens=_RULES_OPEN,
    ),
    "probabilities": panel.Panel(
        drawn(fusion_rules.probabilities),
        fits=lambda sample: _RULED(sample) and bool(sample.study.classes),
        opens=_RULES_OPEN,
    ),
    "waterfall-edited": panel.Panel(
        drawn(fusion_rules.waterfall_edited), fits=_RULED, opens=_RULES_OPEN
    ),
    "noisy-scores": panel.Panel(
        drawn(device_noise.noisy_scores),
        NOISE,
        fits=lambda sample, **_: can_be_noisy(sample),
        opens=noise_open,
    ),
    "noisy-terms": panel.Panel(
        drawn(device_noise.noisy_terms),
        NOISE,
        fits=lambda sample, **_: can_be_noisy(sample),
        opens=noise_open,
    ),
    "decision-layers": panel.Panel(
        drawn(network_layers.decision_layers),
        {"terms": panel.TERMS, "layer": LAYER},
        fits=panel.needs(LayeredNetwork),
        opens=_ENTROPIES,
    ),
    "cuts": panel.Panel(
        drawn(network_layers.cuts), fits=panel.needs(LayeredNetwork), opens=_ENTROPIES
    ),
    "mutual": panel.Panel(
        drawn(network_layers.mutual), fits=panel.needs(LayeredNetwork), opens=_ENTROPIES
    ),
    "poolings": panel.Panel(
        drawn(network_layers.poolings), fits=panel.needs(LayeredNetwork), opens=_ENTROPIES
    ),
}
