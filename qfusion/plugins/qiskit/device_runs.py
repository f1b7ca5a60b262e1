"""A study's contributions and accuracy on a device, beside the ideal ones.

run = run_on_device(study, "FakeManilaV2", sample="sample-0003", shots=4000)
run.contributions       ideal and on the device, with the intervals of the shots
run.depth, run.two_qubit_gates
accuracy_on_device(study, "FakeManilaV2")
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from scipy.special import stdtrit

from qfusion._checks import check, require_whole
from qfusion.models import EntangledQCNN, coalition_algebra, evaluation, live_model
from qfusion.models.protocols import EditableCircuit
from qfusion.models.tweak import CircuitChange
from qfusion.plugins.qiskit import devices, gate_templates
from qfusion.study import opening
from qfusion.study.study import Study

REPEATS = 20  # of the shots, by which their scatter is measured
LEVEL = 0.95  # of intervals of a run
BACKGROUND = 100  # most rows of the background
TEST_ROWS = 200  # most test rows by which accuracy is measured
MAX_SHOTS = 1_000_000
REACH = float(stdtrit(REPEATS - 1, 0.5 + LEVEL / 2)) * (1 + 1 / REPEATS) ** 0.5  # deviations


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
        study: of a circuit of a user's own (`qfusion.open`), or of an entangled QCNN, see `fusion_devices`; of at most
            8 qubits, or 8 fused ones.
        device: name of a snapshot, see `devices.device_names`.
        sample: id; that with which pages open unless given.
        output: number of the score; that of the predicted class unless given.
        shots: runs of each circuit, for the intervals; 0 for none.

    Raises:
        InvalidInput: when the model has no circuit or too many qubits, or a number is out of range.
        NotFound: when there is no such device or sample.
        MissingPackage: without the extra `devices`.
    """
    require_whole("shots", shots, 0, MAX_SHOTS)
    row = study.dataset.row(sample or study.opening_sample)
    setup = _set_up(study, device, row)
    inputs = study.inputs(np.array([row]))
    background = setup.background()
    ideal = _values(setup.ideal, inputs, background)
    noisy = _values(setup.noisy(0, 0), inputs, background)
    if output is None:
        output = int(np.argmax(ideal[-1]))
    require_whole("output", output, 0, ideal.shape[1] - 1)
    table = pd.DataFrame(
        {"ideal": _terms(ideal)[:, output], "device": _terms(noisy)[:, output]},
        index=pd.Index(study.coalitions, name="coalition"),
    )
    if shots:
        runs = [
            _terms(_values(setup.noisy(shots, seed), inputs, background))[:, output]
            for seed in range(REPEATS)
        ]
        scatter = np.std(runs, 0, ddof=1)
        table["low"] = table["device"] - REACH * scatter
        table["high"] = table["device"] + REACH * scatter
    return DeviceRun(
        setup.device,
        setup.depth,
        setup.two_qubit_gates,
        setup.physical,
        table,
        {"ideal": ideal[-1], "device": noisy[-1]},
        output,
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
    chosen = study.dataset.rows("test")[:TEST_ROWS] if rows is None else np.asarray(rows)
    setup = _set_up(study, device, int(chosen[0]))
    inputs = study.inputs(chosen)
    y = study.dataset.y[chosen]
    classifies = study.dataset.target.kind == "classification"

    def share(model: live_model.LiveModel) -> tuple[float, np.ndarray]:
        with torch.no_grad():
            scores = model.scores(model.encode(inputs)).double().numpy()
        if classifies:
            decided = scores.argmax(1)
            return float((decided == y).mean()), decided
        residual = ((scores[:, 0] - y) ** 2).sum()
        return float(1 - residual / ((y - y.mean()) ** 2).sum()), scores[:, 0]

    ideal, decided = share(setup.ideal)
    noisy, decided_noisy = share(setup.noisy(0, 0))
    low = high = noisy
    if shots:
        runs = [share(setup.noisy(shots, seed))[0] for seed in range(REPEATS)]
        mean, reach = float(np.mean(runs)), REACH * float(np.std(runs, ddof=1))
        low, high = mean - reach, mean + reach
        if classifies:
            low, high = max(0.0, low), min(1.0, high)
    same = float((decided == decided_noisy).mean()) if classifies else float("nan")
    return DeviceAccuracy(len(chosen), ideal, noisy, same, low, high)


@dataclass(frozen=True, eq=False)
class _Setup:
    """A model without noise, and with that of a device.

    Attributes:
        ideal: that is explained. noisy: returns it on the device, with shots (0 for exact) and their seed.
        background: returns the rows that both are explained against.
        Others: see `DeviceRun`.
    """

    ideal: live_model.LiveModel
    noisy: Callable[[int, int], live_model.LiveModel]
    background: Callable[[], Any]
    device: devices.Device
    depth: int
    two_qubit_gates: int
    physical: tuple[int, ...]


def _set_up(study: Study, device: str, row: int) -> _Setup:
    known = devices.load_device(device)
    if model := study.model.part(EditableCircuit):
        qubits = sum(model.registers().values())
        check(
            qubits <= devices.MAX_QUBITS,
            f"The circuit has {qubits} qubits; the noise of a device is simulated exactly for at most "
            f"{devices.MAX_QUBITS}.",
        )
        gates = model.gates(model.encode(study.inputs(np.array([row]))))
        key, _ = gate_templates.describe_gates(gates)
        compiled = gate_templates.compile_template(key, qubits, device)
        return _Setup(
            model,
            lambda shots, seed: model.with_change(
                CircuitChange(device=device, shots=shots, seed=seed)
            ),
            lambda: _few(study.background),
            known,
            compiled.depth,
            compiled.two_qubit_gates,
            compiled.physical,
        )
    check(
        isinstance(study.trained, EntangledQCNN),
        "Argument `study` must be of a circuit of a user's own, opened by `qfusion.open`, or of an entangled QCNN, but "
        f"model '{study.name}' is of kind {study.trained.kind}.",
    )
    return _set_up_fusion(study, known)


def _set_up_fusion(study: Study, device: devices.Device) -> _Setup:
    from qfusion.plugins.qiskit import fusion_devices

    own: EntangledQCNN = copy.deepcopy(study.trained).double().eval()
    exact = fusion_devices.FusionOnDevice(own, device.name)

    def explained(call: live_model.Call) -> live_model.LiveModel:
        holds = "scores" if study.dataset.target.kind == "classification" else "regression"
        model = live_model.LiveModel(study.dataset.input_specs, own.outputs, call, holds)
        return cast(
            "live_model.LiveModel",
            opening.explained_model(model.double().eval(), study.dataset),
        )

    ideal = explained(lambda features: own.scores(own.encode(features)).detach().double())

    def background() -> evaluation.SampleBackground:
        train = study.dataset.rows("train")
        chosen = np.sort(np.random.default_rng(0).permutation(train)[:BACKGROUND])
        states = ideal.encode(study.inputs(chosen))
        return evaluation.SampleBackground(
            kind="train", size=len(chosen), label="", total=len(train), states=states
        )

    return _Setup(
        ideal,
        lambda shots, seed: explained(exact.with_shots(shots, seed)),
        background,
        device,
        exact.depth,
        exact.two_qubit_gates,
        exact.physical,
    )


def _few(background: Any) -> Any:
    return background.subsample(BACKGROUND) if background.size > BACKGROUND else background


@torch.no_grad()
def _values(model: live_model.LiveModel, inputs: Mapping[str, Any], background: Any) -> np.ndarray:
    """Return the values of all coalitions of one sample, (2^M, C)."""
    values, _ = evaluation.evaluated_values(model, model.encode(inputs), background)
    return values[0]


def _terms(values: np.ndarray) -> np.ndarray:
    """Return the dividends (2^M, C) of the values of coalitions."""
    return coalition_algebra.dividends(values[None], len(values).bit_length() - 1)[0]
