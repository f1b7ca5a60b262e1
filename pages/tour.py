"""Guided tour: see `qfusion/ui/pages/tour.py`."""

from qfusion.ui.pages import tour

tour.page()
