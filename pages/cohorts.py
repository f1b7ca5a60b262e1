"""Cohorts: see `qfusion/ui/app/pages/cohorts.py`."""

from qfusion.ui.app.pages import cohorts

cohorts.page()
