"""What if: see `qfusion/ui/pages/what_if.py`."""

from qfusion.ui import frame

frame.run(__file__)
