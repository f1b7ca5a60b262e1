"""Cohorts: see `qfusion/ui/app/pages/cohorts.py`."""

from qfusion.ui.pages import cohorts

cohorts.page()
