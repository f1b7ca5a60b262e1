"""What `qfusion.open` does with Hamiltonians of QuTiP and with Lindblad systems."""

from __future__ import annotations

from typing import Any

from qfusion._checks import check
from qfusion.adapters.gates import Opener
from qfusion.data import DataSet
from qfusion.models import FusionModel
from qfusion.study.study import Study


class SystemOpener(Opener):
    """Hamiltonians alone, and models of `lindblad_model`."""

    def open_model(self, model: Any, dataset: DataSet | None, name: str) -> Study | None:
        """Return a `qutip.Qobj` or a Lindblad system as a study, see `lindblad_systems`; None of any other model.

        Raises:
            InvalidInput: when a `qutip.Qobj` comes with data.
        """
        is_operator = type(model).__name__ == "Qobj"
        is_system = isinstance(model, FusionModel) and model.kind == "lindblad"
        if not is_operator and not is_system:
            return None
        from qfusion.plugins.systems import lindblad_systems

        if is_operator:
            check(
                dataset is None,
                "A Qobj alone takes no data. Build the model with `lindblad_model` of `qfusion.plugins.systems`.",
            )
            return lindblad_systems.open_system(model, name=name or "system")
        default = "system" if dataset is None else type(model).__name__
        return lindblad_systems.open_lindblad(model, dataset, name=name or default)
