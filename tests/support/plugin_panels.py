"""Panels that plugins add, which tests of the core leave out."""

from __future__ import annotations

import inspect
from functools import partial

from qfusion import plugin
from qfusion.views.pages.panel import Panel


def is_of_plugin(panel: Panel) -> bool:
    """Whether a plugin adds the panel, or the view that it shows."""
    build = inspect.unwrap(panel.build)  # of one that is remembered
    build = build.keywords["view"] if isinstance(build, partial) else build
    return build.__module__.startswith(plugin.GROUP)
