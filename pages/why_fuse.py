"""Why fuse: see `qfusion/ui/pages/why_fuse.py`."""

from qfusion.ui import page_runs

page_runs.run_page(__file__)
