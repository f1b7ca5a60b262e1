"""Cohorts: see `qfusion/ui/pages/cohorts.py`."""

from qfusion.ui import frame

frame.run(__file__)
