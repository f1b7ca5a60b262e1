"""Dynamics: see `qfusion/ui/pages/dynamics.py`."""

from qfusion.ui import frame

frame.run(__file__)
