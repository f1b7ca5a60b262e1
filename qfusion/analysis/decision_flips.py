"""The smallest changes of a state or a parameter that change the decision on one sample."""

from dataclasses import dataclass
from typing import Any

from qfusion._memory_cache import memo
from qfusion.analysis.modality_states import own_states
from qfusion.analysis.study import Study
from qfusion.analysis.tasks import Task
from qfusion.explain import counterfactual, sensitivity
from qfusion.models.terms import Search


@dataclass(frozen=True, eq=False)
class Flip:
    """States of one modality that would flip the decision: the nearest of all states, and the nearest that a sample
    has.
    """

    state: counterfactual.StateChange
    donor: counterfactual.Donor
    donor_id: str


@memo(4, background=False, task=Task.ENCODE_SAMPLES)
def every_state(study: Study) -> dict[str, Any]:
    """The modality states of all samples, (N, ...)."""
    return counterfactual.encode_samples(study.model, study.inputs())


@memo(64, background=False, task=Task.FIND_STATE_CHANGE)
def what_would_flip(study: Study, row: int) -> dict[str, Flip]:
    """For each modality the nearest state and the nearest other sample's that turn the decision on one sample."""
    model = study.space.fixed_model()
    everyone = every_state(study)
    own = own_states(study, row)
    donors = {
        name: counterfactual.nearest_donor(model, own, name, everyone[name])
        for name in study.modalities
    }
    flips = {}
    for name, donor in donors.items():
        nearest = counterfactual.nearest_state(model, own, name, everyone[name])
        donor_id = str(study.dataset.ids[donor.row]) if donor.row >= 0 else ""
        flips[name] = Flip(nearest, donor, donor_id)
    return flips


@memo(
    2,
    background=False,
    task=Task.TABULATE_PARAMETERS,
)
def parameter_table(study: Study) -> Any:
    """Return the table that `flips.nearest_parameters` reuses for every sample."""
    return study.space.parameter_table()


@memo(32, background=False, task=Task.FIND_PARAMETER_CHANGE)
def parameters_that_flip(study: Study, row: int) -> Search:
    """For each parameter of physics or angle of the fusion the smallest turn that turns the decision on one sample."""
    return sensitivity.nearest_parameters(
        study.model, own_states(study, row), parameter_table(study)
    )
