"""Sweeps: which settings are best, tried in many trainings that share what they find."""

from qfusion.ui import sweep_view
from qfusion.ui.shell import frame, guard

theme = frame("Sweeps", "Which settings work best on the validation rows, and which of them matter?", sweep_view.allowed)
with guard():
    sweep_view.page(theme)
