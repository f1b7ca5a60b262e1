"""What if: see `qfusion/ui/pages/what_if.py`."""

from qfusion.ui.pages import what_if

what_if.page()
