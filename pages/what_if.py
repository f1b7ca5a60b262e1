"""What if: see `qfusion/ui/pages/what_if.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
