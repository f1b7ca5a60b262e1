"""Lindblad systems that were not trained here, on a data set or alone on their basis states.

open_lindblad(model, data)      a model of `lindblad_model`, on the kets of the samples of a data set
open_lindblad(model)            alone: every basis state is a sample
open_system(H, L, T=2.0)        the same of a Hamiltonian and jump operators
store_study(study)              model and kets in the reader's folders, for the dashboard"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.data.coalition_terms import coalition_names
from qfusion.data.in_memory import data_set_of
from qfusion.data.modality_spec import Modality
from qfusion.data.sample_content import Content, Text
from qfusion.data.store.writing import store_set
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput
from qfusion.plugins.systems.lindblad_model import LindbladModel, Preparation, lindblad_model
from qfusion.study.opening import build_study
from qfusion.study.study import Study
from qfusion.training import checkpoint, checkpoint_cards

MIXED = (
    "A mixed state has no ket: purify it, with the environment as a further subsystem, or give samples of the kets "
    "that it is a mixture of."
)
ALONE = (
    "Product states of a system of {sizes}: all basis states (test), their Fourier transforms (train, which are the "
    "background: their mean is the maximally mixed state) and these with quadratic phases (valid). No truth is known: "
    "the target is the value of the model itself."
)


def open_lindblad(
    model: LindbladModel,
    data: Any = None,
    *,
    name: str = "lindblad",
    title: str = "",
    output: str = "",
) -> Study:
    """Return the study of a Lindblad system on a data set, or alone on its product basis states.

    The function `encode` of the model runs on all samples now: the study holds their kets, and nothing else is needed
    to store it.

    Args:
        model: of `lindblad_model`; it stays as it is.
        data: samples, see `qfusion.data.in_memory.data_set_of`; None for the basis states.
        name: that the model goes by. title: what a person calls it.
        output: the observable of a regression to read, where `read` has several.

    Raises:
        InvalidInput: when the model does not fit the data, or `encode` returns no kets; the message names the sample.
        NotFound: when there is no such output.
    """
    check(
        isinstance(model, LindbladModel),
        f"Argument `model` must be a Lindblad system, but is a {type(model).__name__}. Make one with "
        "`lindblad_model(H, L, ...)` of `qfusion.plugins.systems`.",
    )
    data = None if data is None else data_set_of(data)
    classes = () if data is None else data.target.classes
    check(
        not classes or len(model.outputs) == len(classes),
        f"`read` of the model has {len(model.outputs)} observables, but the data set has {len(classes)} classes. Give "
        "one observable for each class, in their order; their values are the logits of a softmax.",
    )
    if not classes and (output or len(model.outputs) > 1):
        choices = ", ".join(model.outputs)
        check(
            bool(output),
            f"A regression reads one observable, but `read` has {len(model.outputs)}: {choices[:200]}. Choose one with "
            "`output`.",
        )
        model = model.with_output(output)
    dataset = lindblad_study_data(model, data, name="" if data is not None else f"{name}-states")
    result = checkpoint.make_checkpoint(
        model,
        dataset,
        name=name,
        title=title or (f"{model.title} on {dataset.title}" if data is not None else model.title),
    )
    return build_study(name, result.card, result.model, dataset)


def open_system(
    H: Any,
    L: Sequence[Any] = (),
    *,
    T: float = 1.0,
    read: Any = None,
    dims: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    name: str = "system",
    title: str = "",
    output: str = "",
) -> Study:
    """Return the study of a Hamiltonian and jump operators alone: its samples are the product basis states; see
    `lindblad_model` for the arguments and the read-out by default, and `open_lindblad` for `name`, `title`, `output`.

    Raises:
        InvalidInput: see `lindblad_model`.
    """
    model = lindblad_model(H, L, read=read, T=T, dims=dims, names=names)
    return open_lindblad(model, name=name, title=title, output=output)


def lindblad_study_data(
    model: LindbladModel, data: DataSet | None = None, *, name: str = ""
) -> DataSet:
    """Return the data set whose features are the kets of samples, in double precision.

    Args:
        model: whose `encode` makes the kets. Without one, the features must be amplitudes already.
        data: samples; None for the product basis states of the system.
        name: of the new set.

    Raises:
        InvalidInput: see `open_lindblad`.
    """
    if data is None:
        return _states_alone(model, name or "states")
    check(
        data.own is None,
        "Argument `data` must not hold samples of a visitor. Open the set without them.",
    )
    if model.preparation is None:
        return _as_amplitudes(model, data)
    parts: dict[str, list[np.ndarray]] = {one: [] for one in model.modalities}
    for rows in data.blocks(data.rows()):
        ids = data.ids[rows].tolist()
        kets = _prepare(model.preparation, model, _features(data, rows), ids)
        for one, values in kets.items():
            parts[one].append(values)
    return as_ket_set(data, {one: np.concatenate(values) for one, values in parts.items()}, name)


def store_study(study: Study, *, replace: bool = False) -> tuple[Path, Path]:
    """Store the model of a study among the reader's models, and its data set among the imported ones, so that the
    dashboard and the command line open them by name. Return the paths of the card and of the data set's folder.

    Args:
        study: of `open_lindblad`.
        replace: whether to replace a model and a data set of these names.

    Raises:
        InvalidInput: when a name is in use or malformed.
        DataUnavailable: when the disk refuses.
    """
    folder = checkpoint_cards.folders()[-1]
    folder.mkdir(parents=True, exist_ok=True)
    place = store_set(study.dataset, replace=replace)
    card = checkpoint.save(folder / study.name, study.trained, study.card, new=not replace)
    return card, place


def _states_alone(model: LindbladModel, name: str) -> DataSet:
    """Return the product states of a system, whose targets are the model's own values."""
    states = product_states(model.dims, model.modalities)
    kets = {one: torch.from_numpy(values) for one, values in states.kets.items()}
    with torch.no_grad():
        y = model.double().scores(kets)[:, 0].numpy()
    sizes = " × ".join(map(str, model.dims))
    target = Target("regression", model.outputs[0], convention="plain", known=False)
    return product_state_set(
        states,
        y,
        target,
        name=name,
        title=f"Product states of {sizes} levels",
        description=ALONE.format(sizes=f"{sizes} levels"),
    )


def _as_amplitudes(model: LindbladModel, data: DataSet) -> DataSet:
    """Return a data set whose features are amplitudes, checked and normalised in double precision."""
    specs = data.input_specs
    for one, d in zip(model.modalities, model.dims, strict=True):
        check(
            one in specs and specs[one]["size"] == 2 * d and not specs[one]["sequence"],
            f"The model has no `encode`, so modality `{one}` must hold {2 * d} numbers, the real and imaginary parts "
            f"of its ket, but the data set has {_sizes(data)}. Give `encode`, a function from features to kets.",
        )
    if all(m.double for m in data.modalities) and data.names == model.modalities:
        return data  # made by this function
    kets = {}
    for one in model.modalities:
        real, imaginary = np.split(data.features(one, data.rows())[0].astype(float), 2, axis=1)
        kets[one] = real + 1j * imaginary
    return as_ket_set(data, kets)


def _sizes(data: DataSet) -> str:
    return ", ".join(f"{m.name} of {m.size}" for m in data.modalities)[:200]


def _features(data: DataSet, rows: np.ndarray) -> dict[str, Any]:
    """Return features (B, F), or (values (B, T, F), mask (B, T)) of sequences, as NumPy arrays in double precision."""
    features: dict[str, Any] = {}
    for one in data.names:
        values, lengths = data.features(one, rows)
        values = values.astype(np.float64)
        if lengths is None:
            features[one] = values
        else:
            features[one] = values, np.arange(values.shape[1]) < lengths[:, None]
    return features


def _prepare(
    preparation: Preparation, model: LindbladModel, features: dict[str, Any], ids: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return the kets (B, d_m) of features, as `encode` makes them, checked for their form."""
    if not preparation.by_row:
        return _checked_kets(preparation.encode(features), model, len(ids), f"rows {ids[0]}, ...")
    made: dict[str, list[np.ndarray]] = {one: [] for one in model.modalities}
    for row, sample in enumerate(ids):
        one_row = {
            key: tuple(part[row] for part in value) if isinstance(value, tuple) else value[row]
            for key, value in features.items()
        }
        result = preparation.encode(one_row)
        _check_names(result, model)
        alone = {one: [ket] for one, ket in result.items()}
        for one, ket in _checked_kets(alone, model, 1, f"sample '{sample}'").items():
            made[one].append(ket)
    return {one: np.concatenate(kets) for one, kets in made.items()}


def _check_names(result: Any, model: LindbladModel) -> None:
    """Raise InvalidInput unless `encode` returned something for every subsystem."""
    check(
        isinstance(result, Mapping) and set(result) == set(model.modalities),
        f"`encode` must return kets by subsystem, {list(model.modalities)}, but returns "
        f"{list(result) if isinstance(result, Mapping) else type(result).__name__}. Name the subsystems with `names` "
        "of `lindblad_model`, in the order of the tensor product.",
    )


def _checked_kets(
    result: Any, model: LindbladModel, count: int, where: str
) -> dict[str, np.ndarray]:
    """Return what `encode` returned for so many samples as complex arrays (count, d_m), in the order of the model."""
    _check_names(result, model)
    kets = {}
    for one, d in zip(model.modalities, model.dims, strict=True):
        array = _amplitudes(result[one], one)
        check(
            array.shape[-2:] != (d, d) or array.ndim != 3,
            f"`encode` must return kets of `{one}`, but returns density matrices {array.shape}. {MIXED}",
        )
        check(
            array.shape == (count, d),
            f"`encode` must return kets of `{one}` of shape ({count}, {d}), but returns shape {array.shape} for "
            f"{where}. Return one ket per sample, or set `by_row` where it takes one sample at a time.",
        )
        kets[one] = array
    return kets


def _amplitudes(value: Any, name: str) -> np.ndarray:
    """Return kets from QuTiP, torch or NumPy as an array."""
    if isinstance(value, list | tuple):
        return np.stack([_amplitudes(one, name) for one in value]) if value else np.empty(0)
    if type(value).__module__.split(".")[0] == "qutip":
        check(
            bool(getattr(value, "isket", False)),
            f"`encode` must return kets of `{name}`, but returns a {getattr(value, 'type', 'QuTiP object')!r} of "
            f"QuTiP. {MIXED}",
        )
        return np.asarray(value.full()[:, 0])
    if torch.is_tensor(value):
        value = value.detach().cpu().resolve_conj().numpy()
    try:
        return np.asarray(value).astype(np.complex128)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"`encode` must return kets of `{name}` as complex numbers, but returns a {type(value).__name__}. Return "
            "an array (B, d)."
        ) from None


NORM = 1e-6  # by how much the norm of a ket may differ from 1
MOST_LEVELS = 1024  # of a system whose basis states are all samples
BASES = {
    "basis": "test",
    "Fourier": "train",
    "chirp": "valid",
}  # of product states, with their part of the split


def ket_modality(name: str, kets: Any, ids: np.ndarray) -> Modality:
    """Return the modality whose features are the real and the imaginary parts of kets.

    Args:
        name: of the modality.
        kets: amplitudes (N, d), complex.
        ids: of the samples, (N,), for messages.

    Raises:
        InvalidInput: when kets are not finite, or one is not of norm 1; the message names the sample.
    """
    values = np.asarray(kets, dtype=np.complex128)
    check(
        values.ndim == 2 and len(values) == len(ids),
        f"Kets of `{name}` must have shape ({len(ids)}, d), but have shape {values.shape}.",
    )
    norms = np.linalg.norm(values, axis=1)
    bad = np.flatnonzero(~(np.abs(norms - 1) <= NORM))  # also where it is NaN
    row = int(bad[0]) if len(bad) else 0
    check(
        not len(bad),
        f"Kets of `{name}` must have norm 1, but that of sample '{str(ids[row])[:80]}' (row {row}) has norm "
        f"{norms[row]:.9g}, and {len(bad) - 1} more differ. Divide every ket by its norm.",
    )
    values = values / norms[:, None]
    levels = range(values.shape[1])
    return Modality(
        name=name,
        values=np.concatenate([values.real, values.imag], 1),
        lengths=None,
        feature_names=tuple(f"{part} ⟨{j}|ψ⟩" for part in ("Re", "Im") for j in levels),
        double=True,
    )


def as_ket_set(dataset: DataSet, kets: Mapping[str, Any], name: str = "") -> DataSet:
    """Return a data set with kets in the place of features. Ids, split, targets, tables, contents and recordings are
    those of the set.

    Args:
        dataset: N samples.
        kets: of the subsystems, (N, d_m) each, in the order of the tensor product.
        name: of the new set; that of the set with "-kets" by default.

    Raises:
        InvalidInput: see `ket_modality`.
    """
    modalities = tuple(ket_modality(one, values, dataset.ids) for one, values in kets.items())
    names = tuple(kets)
    truth, unimodal = dataset.truth, dataset.unimodal
    if unimodal is not None:
        own = [column for column in unimodal.columns if column in names]
        unimodal = unimodal[own] if own else None
    if truth is not None and tuple(truth.columns) != coalition_names(names):
        truth = None
    sizes = ", ".join(f"{m.name} ({m.size // 2} levels)" for m in modalities)
    return replace(
        dataset,
        name=name or f"{dataset.name}-kets"[:60],
        title=f"{dataset.title}, as kets",
        description=f"{dataset.description} The features are amplitudes of kets: {sizes}.".strip(),
        modalities=modalities,
        truth=truth,
        unimodal=unimodal,
        feature_transforms={},
    )


@dataclass(frozen=True, eq=False)
class ProductStates:
    """Product states of bases.

    Attributes:
        kets: amplitudes (N, d_m) complex128 by subsystem.
        ids: "basis-01", in ASCII, (N,).
        labels: "|0⟩" and the like by subsystem, N each.
        bases: the basis that each is of, one of BASES, (N,).
    """

    kets: dict[str, np.ndarray]
    ids: np.ndarray
    labels: dict[str, list[str]]
    bases: np.ndarray


def product_states(dims: Sequence[int], names: Sequence[str]) -> ProductStates:
    """Return all product states |i>|j>... of subsystems in three bases: the basis of the operators, its Fourier
    transform, and that with quadratic phases (a chirp). Of qubits they are the eigenstates of Z, X and Y. The mean of
    each basis is the maximally mixed state 1 / D.

    Raises:
        InvalidInput: when the joint dimension is above MOST_LEVELS.
    """
    D = math.prod(dims)
    check(
        D <= MOST_LEVELS,
        f"A system alone must have at most {MOST_LEVELS:,} levels, all of whose basis states are samples, but has "
        f"{D:,}. Give a data set, or leave out subsystems.",
    )
    choices = list(product(*(range(d) for d in dims)))
    kets: dict[str, list[np.ndarray]] = {name: [] for name in names}
    labels: dict[str, list[str]] = {name: [] for name in names}
    ids, bases = [], []
    for basis in BASES:
        for name, d, chosen in zip(names, dims, zip(*choices, strict=True), strict=True):
            kets[name].append(basis_kets(d, basis)[list(chosen)])
            labels[name] += [ket_label(d, basis, j) for j in chosen]
        between = "" if max(dims) <= 10 else "-"
        ids += [f"{basis.lower()}-{between.join(map(str, choice))}" for choice in choices]
        bases += [basis] * D
    joined = {name: np.concatenate(parts) for name, parts in kets.items()}
    return ProductStates(joined, np.array(ids), labels, np.array(bases))


def basis_kets(d: int, basis: str) -> np.ndarray:
    """Return the kets of a basis of d levels as rows (d, d), see `product_states`."""
    j = np.arange(d)
    if basis == "basis":
        return np.eye(d, dtype=complex)
    rows = np.exp(2j * np.pi * np.outer(j, j) / d) / math.sqrt(d)
    if d == 2:  # exactly
        rows = np.array([[1, 1], [1, -1]], dtype=complex) / math.sqrt(2)
    if basis == "chirp":
        rows = rows * (np.array([1, 1j]) if d == 2 else np.exp(1j * np.pi * j * (j + d % 2) / d))
    return rows


def ket_label(d: int, basis: str, j: int) -> str:
    """Return the name of a ket of a basis: |0⟩, |+⟩, |−i⟩; |f1⟩ and |c1⟩ beyond qubits."""
    if basis == "basis":
        return f"|{j}⟩"
    if d == 2:
        return f"|{'+−'[j]}{'i' if basis == 'chirp' else ''}⟩"
    return f"|{basis[0].lower()}{j}⟩"


def product_state_set(
    states: ProductStates, y: np.ndarray, target: Target, *, name: str, title: str, description: str
) -> DataSet:
    """Return the data set of product states.

    Args:
        states: of N samples.
        y: targets (N,).
        target: what they are.
        name, title, description: of the set.
    """
    modalities = tuple(ket_modality(one, kets, states.ids) for one, kets in states.kets.items())
    joint = ["".join(parts) for parts in zip(*states.labels.values(), strict=True)]

    def content_of(row: int) -> dict[str, Content]:
        return {one: Text(f"{one}: {labels[row]}") for one, labels in states.labels.items()}

    return DataSet(
        name=name,
        title=title,
        description=description,
        source="made from the dimensions of the system",
        licence="none needed",
        modalities=modalities,
        target=target,
        y=y,
        ids=states.ids,
        split=np.array([BASES[basis] for basis in states.bases]),
        table=pd.DataFrame({"state": joint, "basis": states.bases}, index=states.ids),
        content_of=content_of,
    )
