"""Circuits of fusion networks."""

from __future__ import annotations

from qfusion.models import EntangledQCNN
from qfusion.simulate.fusion_circuit import FusionCircuit, fusion_circuit
from tests.support.entangled import angles_of


def circuit_of(model: EntangledQCNN) -> FusionCircuit:
    return fusion_circuit(model, angles_of(model))
