"""The modality states of samples, and a study's model with its observables fixed."""

from typing import Any

import torch

from qfusion.analysis.memo import memo
from qfusion.analysis.study import Study, with_observables
from qfusion.explain import counterfactual


@memo(4, background=False)
@torch.no_grad()
def fixed(study: Study) -> Any:
    """The study's model, sharing its weights, that does not evolve its observables again."""
    model = study.model
    return with_observables(model, model.observables()) if study.can("kets") else model


def own_states(study: Study, row: int) -> dict[str, Any]:
    """The modality states of one sample, (1, ...)."""
    return counterfactual.states_of(study.model, study.inputs([row]))
