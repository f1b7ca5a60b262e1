"""Glossary: see `qfusion/ui/app/pages/glossary.py`."""

from qfusion.ui.app.pages import glossary

glossary.page()
