"""Faithfulness: see `qfusion/ui/app/pages/faithfulness.py`."""

from qfusion.ui.pages import faithfulness

faithfulness.page()
