"""Twins of the quantum models, and removal of a resource from a trained model.

A twin has the same encoders, state spaces and read-outs as the full model and is trained in the same way, without one
resource. The loss of a twin against the full model, over training seeds, is the worth of the resource. The loss of a
trained model from which `cut_resource` removes the resource without another training answers another question, and is
shown beside it.

    resource            twin                                  lacks
    coherence           `JumpTwin` lacks="coherence"          superpositions of product basis states, at every step: a
                                                              Markov chain on the D basis states is left
    entanglement        `JumpTwin` lacks="entanglement"       correlation that a measurement of every modality, in a
                                                              learned basis, destroys: classical correlation passes
    correlation         `MeanFieldJump`                       all correlation, at all times
    learned dynamics    `JumpTwin` lacks="learning"           H and L_k stay as they were drawn; encoders and read-out
                                                              learn to use them (a reservoir)
    dissipation         `QuantumJump` evolution="unitary"     the L_k
    fused coherence     `DephasedQCNN`                        <X> of the fused qubits
    entangling gates    `EntangledQCNN` block="local"         entangling convolutions; pooling is steered by outcomes
                                                              and entangles nothing
    fused entanglement  `CoherentQCNN` lacks="entanglement"   against "nothing": the modality qubits are read, too, by Z
                                                              alone, for which the fusion's entanglement makes no
                                                              difference, against Z and X, for which it does

A bilinear head with as many parameters is the linear model in states, with a rank. That quantum models often need none
of these was observed in single modalities by Bowles, Ahmed and Schuld (2024, "Better than classical?", arXiv
2403.07059).
"""

import copy
from typing import Any

import torch

from qfusion._checks import check, choose
from qfusion.models import base
from qfusion.models.ablations.jump_twin import JumpTwin
from qfusion.models.ablations.mean_field_jump import MeanFieldJump
from qfusion.models.ablations.qcnn_variants import CoherentQCNN, DephasedQCNN
from qfusion.models.ablations.twin_settings import COHERENCE, ENTANGLEMENT
from qfusion.models.jump.quantum_jump import QuantumJump
from qfusion.models.network.entangled_qcnn import EntangledQCNN

CUTS: dict[str, dict[str, tuple[type[base.FusionModel], dict[str, Any]]]] = {
    QuantumJump.kind: {
        "coherence": (JumpTwin, {"lacks": COHERENCE}),
        "entanglement": (JumpTwin, {"lacks": ENTANGLEMENT}),
        "correlation": (MeanFieldJump, {}),
        "dissipation": (QuantumJump, {}),
    },
    EntangledQCNN.kind: {"fused coherence": (DephasedQCNN, {})},
    CoherentQCNN.kind: {"fused entanglement": (CoherentQCNN, {"lacks": ENTANGLEMENT})},
}


def drop_jumps(evolution: str) -> str:
    """Return the kind of an evolution without jump operators. If the original has no learned H, the result has none
    either.
    """
    return {"jump": "unitary", "dissipative": "none"}.get(evolution, evolution)


@torch.no_grad()
def cut_resource(model: Any, resource: str, **settings: Any) -> Any:
    """Return a copy of a trained model without a resource. The copy has the same weights and is not trained again.

    A basis that a twin would learn is the product basis.

    Args:
        model: a QiNN-QJ, an entangled QCNN or its coherent variant.
        resource: a resource that `CUTS` lists for the kind of the model.
        settings: settings of the twin, such as `steps`.

    Raises:
        InvalidInput: if nothing can be cut from models of this kind.
        NotFound: if the resource is unknown.
    """
    kind = getattr(model, "kind", type(model).__name__)
    cuts = CUTS.get(kind, {})
    check(
        bool(cuts),
        f"Argument `model` is of kind {kind}, from which no resource can be cut. Choose a model of kind "
        f"{', '.join(CUTS)}.",
    )
    twin_class, changes = cuts[choose("Resource", resource, cuts)]
    if resource == "dissipation":
        changes = {"evolution": drop_jumps(model.settings["evolution"])}
    allowed = twin_class.settings_type.model_fields
    common = {key: value for key, value in model.settings.items() if key in allowed}
    twin_settings = {**common, **changes, **settings}
    with torch.random.fork_rng():
        twin: Any = twin_class(model.input_specs, model.outputs, **twin_settings)
    state = copy.deepcopy(model.state_dict())
    if "tilts" in state:
        state["tilts"] = twin.tilts.to(state["tilts"])
    twin.to(model.bias.dtype).load_state_dict(state, strict=False)
    twin.duration = getattr(model, "duration", 0.0)
    return twin.eval().requires_grad_(False)
