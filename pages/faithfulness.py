"""Faithfulness: see `qfusion/ui/pages/faithfulness.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
