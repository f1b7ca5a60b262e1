"""Panels that plugins add, which tests of the core leave out."""

from __future__ import annotations

from functools import partial

from qfusion import plugin
from qfusion.views.pages.panel import Panel


def is_of_plugin(panel: Panel) -> bool:
    """Whether a plugin adds the panel, or the view that it shows."""
    build = panel.build.keywords["view"] if isinstance(panel.build, partial) else panel.build
    return build.__module__.startswith(plugin.GROUP)
