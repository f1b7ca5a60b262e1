"""Samples: see `qfusion/ui/app/pages/samples.py`."""

from qfusion.ui.app.pages import samples

samples.page()
