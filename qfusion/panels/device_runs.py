"""The contributions of a sample on a real device, by a snapshot of its calibration."""

from importlib.util import find_spec
from typing import Any

import pandas as pd

from qfusion._checks import check
from qfusion._sentences import count
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import Sample
from qfusion.analysis.tasks import Task
from qfusion.figures import decision_charts, result_tables, style
from qfusion.models.abilities import can
from qfusion.panels import alt_text, page_state, panel, params
from qfusion.panels.device_noise import SHOTS, can_be_noisy, noise_open
from qfusion.wording.samples import cite_sample, name_explained_class

NO_DEVICE = "none"
# Snapshots that the app offers; `qfusion.live.devices.device_names` lists all.
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
    qubits = sum(model.registers().values()) if can(model, "gates") else model.elements
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


def device_open(view: page_state.PageState) -> bool:
    """Return whether the reader looks at noise and has chosen a device."""
    return noise_open(view) and DEVICE.is_one_of(*DEVICES)(view)


@memo(16, task=Task.RUN_ON_DEVICE)
def _run(study: Any, sample: str, device: str, output: int, shots: int) -> Any:
    from qfusion.live import device_runs

    return device_runs.run_on_device(study, device, sample=sample, output=output, shots=shots)


def device_terms(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    device: str = DEVICES[0],
    shots: int = SHOTS,
) -> panel.PanelFigure:
    """Draw the contributions of a sample on a device, beside those of the exact circuit.

    Args:
        sample: of a circuit of a user's own, or of an entangled QCNN of few qubits.
        theme: of the figure.
        device: name of a snapshot.
        shots: runs of each circuit.
    """
    check(
        device in DEVICES,
        f"Argument `device` must be one of {', '.join(DEVICES)}, but is {device[:40]!r}.",
    )
    run = _run(sample.study, sample.id, device, sample.output, shots)
    table = run.contributions
    ideal, noisy = (
        dict(zip(table.index, table[side], strict=True)) for side in ("ideal", "device")
    )
    errors = dict(zip(table.index, (table["high"] - table["low"]) / (2 * 1.96), strict=True))
    before, after = (float(run.scores[side][sample.output]) for side in ("ideal", "device"))
    figure = decision_charts.term_bars(
        noisy, errors, ideal, sample.modalities, unit=sample.unit, theme=theme
    )

    def numbers() -> pd.DataFrame:
        return result_tables.terms_table(noisy).assign(
            ideal=list(ideal.values()), low=list(table["low"]), high=list(table["high"])
        )

    return panel.PanelFigure(
        "device-terms",
        f"On {device} the {sample.quantity}{name_explained_class(sample)} is {after:.2f}, ideally {before:.2f}",
        figure,
        shows=f"contributions on the device, with standard errors for {shots:,} shots; diamonds: ideal, against the "
        f"same rows. Contributions sum to the score on the device. Transpiled, the circuit has depth {run.depth} and "
        f"{count(run.two_qubit_gates, 'two-qubit gate')} on qubits {', '.join(map(str, run.physical))}."
        + cite_sample(sample),
        not_shown="errors of idle qubits, cross-talk, drift, and edits of angles.",
        alt=f"Contributions on {device}: {alt_text.list_terms(noisy)}.",
        table=numbers,
    )
