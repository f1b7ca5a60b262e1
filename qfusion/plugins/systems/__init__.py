"""Lindblad systems that are given: a Hamiltonian, jump operators and observables from elsewhere, without training.

    from qfusion.plugins.systems.lindblad_model import lindblad_model
    from qfusion.plugins.systems.lindblad_systems import open_lindblad, open_system, store_study

They are also what `qfusion.open` does with a `qutip.Qobj`, and the way *QuTiP* of Train.
"""

from pathlib import Path

from qfusion.plugin import Plugin, Tab

_HERE = "qfusion.plugins.systems"

PLUGIN = Plugin(
    "systems",
    given={"lindblad": f"{_HERE}.lindblad_model:LindbladModel"},
    openers=(f"{_HERE}.opener:SystemOpener",),
    tabs=(Tab("train", "QuTiP", f"{_HERE}.tab:draw_tab"),),
    assets=Path(__file__).parent / "assets",
)
