"""Dynamics: see `qfusion/ui/app/pages/dynamics.py`."""

from qfusion.ui.pages import dynamics

dynamics.page()
