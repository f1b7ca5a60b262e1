"""Models: the two systems, whose outputs are linear in each modality's state, their neighbours, and baselines. Training
is in `training`, explanations are in `explain`."""

from qfusion._lazy import modules

# checkers read it as True
TYPE_CHECKING = False
if TYPE_CHECKING:
    from qfusion.models.base import FusionModel
    from qfusion.models.inputs import Background, Features, InputSpec
    from qfusion.models.jump.kets import KetModel
    from qfusion.models.jump.quantum_jump import QuantumJump
    from qfusion.models.jump.time_model import TimeModel
    from qfusion.models.network.entangled_qcnn import EntangledQCNN
    from qfusion.models.protocols import (
        Circuit,
        EditableCircuit,
        Evolution,
        GateCircuit,
        KetStates,
        LayeredNetwork,
        MassStates,
        Physics,
        StateModel,
        TruthTables,
    )
    from qfusion.models.registry import BASELINES, FUSION, build, names
    from qfusion.models.tweak import Tweak


__all__ = [
    "BASELINES",
    "FUSION",
    "Background",
    "Circuit",
    "EditableCircuit",
    "EntangledQCNN",
    "Evolution",
    "Features",
    "FusionModel",
    "GateCircuit",
    "InputSpec",
    "KetModel",
    "KetStates",
    "LayeredNetwork",
    "MassStates",
    "Physics",
    "QuantumJump",
    "StateModel",
    "TimeModel",
    "TruthTables",
    "Tweak",
    "build",
    "names",
]

_CONTENTS = {
    "BASELINES": "qfusion.models.registry",
    "Background": "qfusion.models.inputs",
    "Circuit": "qfusion.models.protocols",
    "EditableCircuit": "qfusion.models.protocols",
    "EntangledQCNN": "qfusion.models.network.entangled_qcnn",
    "Evolution": "qfusion.models.protocols",
    "FUSION": "qfusion.models.registry",
    "Features": "qfusion.models.inputs",
    "FusionModel": "qfusion.models.base",
    "GateCircuit": "qfusion.models.protocols",
    "InputSpec": "qfusion.models.inputs",
    "KetModel": "qfusion.models.jump.kets",
    "KetStates": "qfusion.models.protocols",
    "LayeredNetwork": "qfusion.models.protocols",
    "MassStates": "qfusion.models.protocols",
    "Physics": "qfusion.models.protocols",
    "QuantumJump": "qfusion.models.jump.quantum_jump",
    "StateModel": "qfusion.models.protocols",
    "TimeModel": "qfusion.models.jump.time_model",
    "TruthTables": "qfusion.models.protocols",
    "Tweak": "qfusion.models.tweak",
    "build": "qfusion.models.registry",
    "names": "qfusion.models.registry",
}

__getattr__ = modules(__name__, __path__, _CONTENTS)
