"""The contributions of a sample on a real device, by a snapshot of its calibration."""

from importlib.util import find_spec
from typing import Any

import pandas as pd

from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion._sentences import count
from qfusion.figures import decision_charts
from qfusion.models.protocols import GateCircuit
from qfusion.study.sample import Sample
from qfusion.views.changes import NOISE, SHOTS, can_be_noisy
from qfusion.views.pages import panel, params
from qfusion.views.pages.circuit import noise_open
from qfusion.views.view import View, terms_table
from qfusion.views.words import rules
from qfusion.views.words.rules import cite_sample, name_explained_class

NO_DEVICE = "none"
# Snapshots that the app offers; `qfusion.plugins.qiskit.devices.device_names` lists all.
DEVICES = (
    "FakeManilaV2",
    "FakeLagosV2",
    "FakeGuadalupeV2",
    "FakeSherbrooke",
    "FakeTorino",
)
MAX_QUBITS = 8  # whose density matrix is evolved


def can_run_on_device(of: Any) -> bool:
    """Return whether the model of a study or sample has a circuit that a device can be simulated for, and the extra
    `devices` is installed.
    """
    model = getattr(of, "study", of).model
    if not can_be_noisy(of) or not all(map(find_spec, ("qiskit_aer", "qiskit_ibm_runtime"))):
        return False
    qubits = sum(model.registers().values()) if model.part(GateCircuit) else model.elements
    return bool(qubits <= MAX_QUBITS)


DEVICE = params.SelectParam(
    "noise.device",
    "Device",
    "No device is simulated.",
    "The circuit is transpiled for a snapshot of this device's calibration, and its density matrix evolves under the "
    "errors of gates and read-outs. It takes some ten seconds.",
    (NO_DEVICE, *DEVICES),
    fits=can_run_on_device,
)


@memo(16, task="Simulating the device (some ten seconds) …")
def _run(study: Any, sample: str, device: str, output: int, shots: int) -> Any:
    from qfusion.plugins.qiskit import device_runs

    return device_runs.run_on_device(study, device, sample=sample, output=output, shots=shots)


def device_terms(sample: Sample, *, device: str = NO_DEVICE, shots: int = SHOTS) -> View:
    """Draw the contributions of a sample on a device, beside those of the exact circuit.

    Args:
        sample: of a circuit of a user's own, or of an entangled QCNN of few qubits.
        device: name of a snapshot; "none" for the exact circuit alone.
        shots: runs of each circuit.
    """
    check(
        device in (NO_DEVICE, *DEVICES),
        f"Argument `device` must be one of {', '.join((NO_DEVICE, *DEVICES))}, but is {device[:40]!r}.",
    )
    if device == NO_DEVICE:
        return _exact_terms(sample)
    from qfusion.plugins.qiskit import device_runs

    run = _run(sample.study, sample.id, device, sample.output, shots)
    table = run.contributions
    ideal, noisy = (
        dict(zip(table.index, table[side], strict=True)) for side in ("ideal", "device")
    )
    errors = dict(
        zip(table.index, (table["high"] - table["low"]) / (2 * device_runs.REACH), strict=True)
    )
    before, after = (float(run.scores[side][sample.output]) for side in ("ideal", "device"))
    figure = decision_charts.term_bars(noisy, errors, ideal, sample.modalities, unit=sample.unit)

    def numbers() -> pd.DataFrame:
        return terms_table(noisy).assign(
            ideal=list(ideal.values()), low=list(table["low"]), high=list(table["high"])
        )

    return View(
        name="device-terms",
        title=f"On {device} the {sample.quantity}{name_explained_class(sample)} is {after:.2f}, ideally {before:.2f}",
        figure=figure,
        caption=f"contributions on the device, with standard errors for {shots:,} shots; diamonds: ideal, against the "
        f"same rows. Contributions sum to the score on the device. Transpiled, the circuit has depth {run.depth} and "
        f"{count(run.two_qubit_gates, 'two-qubit gate')} on qubits {', '.join(map(str, run.physical))}."
        + cite_sample(sample),
        limits="Errors of idle qubits, cross-talk, drift and edited angles are not simulated.",
        alternative=f"Contributions on {device}: {rules.list_terms(noisy)}.",
        table=numbers,
    )


def _exact_terms(sample: Sample) -> View:
    terms = sample.dividends
    figure = decision_charts.waterfall(
        terms, sample.modalities, unit=sample.unit, quantity=sample.quantity
    )
    return View(
        name="device-terms",
        title=f"Without a device the {sample.quantity}{name_explained_class(sample)} is {sample.score:.2f}",
        figure=figure,
        caption="contributions of the exact circuit." + cite_sample(sample),
        limits="Without noise: choose a device.",
        alternative=f"Contributions of the exact circuit: {rules.list_terms(terms)}.",
        table=lambda: terms_table(terms),
    )


PANELS = {
    "device-terms": panel.Panel(
        device_terms,
        {"device": DEVICE, "shots": NOISE["shots"]},
        fits=lambda sample, **_: can_run_on_device(sample),
        opens=noise_open,
        below=True,
    ),
}
