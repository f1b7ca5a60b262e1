"""Faithfulness: see `qfusion/ui/pages/faithfulness.py`."""

from qfusion.ui.pages import faithfulness

faithfulness.page()
