"""Guided tour: see `qfusion/ui/app/pages/tour.py`."""

from qfusion.ui.app.pages import tour

tour.page()
