"""Guided tour: see `qfusion/ui/pages/tour.py`."""

from qfusion.ui import page_runs

page_runs.run_page(__file__)
