"""Sweeps: see `qfusion/ui/pages/sweeps.py`."""

from qfusion.ui.pages import sweeps

sweeps.page()
