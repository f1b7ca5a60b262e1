"""Sweeps: see `qfusion/ui/pages/sweeps.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
