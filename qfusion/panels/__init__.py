"""Panels: figures with their words and tables, each a function of a sample and of what the reader chose, without
streamlit.

    from qfusion import panels
    from qfusion.analysis.sample import open_sample

    picture = panels.dynamics.decision_over_time(open_sample("qj-planted", "p2924"), above="entanglement", t=0.5)
    picture.figure.show()
    picture.table()

A module a page, or a subject that several pages show; each says in PANELS which panels it has, and with what options.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

_MODULES = [module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg]
_PARTS = [module.name for module in pkgutil.iter_modules([f"{__path__[0]}/parts"])]


def __getattr__(name: str) -> Any:
    """A module of panels, once it is asked for."""
    if name not in (*_MODULES, *_PARTS):
        raise AttributeError(
            f"qfusion.panels has no module {name!r}; it has {', '.join((*_MODULES, *_PARTS))}"
        )
    return importlib.import_module(f"qfusion.panels.{'parts.' if name in _PARTS else ''}{name}")
