"""Guided tour: see `qfusion/ui/pages/tour.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
