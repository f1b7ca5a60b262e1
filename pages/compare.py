"""Compare: see `qfusion/ui/pages/compare.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
