"""Faithfulness: see `qfusion/ui/app/pages/faithfulness.py`."""

from qfusion.ui.app.pages import faithfulness

faithfulness.page()
