"""Dynamics: see `qfusion/ui/pages/dynamics.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
