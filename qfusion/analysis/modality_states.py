"""The modality states of samples, and a study's model with its observables fixed."""

from typing import Any

from qfusion.analysis.study import Study
from qfusion.explain import counterfactual


def own_states(study: Study, row: int) -> dict[str, Any]:
    """The modality states of one sample, (1, ...)."""
    return counterfactual.encode_samples(study.model, study.inputs([row]))
