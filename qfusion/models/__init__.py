"""Fusion models; every one has modality states and outputs that are linear in each of them."""

from qfusion.models.encoders import InputSpec
from qfusion.models.entangled_qcnn import EntangledQCNN
from qfusion.models.quantum_jump import QuantumJump
from qfusion.models.registry import FusionModel, build, names
from qfusion.models.tweak import Tweak

__all__ = ["EntangledQCNN", "FusionModel", "InputSpec", "QuantumJump", "Tweak", "build", "names"]
