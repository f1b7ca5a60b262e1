"""Dynamics: see `qfusion/ui/pages/dynamics.py`."""

from qfusion.ui.pages import dynamics

dynamics.page()
