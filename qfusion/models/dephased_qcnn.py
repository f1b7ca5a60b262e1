"""Twin of the entangled QCNN whose fused qubits are dephased."""

from collections.abc import Mapping

from torch import Tensor

from qfusion.models import base
from qfusion.models.entangled_qcnn import EntangledQCNN


class DephasedQCNN(EntangledQCNN):
    """Entangled QCNN whose fused qubits are dephased before the convolutions: <X> = 0, one classical bit each.
    Settings and errors are those of `EntangledQCNN`.
    """

    kind = "qcnn-dephased"
    title = "Twin: QCNN, fused qubits dephased"
    abilities = frozenset()
    family = "evaluated"

    # By evaluation: the observables are those of undephased qubits.
    algebra = base.FusionModel.algebra  # type: ignore[assignment]

    def fuse(self, masses: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the fused qubits' vectors (1, 0, <Z>), (B, n, 3), and the mass after each stage."""
        vectors, fused = super().fuse(masses)
        return vectors * vectors.new_tensor([1.0, 0.0, 1.0]), fused
