"""A study's contributions and accuracy on a device, beside the ideal ones.

run = run_on_device(study, "FakeManilaV2", sample="sample-0003", shots=4000)
run.contributions       ideal and on the device, with the intervals of the shots
run.depth, run.two_qubit_gates
accuracy_on_device(study, "FakeManilaV2")
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check, require_whole
from qfusion.analysis.study import Study
from qfusion.errors import InvalidInput
from qfusion.live import devices, gate_templates
from qfusion.models import evaluation, games, live_model
from qfusion.models.circuit_change import UNCHANGED, CircuitChange

REPEATS = 20  # of the shots, by which their scatter is measured
LEVEL = 1.96  # standard errors of an interval
BACKGROUND = 100  # most rows of the background
TEST_ROWS = 200  # most test rows by which accuracy is measured
MAX_SHOTS = 1_000_000


@dataclass(frozen=True, eq=False)
class DeviceRun:
    """What becomes of one sample on a device.

    Attributes:
        device: that the circuit runs on. depth, two_qubit_gates: of the circuit in its gates.
        physical: qubits of the device that hold it.
        contributions: by coalition, the columns "ideal" and "device"; with shots also "low" and "high", between which
            the contribution on the device lies in 95 of 100 runs. The coalition "" is the baseline.
        scores: "ideal" and "device", (C,) each.
        output: number of the score that is explained.
    """

    device: devices.Device
    depth: int
    two_qubit_gates: int
    physical: tuple[int, ...]
    contributions: pd.DataFrame
    scores: Mapping[str, np.ndarray]
    output: int


def run_on_device(
    study: Study, device: str, *, sample: str = "", output: int | None = None, shots: int = 0
) -> DeviceRun:
    """Return the contributions of a sample on a device.

    They are those of the noisy scores, against the same rows of the background as the ideal ones, so that they add up
    to the noisy score exactly.

    Args:
        study: of a circuit of a user's own (`qfusion.open`), of at most 8 qubits.
        device: name of a snapshot, see `devices.device_names`.
        sample: id; that with which pages open unless given.
        output: number of the score; that of the predicted class unless given.
        shots: runs of each circuit, for the intervals; 0 for none.

    Raises:
        InvalidInput: when the model has no circuit or too many qubits, or `shots` is out of range.
        NotFound: when there is no such device or sample.
        MissingPackage: without the extra `devices`.
    """
    require_whole("shots", shots, 0, MAX_SHOTS)
    model = _circuit_model(study)
    change = _on_device(model, device)
    row = study.dataset.row(sample or study.opening_sample)
    compiled = compiled_circuit(study, device, row)
    states = model.encode(study.inputs(np.array([row])))
    background = study.background
    if background.size > BACKGROUND:
        background = background.subsample(BACKGROUND)
    coalitions = study.coalitions
    ideal = _values(model, states, background)
    noisy = _values(model.with_change(change), states, background)
    own = int(np.argmax(ideal[-1])) if len(ideal[-1]) > 1 else 0
    chosen = own if output is None else output
    M = len(study.modalities)
    table = pd.DataFrame(
        {
            "ideal": games.dividends(ideal[None], M)[0, :, chosen],
            "device": games.dividends(noisy[None], M)[0, :, chosen],
        },
        index=pd.Index(coalitions, name="coalition"),
    )
    if shots:
        runs = []
        for seed in range(REPEATS):
            sampled = model.with_change(dataclasses.replace(change, shots=shots, seed=seed))
            values = _values(sampled, states, background)
            runs.append(games.dividends(values[None], M)[0, :, chosen])
        scatter = np.std(runs, 0, ddof=1)
        table["low"] = table["device"] - LEVEL * scatter
        table["high"] = table["device"] + LEVEL * scatter
    return DeviceRun(
        compiled.device,
        compiled.depth,
        compiled.two_qubit_gates,
        compiled.physical,
        table,
        {"ideal": ideal[-1], "device": noisy[-1]},
        chosen,
    )


@dataclass(frozen=True)
class DeviceAccuracy:
    """Accuracy on a device.

    Attributes:
        rows: test rows that were scored.
        ideal, device: shares of right classes, or R2 of a regression.
        same: share of rows with the same decision, or NaN of a regression.
        low, high: of `device`, between which it lies in 95 of 100 runs of the shots; equal to it without shots.
    """

    rows: int
    ideal: float
    device: float
    same: float
    low: float
    high: float


def accuracy_on_device(
    study: Study, device: str, *, rows: Any = None, shots: int = 0
) -> DeviceAccuracy:
    """Return the accuracy of test rows on a device, beside the ideal one.

    Args:
        study, device, shots: see `run_on_device`.
        rows: numbers of the rows; the first test rows unless given, at most `TEST_ROWS`.

    Raises:
        InvalidInput, NotFound, MissingPackage: see `run_on_device`.
    """
    require_whole("shots", shots, 0, MAX_SHOTS)
    model = _circuit_model(study)
    chosen = study.dataset.rows("test")[:TEST_ROWS] if rows is None else np.asarray(rows)
    change = _on_device(model, device)
    states = model.encode(study.inputs(chosen))
    y = study.dataset.y[chosen]
    classifies = study.dataset.target.kind == "classification"

    def share(change: CircuitChange) -> tuple[float, np.ndarray]:
        with torch.no_grad():
            scores = model.with_change(change).scores(states).double().numpy()
        if classifies:
            decided = scores.argmax(1)
            return float((decided == y).mean()), decided
        residual = ((scores[:, 0] - y) ** 2).sum()
        return float(1 - residual / ((y - y.mean()) ** 2).sum()), scores[:, 0]

    ideal, decided = share(UNCHANGED)
    noisy, decided_noisy = share(change)
    low = high = noisy
    if shots:
        runs = [
            share(dataclasses.replace(change, shots=shots, seed=seed))[0] for seed in range(REPEATS)
        ]
        low, high = np.quantile(runs, [0.025, 0.975]).tolist()
    same = float((decided == decided_noisy).mean()) if classifies else float("nan")
    return DeviceAccuracy(len(chosen), ideal, noisy, same, low, high)


def compiled_circuit(study: Study, device: str, row: int = 0) -> devices.CompiledCircuit:
    """Return the circuit of one sample, compiled for a device.

    Raises:
        InvalidInput, NotFound, MissingPackage: see `run_on_device`.
    """
    model = _circuit_model(study)
    gates = model.gates(model.encode(study.inputs(np.array([row]))))
    key, _ = gate_templates.describe_gates(gates)
    return gate_templates.compile_template(key, sum(model.registers().values()), device)


def _circuit_model(study: Study) -> live_model.LiveCircuit:
    """Return the model whose scores are explained, without changes."""
    check(
        isinstance(study.model, live_model.LiveCircuit),
        f"Argument `study` must have a circuit of a user's own, opened by `qfusion.open`, but model '{study.name}' is "
        f"of kind {study.model.kind}.",
    )
    return cast("live_model.LiveCircuit", study.model)


def _on_device(model: live_model.LiveCircuit, device: str) -> CircuitChange:
    devices.load_device(device)
    qubits = sum(model.registers().values())
    if qubits > devices.MAX_QUBITS:
        raise InvalidInput(
            f"The circuit has {qubits} qubits; the noise of a device is simulated exactly for at most "
            f"{devices.MAX_QUBITS}."
        )
    return CircuitChange(device=device)


@torch.no_grad()
def _values(model: Any, states: Any, background: Any) -> np.ndarray:
    """Return the values of all coalitions of one sample, (2^M, C)."""
    values, _ = evaluation.evaluated_values(model, states, background)
    return values[0]
