"""Faithfulness: see `qfusion/ui/pages/faithfulness.py`."""

from qfusion.ui import frame

frame.run(__file__)
