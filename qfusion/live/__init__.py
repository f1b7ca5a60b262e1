"""Models that live in a user's own process: `qfusion.open` and `qfusion.show`."""

from typing import Any

__all__ = ["open", "show"]


def __getattr__(name: str) -> Any:
    """Return `open` or `show`, whose modules are loaded now."""
    if name == "open":
        from qfusion.live.opening import open_model

        return open_model
    if name == "show":
        from qfusion.live.showing import show

        return show
    raise AttributeError(f"module 'qfusion.live' has no attribute {name!r}")
