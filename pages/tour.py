"""Guided tour: see `qfusion/ui/app/pages/tour.py`."""

from qfusion.ui.pages import tour

tour.page()
