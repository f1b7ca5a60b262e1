"""Kinds of models that have files of their own in place of weights, and the endings of these files.

Lists of models need them without the models.
"""

from qfusion import plugin

LIVE = "live"
LIVE_CIRCUIT = "live-circuit"
LIVE_ENDING = ".live"


def file_formats() -> dict[str, plugin.Format]:
    """Return the formats from which models are read, by the kind of these models: those of plugins."""
    return {one.name: one for one in plugin.entries("formats") if one.read}


def file_endings() -> tuple[str, ...]:
    """Return the endings of files that hold a model in place of weights."""
    return tuple(ending for one in file_formats().values() for ending in one.endings)
