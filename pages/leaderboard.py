"""Leaderboard: see `qfusion/ui/app/pages/leaderboard.py`."""

from qfusion.ui.app.pages import leaderboard

leaderboard.page()
