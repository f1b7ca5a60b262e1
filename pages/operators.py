"""Decision operators: see `qfusion/app/pages/operators.py`."""

from qfusion.app import page_runs

page_runs.run_page(__file__)
