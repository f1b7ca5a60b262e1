"""Leaderboard: see `qfusion/ui/pages/leaderboard.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
