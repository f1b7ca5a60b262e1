"""Models: the two systems, whose outputs are linear in each modality's state, their neighbours, and baselines. Training
is in `training`, explanations are in `explain`."""

from qfusion._lazy import modules

# checkers read it as True
TYPE_CHECKING = False
if TYPE_CHECKING:
    from qfusion.models.abilities import Ability
    from qfusion.models.backgrounds import Background
    from qfusion.models.base import FusionModel
    from qfusion.models.encoding.input_features import Features, InputSpec
    from qfusion.models.jump.ket_model import KetModel, StateModel
    from qfusion.models.jump.quantum_jump import QuantumJump
    from qfusion.models.jump.time_model import TimeModel
    from qfusion.models.network.entangled_qcnn import EntangledQCNN
    from qfusion.models.protocols import Evolution, GateCircuit, LayeredNetwork, TruthTables
    from qfusion.models.registry import BASELINES, FUSION, build, can, names, require
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

_CONTENTS = {
    "Ability": "qfusion.models.abilities",
    "BASELINES": "qfusion.models.registry",
    "Background": "qfusion.models.backgrounds",
    "EntangledQCNN": "qfusion.models.network.entangled_qcnn",
    "Evolution": "qfusion.models.protocols",
    "FUSION": "qfusion.models.registry",
    "Features": "qfusion.models.encoding.input_features",
    "FusionModel": "qfusion.models.base",
    "GateCircuit": "qfusion.models.protocols",
    "InputSpec": "qfusion.models.encoding.input_features",
    "KetModel": "qfusion.models.jump.ket_model",
    "LayeredNetwork": "qfusion.models.protocols",
    "QuantumJump": "qfusion.models.jump.quantum_jump",
    "StateModel": "qfusion.models.jump.ket_model",
    "TimeModel": "qfusion.models.jump.time_model",
    "TruthTables": "qfusion.models.protocols",
    "Tweak": "qfusion.models.tweak",
    "build": "qfusion.models.registry",
    "can": "qfusion.models.registry",
    "names": "qfusion.models.registry",
    "require": "qfusion.models.registry",
}

__getattr__ = modules(__name__, __path__, _CONTENTS)
