"""Data: see `qfusion/ui/pages/data.py`."""

from qfusion.ui.pages import data

data.page()
