"""Compare: see `qfusion/ui/pages/compare.py`."""

from qfusion.ui import page_runs

page_runs.run_page(__file__)
