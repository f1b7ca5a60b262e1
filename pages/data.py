"""Data: see `qfusion/ui/app/pages/data.py`."""

from qfusion.ui.pages import data

data.page()
