"""Guided tour: see `qfusion/app/pages/tour.py`."""

from qfusion.app import page_runs

page_runs.run_page(__file__)
