"""Samples: see `qfusion/ui/pages/samples.py`."""

from qfusion.ui import frame

frame.run(__file__)
