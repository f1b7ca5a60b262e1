"""Cohorts: see `qfusion/ui/pages/cohorts.py`."""

from qfusion.ui.pages import cohorts

cohorts.page()
