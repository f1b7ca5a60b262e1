"""The way to bring a model by its Hamiltonian and jump operators, on Train."""

from qfusion.app.forms import runs
from qfusion.views.words import training

QUTIP = training.Way(
    "QuTiP",
    "Any Hamiltonian and jump operators; with a function from features to modality states, or alone.",
    """import qfusion
from qfusion.plugins.systems.lindblad_model import lindblad_model

model = lindblad_model(H, [L1, L2], encode, {"score": Z}, T=2.0)
qfusion.show(model, data)
qfusion.show(H)  # basis states as samples""",
)


def draw_tab() -> None:
    """Draw the way."""
    runs.draw_way(QUTIP)
