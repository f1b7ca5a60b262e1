"""Glossary: the words of the pages in plain sentences, with their formulas."""

from qfusion.ui import glossary_view
from qfusion.ui.shell import frame, guard

frame("Glossary", "What does this word mean, and what is its formula?", glossary_view.allowed)
with guard():
    glossary_view.page()
