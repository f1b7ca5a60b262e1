"""What if: see `qfusion/ui/pages/what_if.py`."""

from qfusion.ui import page_runs

page_runs.run_page(__file__)
