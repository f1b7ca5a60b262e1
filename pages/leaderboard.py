"""Leaderboard: see `qfusion/ui/app/pages/leaderboard.py`."""

from qfusion.ui.pages import leaderboard

leaderboard.page()
