"""Faithfulness: see `qfusion/app/pages/faithfulness.py`."""

from qfusion.app import page_runs

page_runs.run_page(__file__)
