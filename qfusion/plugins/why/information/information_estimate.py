"""Estimate of the information of the modalities of a data set about its target, cached."""

from collections.abc import Hashable

from qfusion._memory_cache import memo
from qfusion.data import DataSet
from qfusion.plugins.why.information import information


def estimate_key(dataset: DataSet) -> Hashable:
    """Return the key of the job that estimates the information of a data set, see `jobs.begin_job`."""
    return "needs", dataset.digest


@memo(8, task="Training small models on each modality (once) …")
def estimate_information(dataset: DataSet) -> information.Estimate:
    """Estimate how much the modalities of a data set tell about its target, and how much joint models are worth; see
    `information.estimate`.
    """
    return information.estimate(dataset)
