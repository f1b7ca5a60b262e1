"""Circuits and networks of Qiskit, OpenQASM, and the noise of IBM's devices: what `qfusion.open` and
`qfusion.open_circuit` do with them, and a panel of Circuit."""

from pathlib import Path

from qfusion.plugin import Plugin

_CIRCUIT = ("A circuit of Qiskit", "qiskit")
_OPENQASM = ("Reading OpenQASM 3", "qiskit")
_DEVICE = ("The noise of a device", "devices")

PLUGIN = Plugin(
    "qiskit",
    extras={
        "qiskit": _CIRCUIT,
        "qiskit_machine_learning": _CIRCUIT,
        "openqasm3": _OPENQASM,
        "qiskit_qasm3_import": _OPENQASM,
        "qiskit_aer": _DEVICE,
        "qiskit_ibm_runtime": _DEVICE,
    },
    panels={"circuit": "qfusion.plugins.qiskit.panels"},
    openers=("qfusion.plugins.qiskit.opener:QiskitOpener",),
    assets=Path(__file__).parent / "assets",
)
