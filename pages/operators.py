"""Decision operators: see `qfusion/ui/pages/operators.py`."""

from qfusion.ui import frame

frame.run(__file__)
