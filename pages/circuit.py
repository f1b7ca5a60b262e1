"""Circuit: see `qfusion/ui/pages/circuit.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
