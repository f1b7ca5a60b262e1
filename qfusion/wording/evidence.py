"""The evidence of the entangled QCNN and its gate groups, in sentences."""

# The modality qubits only control and are then left out, so a classical mixture over their outcomes gives the same
# fused qubits. It holds while the score is read from the fused qubits alone.
INERT = (
    "The entanglement made by the fusion does not affect the decision: measuring the modality qubits changes "
    "nothing."
)
