"""Sweeps: see `qfusion/ui/app/pages/sweeps.py`."""

from qfusion.ui.pages import sweeps

sweeps.page()
