"""Data: see `qfusion/ui/app/pages/data.py`."""

from qfusion.ui.app.pages import data

data.page()
