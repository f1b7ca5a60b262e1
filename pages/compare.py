"""Compare: see `qfusion/ui/pages/compare.py`."""

from qfusion.ui import frame

frame.run(__file__)
