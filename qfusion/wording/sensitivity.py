"""Slopes of targets, as notes."""

from qfusion.explain.sensitivity import Sensitivity

UNDEFINED_SLOPES = (
    "Some slopes are undefined: the state is pure there, where entropy has an infinite slope and "
    "negativity a kink."
)


def describe_undefined_slopes(sensitivity: Sensitivity) -> str:
    """Return why some slopes are undefined; empty where all are defined."""
    return UNDEFINED_SLOPES if sensitivity.has_undefined_slopes else ""
