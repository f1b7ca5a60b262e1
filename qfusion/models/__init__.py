"""Models: those that can be explored, with modality states and outputs linear in each of them, and baselines."""

from qfusion.models.abilities import can, require
from qfusion.models.encoders import InputSpec
from qfusion.models.entangled_qcnn import EntangledQCNN
from qfusion.models.explorable import Ability, FusionModel, KetModel, StateModel
from qfusion.models.quantum_jump import QuantumJump
from qfusion.models.registry import BASELINES, FUSION, build, names
from qfusion.models.tweak import Tweak

__all__ = [
    "BASELINES",
    "FUSION",
    "Ability",
    "EntangledQCNN",
    "FusionModel",
    "InputSpec",
    "KetModel",
    "QuantumJump",
    "StateModel",
    "Tweak",
    "build",
    "can",
    "names",
    "require",
]
