"""Dynamics: see `qfusion/ui/app/pages/dynamics.py`."""

from qfusion.ui.app.pages import dynamics

dynamics.page()
