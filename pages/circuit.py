"""Circuit: one step of the evolution as gates with the learned values."""

from qfusion.ui.shell import shell

here = shell("Circuit", "What does one step of the learned evolution do, as a quantum circuit?")
