"""Ranges of the search for the smallest change of a parameter that flips a decision."""

from qfusion.models.terms import Search

RANGES = "couplings and dissipation × 0 to {factor:g}, T from 0 to {duration:g}"
ALL_ANGLES = "every angle of the truth tables, over the full circle"


def describe_ranges(search: Search) -> str:
    """Return the ranges of a search."""
    if search.largest_duration is None:
        return ALL_ANGLES
    return RANGES.format(factor=search.largest_factor, duration=search.largest_duration)
