"""Data: see `qfusion/ui/pages/data.py`."""

from qfusion.ui import frame

frame.run(__file__)
