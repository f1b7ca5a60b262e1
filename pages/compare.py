"""Compare: see `qfusion/ui/app/pages/compare.py`."""

from qfusion.ui.app.pages import compare

compare.page()
