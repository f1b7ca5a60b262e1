"""Train: see `qfusion/ui/pages/train.py`."""

from qfusion.ui.pages import train

train.page()
