"""What the page "Why fuse?" works out, kept once it is."""

from __future__ import annotations

from qfusion.analysis.memo import memo
from qfusion.data import DataSet
from qfusion.explain import information

# Does the data need fusion?


@memo(8, says="Asking small models what each modality tells, once …")
def needs(dataset: DataSet) -> information.Estimate:
    """What modalities of a data set tell of its target, and what joint models are worth; see `information.estimate`."""
    return information.estimate(dataset)


def needs_key(dataset: DataSet) -> tuple[str, str]:
    """What tells this job from others."""
    return "needs", dataset.digest


def fits_needed(dataset: DataSet) -> int:
    """How many fits `needs` takes, about."""
    return information.fits(dataset)
