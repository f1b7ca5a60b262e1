"""Decision operators: see `qfusion/ui/app/pages/operators.py`."""

from qfusion.ui.pages import operators

operators.page()
