"""Dynamics: see `qfusion/app/pages/dynamics.py`."""

from qfusion.app import page_runs

page_runs.run_page(__file__)
