"""Decision operators: see `qfusion/ui/pages/operators.py`."""

from qfusion.ui.pages import operators

operators.page()
