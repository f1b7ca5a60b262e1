"""Leaderboard: see `qfusion/ui/pages/leaderboard.py`."""

from qfusion.ui.pages import leaderboard

leaderboard.page()
