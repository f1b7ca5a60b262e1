"""Models: the two systems, whose outputs are linear in each modality's state, their neighbours, and baselines. Training
is in `training`, explanations are in `explain`."""

from qfusion._lazy import modules
from qfusion.models.abilities import Ability
from qfusion.models.backgrounds import Background
from qfusion.models.base import FusionModel
from qfusion.models.entangled_qcnn import EntangledQCNN
from qfusion.models.input_features import Features, InputSpec
from qfusion.models.ket_model import KetModel, StateModel
from qfusion.models.protocols import Evolution, GateCircuit, LayeredNetwork, TruthTables
from qfusion.models.quantum_jump import QuantumJump
from qfusion.models.registry import BASELINES, FUSION, build, can, names, require
from qfusion.models.time_model import TimeModel
from qfusion.models.tweak import Tweak

__all__ = [
    "BASELINES",
    "FUSION",
    "Ability",
    "Background",
    "EntangledQCNN",
    "Evolution",
    "Features",
    "FusionModel",
    "GateCircuit",
    "InputSpec",
    "KetModel",
    "LayeredNetwork",
    "QuantumJump",
    "StateModel",
    "TimeModel",
    "TruthTables",
    "Tweak",
    "build",
    "can",
    "names",
    "require",
]

__getattr__ = modules(__name__, __path__)
