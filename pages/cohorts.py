"""Cohorts: see `qfusion/ui/pages/cohorts.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
