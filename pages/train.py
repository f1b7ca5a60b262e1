"""Train: see `qfusion/ui/app/pages/train.py`."""

from qfusion.ui.pages import train

train.page()
