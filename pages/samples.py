"""Samples: see `qfusion/ui/app/pages/samples.py`."""

from qfusion.ui.pages import samples

samples.page()
