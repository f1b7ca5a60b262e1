"""Guided tour: see `qfusion/ui/pages/tour.py`."""

from qfusion.ui import frame

frame.run(__file__)
