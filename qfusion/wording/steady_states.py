"""Texts about the long-time limit of the dynamics."""

from qfusion.simulate.steady_state import Attractor

NO_DISSIPATION = (
    "Nothing dissipates: the evolution is unitary, never settles, and has no unique steady state."
)
SEVERAL = (
    "Some deviations never decay: there are several steady states, and the one shown is one of them. The limit of a "
    "sample depends on its initial state."
)
UNIQUE = (
    "Every initial state ends in one steady state. In the long run deviations decay at rate {gap:.3g}, the spectral "
    "gap."
)


def describe_attractor(attractor: Attractor) -> str:
    """Return a sentence on the steady state and on how fast it is reached."""
    if attractor.steady is None:
        return NO_DISSIPATION
    if not attractor.unique:
        return SEVERAL
    return UNIQUE.format(gap=attractor.gap)
