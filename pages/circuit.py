"""Circuit: see `qfusion/ui/pages/circuit.py`."""

from qfusion.ui.pages import circuit

circuit.page()
