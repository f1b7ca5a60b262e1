"""Decision operators: see `qfusion/ui/pages/operators.py`."""

from qfusion.ui import page_runs

page_runs.run_page(__file__)
