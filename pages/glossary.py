"""Glossary: see `qfusion/ui/pages/glossary.py`."""

from qfusion.ui.pages import glossary

glossary.page()
