"""Data: see `qfusion/ui/pages/data.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
