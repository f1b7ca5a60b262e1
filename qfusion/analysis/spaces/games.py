"""Studies of measured games: all explanations are exact, and there are no features or states to compare samples by."""

from __future__ import annotations

from qfusion.analysis.spaces.base import BaseSpace


class GameSpace(BaseSpace):
    """Samples of a game."""
