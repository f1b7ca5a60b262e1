"""Samples: see `qfusion/ui/pages/samples.py`."""

from qfusion.ui.pages import samples

samples.page()
