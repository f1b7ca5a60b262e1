"""Train: see `qfusion/ui/app/pages/train.py`."""

from qfusion.ui.app.pages import train

train.page()
