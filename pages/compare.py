"""Compare: see `qfusion/ui/app/pages/compare.py`."""

from qfusion.ui.pages import compare

compare.page()
