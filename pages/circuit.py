"""Circuit: see `qfusion/ui/app/pages/circuit.py`."""

from qfusion.ui.pages import circuit

circuit.page()
