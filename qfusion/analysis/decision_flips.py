"""The smallest changes of a state or a parameter that change the decision on one sample."""

from dataclasses import dataclass
from typing import Any

from qfusion.analysis.memo import memo
from qfusion.analysis.modality_states import own_states
from qfusion.analysis.study import Study
from qfusion.data.coalition_terms import split_term
from qfusion.explain import counterfactual, interventions, parameter_changes
from qfusion.models.terms import ParameterChange, Search


@dataclass(frozen=True, eq=False)
class Flip:
    """What of one modality would turn the decision: the nearest state of all, and the nearest that a sample has."""

    state: counterfactual.StateChange
    donor: interventions.Donor
    donor_id: str


@memo(4, background=False, says="Working out the state of every sample …")
def every_state(study: Study) -> dict[str, Any]:
    """The modality states of all samples, (N, ...)."""
    return counterfactual.states_of(study.model, study.inputs())


@memo(64, background=False, says="Looking for the nearest state that turns the decision …")
def what_would_flip(study: Study, row: int) -> dict[str, Flip]:
    """For each modality the nearest state and the nearest other sample's that turn the decision on one sample."""
    model, everyone, own = study.space.fixed_model(), every_state(study), own_states(study, row)
    donors = {
        name: interventions.nearest_donor(model, own, name, everyone[name])
        for name in study.modalities
    }
    return {
        name: Flip(
            counterfactual.nearest_state(model, own, name, everyone[name]),
            donor,
            str(study.dataset.ids[donor.row]) if donor.row >= 0 else "",
        )
        for name, donor in donors.items()
    }


@memo(
    2,
    background=False,
    says="Following every knob over its range, once for this model, about ten seconds …",
)
def parameter_table(study: Study) -> Any:
    """What `flips.nearest_parameters` uses again for every sample."""
    return study.space.parameter_table()


@memo(32, background=False, says="Turning every knob for this sample …")
def parameters_that_flip(study: Study, row: int) -> Search:
    """For each parameter of physics or angle of the fusion the smallest turn that turns the decision on one sample."""
    return parameter_changes.nearest_parameters(
        study.model, own_states(study, row), parameter_table(study)
    )


def parameter_name(study: Any, change: ParameterChange) -> str:
    """A parameter as a reader says it, not escaped."""
    if change.kind in ("coupling", "dissipation"):
        return f"{'H' if change.kind == 'coupling' else 'dissipation'}: {'–'.join(split_term(change.name))}"
    if change.kind == "duration":
        return "duration T"
    element, stage, pattern = map(int, change.name.split("."))
    stages, patterns = study.model.phi.shape[1:]
    controls = (
        study.modalities
        if stages == 1
        else (study.modalities[:2] if stage == 0 else ("fused", study.modalities[stage + 1]))
    )
    digits = format(pattern, f"0{patterns.bit_length() - 1}b")
    yes = [name for name, bit in zip(controls, digits, strict=True) if bit == "1"]
    return f"angle φ of ‘{study.space.elements[element]}’ when yes from {' + '.join(yes) or 'none'}"
