"""Decision operators: see `qfusion/ui/pages/operators.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
