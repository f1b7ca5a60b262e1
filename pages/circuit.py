"""Circuit: see `qfusion/ui/app/pages/circuit.py`."""

from qfusion.ui.app.pages import circuit

circuit.page()
