"""Leaderboard: see `qfusion/ui/pages/leaderboard.py`."""

from qfusion.ui import frame

frame.run(__file__)
