"""Guided tour: its steps, and where it begins."""

from qfusion.ui import tour
from qfusion.ui.shell import FILES, frame, guard, link

frame("Guided tour", "What can I do here, in three minutes?")
with guard():
    tour.contents(link, FILES)
