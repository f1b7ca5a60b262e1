"""What if: see `qfusion/app/pages/what_if.py`."""

from qfusion.app import page_runs

page_runs.run_page(__file__)
