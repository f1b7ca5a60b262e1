"""A note on undefined slopes of targets."""

from qfusion.explain.sensitivity import Sensitivity

UNDEFINED_SLOPES = (
    "Some slopes are undefined, because the state is pure: entropy has an infinite slope there, and negativity is not "
    "differentiable."
)


def describe_undefined_slopes(sensitivity: Sensitivity) -> str:
    """Return why some slopes are undefined; empty where all are defined."""
    return UNDEFINED_SLOPES if sensitivity.has_undefined_slopes else ""
