"""Samples: see `qfusion/ui/pages/samples.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
