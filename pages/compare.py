"""Compare: see `qfusion/ui/pages/compare.py`."""

from qfusion.ui.pages import compare

compare.page()
