"""Disturbances of the inputs, in a few words."""

from qfusion.explain.disturbances import Disturbance

MISSING = "without {name}"
MEAN = "{name} at its training mean"
SWAPPED = "{name} of another sample"
NOISE = "noise of {level:g} standard deviations on {name}"
UNDISTURBED = "as recorded"


def describe_disturbance(disturbance: Disturbance) -> str:
    """Return a description of a disturbance: `"without audio, noise of 0.5 standard deviations on text"`."""
    parts = [
        *(MISSING.format(name=name) for name in disturbance.missing),
        *(MEAN.format(name=name) for name in disturbance.mean),
        *(SWAPPED.format(name=name) for name in disturbance.swapped),
        *(NOISE.format(name=name, level=level) for name, level in disturbance.noise.items()),
    ]
    return ", ".join(parts) or UNDISTURBED
