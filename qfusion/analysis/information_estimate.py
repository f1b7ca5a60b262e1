"""Estimate of the information of the modalities of a data set about its target, cached."""

from qfusion.analysis.memo import memo
from qfusion.analysis.tasks import Task
from qfusion.data import DataSet
from qfusion.explain import information


@memo(8, task=Task.ESTIMATE_INFORMATION)
def estimate_information(dataset: DataSet) -> information.Estimate:
    """Estimate how much the modalities of a data set tell about its target, and how much joint models are worth; see
    `information.estimate`.
    """
    return information.estimate(dataset)
