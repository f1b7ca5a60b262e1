"""Glossary: see `qfusion/ui/pages/glossary.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
