"""Models that live in a user's own process: `qfusion.open` and `qfusion.show`; circuits as studies."""

from importlib import import_module
from typing import Any

_PLACES = {
    "open": ("opening", "open_model"),
    "open_circuit": ("circuit_walks", "open_circuit"),
    "show": ("showing", "show"),
}

__all__ = ["open", "open_circuit", "show"]


def __getattr__(name: str) -> Any:
    """Return a function, whose module is loaded now."""
    if name not in _PLACES:
        raise AttributeError(f"module 'qfusion.adapters' has no attribute {name!r}")
    module, function = _PLACES[name]
    return getattr(import_module(f"qfusion.adapters.{module}"), function)
