"""Sweeps: see `qfusion/ui/app/pages/sweeps.py`."""

from qfusion.ui.app.pages import sweeps

sweeps.page()
