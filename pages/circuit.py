"""Circuit: one step of the evolution as gates with the learned values."""

from qfusion.ui import cache, circuit_view
from qfusion.ui.shell import guard, shell

here = shell("Circuit", "What does one step of the learned evolution do, as a quantum circuit?", circuit_view.allowed)

with guard():
    dt, split = circuit_view.controls(here)
    built = cache.circuit(here.work, here.row, dt, split)
    circuit_view.diagram(here, built)
    circuit_view.gate_table(built)
    circuit_view.error(here, built, split)
