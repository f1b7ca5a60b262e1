"""Train: see `qfusion/ui/pages/train.py`."""

from qfusion.ui import page_runs

page_runs.run_page(__file__)
