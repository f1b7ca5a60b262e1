"""Open a model of a user's own, as it stands in Python, with its data: the study that pages, figures and reports use.

study = qfusion.open(model, data, wires={"text": [0, 1], "audio": [2, 3]})
study.sample("sample-0001").dividends
qfusion.show(study)
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from qfusion._checks import check, choose
from qfusion.analysis import lindblad_systems, opening
from qfusion.analysis.study import Study
from qfusion.analysis.study_building import build_study
from qfusion.data import DataSet, in_memory
from qfusion.errors import InvalidInput
from qfusion.live import calls, circuits, parallel_calls
from qfusion.models import FusionModel, input_features, lindblad_model, live_model, nested
from qfusion.training import checkpoint, program_checks

ROWS = 10  # by which a model is tried
REPEATS = 8  # of a model whose scores scatter
MAX_SECONDS = 1800.0  # for the scores of all samples
PATIENCE = 10.0  # seconds beyond which the time is said
TOLERANCE = 1e-9  # by which scores may differ from call to call, relative to their size
HOLDS = ("scores", "probabilities", "log-probabilities")


def open_model(
    model: Any,
    data: Any = None,
    *,
    wires: Mapping[str, Sequence[Any]] | None = None,
    name: str = "",
    target: str = "",
    modalities: Any = None,
    classes: Sequence[str] | None = None,
    output: str = "",
    call: str = "",
    circuit: int = 0,
) -> Study:
    """Return a model with its data as a study, without a server and without files.

    Args:
        model: a function from modalities to scores, a `torch.nn.Module`, an estimator or pipeline of scikit-learn, a
            model of qfusion, or the name of one. A module is copied, in evaluation mode and double precision. Also a
            Lindblad system of `qfusion.lindblad_model`, or a Hamiltonian alone as a `qutip.Qobj`.
        data: see `qfusion.data.in_memory.data_set_of`; the data set of its card for a name. A Lindblad system without
            data is opened on its basis states.
        wires: labels of the qubits of each modality; guessed from the encoding unless given.
        name: that the study goes by; that of the model's class unless given.
        target, modalities, classes: of the data, see `data_set_of`.
        output: of a classifier, what the model returns: "scores" (logits), "probabilities" or "log-probabilities";
            found from some rows unless given.
        call: how it is called, see `qfusion.live.calls`; found unless given.
        circuit: number of the circuit that is shown, from 0, where several run for a sample.

    Returns:
        The study; `study.sample(id)` has the contributions, the verdict, and of a circuit the states and entropies.

    Raises:
        InvalidInput: when the model fails on some rows, its scores are not finite, depend on the other rows of a batch
            or do not fit the target, or an argument does not fit; the message says what to do.
        NotFound: when a name is unknown.
    """
    if isinstance(model, (str, checkpoint.Checkpoint)):
        return opening.open_study(model, data)
    if type(model).__name__ == "Qobj":
        check(
            data is None,
            "A Qobj alone takes no data. Build the model with `qfusion.lindblad_model`.",
        )
        return lindblad_systems.open_system(model, name=name or "system")
    if isinstance(model, lindblad_model.LindbladModel) and data is None:
        return lindblad_systems.open_lindblad(model, name=name or "system")
    check(
        data is not None,
        "Argument `data` must hold the samples that the model takes, such as {'text': ..., 'audio': ..., 'y': ...}.",
    )
    dataset = in_memory.data_set_of(data, target=target, modalities=modalities, classes=classes)
    title = name or default_name(model)
    if isinstance(model, lindblad_model.LindbladModel):
        return lindblad_systems.open_lindblad(model, dataset, name=title)
    if isinstance(model, FusionModel):
        made = checkpoint.make_checkpoint(model, dataset, name=title)
        return build_study(title, made.card, made.model, dataset).precompute()
    opened = _open_call(model, dataset, wires, output, call, circuit)
    card = _card(opened, dataset, title)
    return build_study(title, card, opened, dataset).precompute()


def default_name(model: Any) -> str:
    """Return the name of a model of a user's own where none is given: that of its function or class."""
    name = getattr(model, "__name__", "") or type(model).__name__
    return "model" if name in ("<lambda>", "function", "method") else str(name)


def _open_call(
    model: Any,
    dataset: DataSet,
    wires: Mapping[str, Sequence[Any]] | None,
    output: str,
    style: str,
    chosen: int,
) -> live_model.LiveModel:
    """Return a user's model as a model of qfusion, after trying it on some rows."""
    rows = program_checks.sample_rows(dataset)
    names = dataset.names
    called = calls.call_model(model, names, rows, style)
    began = time.perf_counter()
    columns = called(rows)
    seconds = (time.perf_counter() - began) / len(columns)
    _check_duration(seconds, dataset)
    again = called(rows)
    scatter = _largest_difference(columns, again)
    size = TOLERANCE * (
        1 + float(columns[columns.isfinite()].abs().max()) if columns.isfinite().any() else 1
    )
    if called.dtype is torch.float32:
        size *= 1e5
    repeats = REPEATS if scatter > size else 1
    if repeats == 1:
        _check_independent(
            called, rows, columns, max(size, 1e-6 if called.dtype is torch.float32 else size)
        )
    classifies = dataset.target.kind == "classification"
    holds = "regression"
    if classifies:
        holds = (
            choose("Argument `output`", output, HOLDS)
            if output
            else program_checks.looks_like(columns, columns.shape[1] == 1)
        )
        if called.style == "predict" and not output:
            raise InvalidInput(
                "The scikit-learn model only predicts classes, without probabilities. Train one with "
                "`predict_proba` or `decision_function`, such as `SVC(probability=True)`."
            )
    outputs = dataset.target.classes if classifies else ("score",)
    live_model.columns_to_scores(columns, holds, len(outputs))
    shared = (
        parallel_calls.parallel_call(called, seconds, rows, columns)
        if repeats == 1 and not hasattr(model, "circuit_source")  # which is evaluated in batches
        else called
    )
    means = _feature_means(dataset)
    settings: dict[str, Any] = {"means": means, "seconds": seconds, "repeats": repeats}
    source, why = circuits.find_circuit(model, called, rows, names, wires, chosen)
    if source is None:
        opened = live_model.LiveModel(dataset.input_specs, outputs, shared, holds, **settings)
    else:
        quick, settings["seconds"] = circuits.quicken(source, shared, rows, columns, seconds)
        opened = live_model.LiveCircuit(
            dataset.input_specs, outputs, quick, holds, source, **settings
        )
    opened.notes = _notes(opened, called, why, scatter)
    return opened.double().eval()


def _check_duration(seconds: float, dataset: DataSet) -> None:
    """Say how long the scores of all samples take; refuse what would take too long.

    Args:
        seconds: that a row takes.
    """
    expected = seconds * len(dataset)
    check(
        expected <= MAX_SECONDS,
        f"The model takes {seconds:.2g} seconds for a row, so that the scores of {len(dataset):,} samples would take "
        f"{expected / 60:,.0f} minutes. Give fewer samples: at most {int(MAX_SECONDS / seconds):,}.",
    )
    if expected > PATIENCE:
        print(
            f"qfusion: the scores of {len(dataset):,} samples take up to {expected:,.0f} seconds.",
            file=sys.stderr,
        )


def _largest_difference(first: torch.Tensor, second: torch.Tensor) -> float:
    both = first.isfinite() & second.isfinite()
    return float((first - second)[both].abs().max()) if bool(both.any()) else 0.0


def _check_independent(
    called: calls.ModelCall, rows: Mapping[str, Any], together: torch.Tensor, size: float
) -> None:
    """Check that rows get the same scores alone, in threes and all together."""
    for step in (1, 3):
        parts = []
        for start in range(0, len(together), step):
            some = nested.nested_part(dict(rows), slice(start, start + step))
            parts.append(called(some))
        check(
            all(part.shape[1] == together.shape[1] for part in parts),
            f"The model returns {together.shape[1]} numbers a row for {len(together)} rows, but "
            f"{parts[0].shape[1]} for {step}. Its output must have one shape for any number of rows.",
        )
        apart = _largest_difference(torch.cat(parts), together)
        check(
            apart <= size,
            f"The scores of a row depend on the other rows of a batch, by up to {apart:.2g}, as with batch "
            "normalisation in training mode. Call `model.eval()`, or score rows one by one; circuits with shots need a "
            "simulator without a fixed seed.",
        )


def _feature_means(dataset: DataSet) -> dict[str, list[float]]:
    return {
        name: input_features.real_steps(*input_features.values_and_mask(features))
        .mean(0)
        .float()
        .tolist()
        for name, features in dataset.inputs(dataset.rows("train"), torch.float64).items()
    }


def _notes(
    opened: live_model.LiveModel, called: calls.ModelCall, why: str, scatter: float
) -> tuple[str, ...]:
    """Return sentences on how the model was opened, for its card."""
    notes = [f"Called {_STYLES.get(called.style, 'by `' + called.style + '`')}."]
    if opened.repeats > 1:
        notes.append(
            f"Scores change from call to call, by up to {scatter:.2g} for the same input, as with shots: means of "
            f"{opened.repeats} calls are shown, with standard errors."
        )
    if isinstance(opened, live_model.LiveCircuit):
        facts = opened.source.facts
        notes.append(
            f"Its {facts.library} circuit is shown on the Circuit page: "
            + ", ".join(f"{name} {count}" for name, count in opened.registers().items())
            + " qubits"
            + (
                " (guessed from the encoding; give `wires` to correct it)."
                if facts.guessed
                else "."
            )
        )
        notes += facts.remarks
    else:
        notes.append(f"No circuit is shown: {why}.")
    return tuple(notes)


_STYLES = {
    "names": "with each modality by name",
    "order": "with the modalities in their order",
    "joined": "with the features of all modalities side by side",
    "dict": "with a dictionary of modalities",
}


def _card(opened: Any, dataset: DataSet, name: str) -> dict[str, Any]:
    """Return the card of a live model, with its metrics on the data."""
    card = checkpoint.make_checkpoint(
        opened, dataset, name=name, title=f"{name} on {dataset.title}", notes=" ".join(opened.notes)
    ).card
    angles = opened.source.facts.angles if isinstance(opened, live_model.LiveCircuit) else 0
    total = _count_parameters(opened)
    card["parameters"] = {"total": total or angles, "encoders": 0, "fusion": total or angles}
    # an object in memory has no digest: results are kept for this opening alone
    card["weights_sha256"] = secrets.token_hex(32)
    return card


def _count_parameters(opened: live_model.LiveModel) -> int:
    model = getattr(opened.call, "model", None)
    if isinstance(model, torch.nn.Module):
        return sum(parameter.numel() for parameter in model.parameters())
    return 0
