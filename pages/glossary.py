"""Glossary: see `qfusion/ui/app/pages/glossary.py`."""

from qfusion.ui.pages import glossary

glossary.page()
