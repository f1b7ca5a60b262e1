"""Train: see `qfusion/ui/pages/train.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
