"""Decision operators: see `qfusion/ui/app/pages/operators.py`."""

from qfusion.ui.app.pages import operators

operators.page()
