"""Circuits by themselves as models: of Qiskit or OpenQASM, with a table of their features, weights and read-out.

model = circuit_model("circuit.qasm", {"text": ["theta[0]", "theta[1]"], "audio": ["theta[2]"]}, ["ZII", "IIZ"])
study = qfusion.open(model, data)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.adapters import gates
from qfusion.errors import InvalidInput
from qfusion.models.protocols import CircuitFacts, CircuitOutput
from qfusion.models.tweak import UNCHANGED, CircuitChange
from qfusion.plugins.qiskit import batched_states, flat_source, openqasm_files, qiskit_gates

MAX_QUBITS = 20  # whose states are held at the end
MAX_PROBABILITIES = 1024  # outcomes that are read
_BITS = re.compile(r"[01]+")
_WORD = re.compile(r"[IXYZ]+")

Features = Mapping[str, Sequence[Any]] | Mapping[Any, tuple[str, int]]


def circuit_model(
    circuit: Any,
    features: Features,
    read: Any = "Z",
    *,
    weights: Mapping[Any, float] | Sequence[float] | None = None,
    head: Any = None,
) -> CircuitModel:
    """Return a circuit as a model that `qfusion.open` takes, evaluated exactly.

    Args:
        circuit: a `QuantumCircuit` of Qiskit; a text in OpenQASM 2 or 3; or the path of a file with one.
        features: which parameters are features: names or parameters of each modality, in the order of its features,
            {"text": ["theta[0]", "theta[1]"]}; or the modality and number of the feature by parameter,
            {"theta[0]": ("text", 0)}.
        read: what is measured, in Qiskit's order of letters (the last one is of qubit 0): "Z" for <Z> of every qubit;
            Pauli words, ["ZII", "IZZ"], or operators of Qiskit; bit strings, ["00", "11"], for their probabilities; or
            a dictionary of bit strings by class, for the probability of each class.
        weights: values of the other parameters, by name or parameter, or in the order in which Qiskit lists them.
        head: matrix (C, K), or a matrix and a bias (C,), that turn the K numbers that are read into scores.

    Raises:
        InvalidInput: when the circuit cannot be read or is no circuit of unitary gates, a parameter has no value, a
            feature no parameter, or what is read does not fit.
        NotFound: when there is no such file.
    """
    flat = flatten_circuit(openqasm_files.read_circuit(circuit))
    names = [parameter.name for parameter in flat.parameters]
    table = _parse_features(features, names)
    values = parse_weights(weights, [name for name in names if name not in table])
    return CircuitModel(flat, table, values, parse_read(read, flat.qubits), _parse_head(head))


def flatten_circuit(circuit: Any) -> qiskit_gates.FlatCircuit:
    """Return a circuit of Qiskit as a flat list of gates.

    Raises:
        InvalidInput: when it is no circuit of unitary gates, or has too many qubits.
    """
    try:
        flat = qiskit_gates.flatten(circuit)
    except InvalidInput as error:  # whose message begins within a sentence
        raise InvalidInput(f"The circuit cannot be followed: {error}.") from error
    check(
        1 <= flat.qubits <= MAX_QUBITS,
        f"Circuits of 1 to {MAX_QUBITS} qubits are evaluated exactly, but this one has {flat.qubits}.",
    )
    return flat


@dataclass(frozen=True)
class Readout:
    """What is read from states.

    Attributes:
        words: Pauli words that are measured, letter q for qubit q.
        mixture: their weights in the numbers that are read, (K, words).
        groups: basis states whose probabilities are added up for each number, instead of words.
    """

    words: tuple[str, ...] = ()
    mixture: np.ndarray | None = None
    groups: tuple[tuple[int, ...], ...] = ()

    @property
    def count(self) -> int:
        """The number of columns."""
        return len(self.groups) if self.mixture is None else len(self.mixture)

    def columns(
        self, flat: qiskit_gates.FlatCircuit, parameters: np.ndarray, change: CircuitChange
    ) -> np.ndarray:
        """Return what is read of a changed circuit, (B, K), for parameters (B, P)."""
        generator = batched_states.shot_generator(change.seed, parameters)
        if self.mixture is None:
            outcomes = flat_source.read_outcomes(flat, parameters, change).numpy()
            if change.shots:
                outcomes = batched_states.sample_bits(outcomes, change.shots, generator)
            return np.stack([outcomes[:, list(group)].sum(1) for group in self.groups], 1)
        means = flat_source.read_words(flat, parameters, change, self.words)
        if change.shots:
            means = batched_states.sample_words(means, change.shots, generator)
        return np.asarray(means @ self.mixture.T)


class CircuitModel:
    """A circuit whose parameters are features and weights; made by `circuit_model`.

    Args:
        circuit: flat list of gates.
        features: modality and number of the feature, by the name of the parameter.
        weights: values of the other parameters, by name.
        readout: what is read.
        head: matrix (C, K) and bias (C,), or None.
    """

    def __init__(
        self,
        circuit: qiskit_gates.FlatCircuit,
        features: Mapping[str, tuple[str, int]],
        weights: Mapping[str, float],
        readout: Readout,
        head: tuple[np.ndarray, np.ndarray] | None,
    ):
        self.circuit, self.readout, self.head = circuit, readout, head
        self._features = dict(features)
        self._weights = dict(weights)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, in the order in which the table names them."""
        return tuple(dict.fromkeys(modality for modality, _ in self._features.values()))

    def __call__(self, **features: Any) -> Tensor:
        """Return the columns (B, K) of features (B, F) by modality."""
        return self.columns(features, UNCHANGED)

    def parameters(self, features: Mapping[str, Any]) -> np.ndarray:
        """Return the values of the circuit's parameters, (B, P).

        Raises:
            InvalidInput: when a modality is missing, is a sequence, or has fewer features than the table names.
        """
        arrays = {}
        for name in self.modalities:
            check(
                name in features,
                f"Modality {name!r} of the circuit is missing; the data has {', '.join(features)}.",
            )
            check(
                not isinstance(features[name], tuple),
                f"Modality {name!r} is a sequence, and a circuit takes one row of features. Give it means over time.",
            )
            arrays[name] = np.asarray(features[name], dtype=float)
        rows = max((len(array) for array in arrays.values()), default=1)
        columns = []
        for parameter in self.circuit.parameters:
            if parameter.name not in self._features:
                columns.append(np.full(rows, self._weights[parameter.name]))
                continue
            modality, place = self._features[parameter.name]
            array = arrays[modality]
            check(
                array.ndim == 2 and place < array.shape[1],
                f"Parameter {parameter.name!r} is feature {place} of {modality!r}, from 0, but that modality has "
                f"features of shape {array.shape[1:]}.",
            )
            columns.append(array[:, place])
        return np.stack(columns, 1) if columns else np.zeros((rows, 0))

    def columns(self, features: Mapping[str, Any], change: CircuitChange) -> Tensor:
        """Return the columns (B, K) with a changed circuit."""
        read = self.readout.columns(self.circuit, self.parameters(features), change)
        return torch.from_numpy(self.scores_of(read))

    def scores_of(self, read: np.ndarray) -> np.ndarray:
        """Return the scores (B, C) of what is read, (B, K)."""
        if self.head is None:
            return read
        matrix, bias = self.head
        check(
            matrix.shape[1] == read.shape[1],
            f"Argument `head` takes {matrix.shape[1]} numbers, but {read.shape[1]} are read.",
        )
        return np.asarray(read @ matrix.T + bias)

    def circuit_source(self, wires: Mapping[str, Sequence[Any]] | None) -> BareSource:
        """Return the circuit for the Circuit page, see `adapters.opening.find_circuit`."""
        return BareSource(self, wires)

    def feature_places(self) -> dict[str, frozenset[int]]:
        """Return the places of the parameters that each modality sets, among all parameters."""
        places: dict[str, set[int]] = {name: set() for name in self.modalities}
        for place, parameter in enumerate(self.circuit.parameters):
            if parameter.name in self._features:
                places[self._features[parameter.name][0]].add(place)
        return {name: frozenset(mine) for name, mine in places.items()}


class BareSource(flat_source.FlatSource):
    """The circuit of a `CircuitModel`, as a `CircuitSource`.

    Args:
        model: whose circuit it is.
        wires: labels of the qubits of each modality; guessed from the encoding unless given.
    """

    def __init__(self, model: CircuitModel, wires: Mapping[str, Sequence[Any]] | None):
        self._model = model
        flat, moved = model.circuit, model.feature_places()
        taken = frozenset().union(*moved.values())
        weights = frozenset(range(len(flat.parameters))) - taken
        roles = flat_source.find_roles(flat, moved, weights)
        super().__init__(flat, roles, model.modalities, wires)
        self.facts = CircuitFacts("Qiskit", len(weights), guessed=self.is_guessed)

    def parameters(self, features: Mapping[str, Any]) -> np.ndarray:
        """Return the values of the circuit's parameters, (B, P)."""
        return self._model.parameters(features)

    def columns(self, features: Mapping[str, Any], change: CircuitChange) -> Tensor:
        """Return the columns (B, K) of the model whose circuit is changed."""
        return self._model.columns(features, change)

    def read(self, features: Mapping[str, Any], change: CircuitChange) -> CircuitOutput:
        """Return what the changed circuit gives, and the columns of the model."""
        model = self._model
        read = model.readout.columns(model.circuit, self.parameters(features), change)
        columns = torch.from_numpy(model.scores_of(read))
        numbers, form = gates.flatten([read])
        return CircuitOutput(numbers, form, columns)

    def finish(self, features: Mapping[str, Any], numbers: Tensor, form: Any) -> Tensor:
        """Return the columns (B, K) of the model whose circuit gives these numbers (Q,)."""
        (read,) = gates.unflatten(numbers, form)
        return torch.from_numpy(self._model.scores_of(read))


def _name(parameter: Any) -> str:
    return parameter if isinstance(parameter, str) else str(getattr(parameter, "name", parameter))


def _parse_features(features: Features, names: Sequence[str]) -> dict[str, tuple[str, int]]:
    check(
        isinstance(features, Mapping) and bool(features),
        "Argument `features` must say which parameters are features, such as {'text': ['theta[0]']}, but is "
        f"{features!r:.80}.",
    )
    table: dict[str, tuple[str, int]] = {}
    pairs: list[tuple[Any, tuple[str, int]]] = []
    for key, value in features.items():
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int):
            pairs.append((key, (str(value[0]), value[1])))
        else:
            check(
                isinstance(value, Sequence) and not isinstance(value, str),
                f"Argument `features` must list the parameters of {key!r}, but gives {value!r:.60}.",
            )
            pairs += [(parameter, (str(key), place)) for place, parameter in enumerate(value)]
    for parameter, place in pairs:
        name = _name(parameter)
        check(
            name in names,
            f"Argument `features` names parameter {name!r}, but the circuit has "
            f"{', '.join(names[:20]) or 'no parameters'}.",
        )
        check(name not in table, f"Argument `features` names parameter {name!r} twice.")
        check(
            place[1] >= 0,
            f"Argument `features` gives {name!r} the feature {place[1]}. Count from 0.",
        )
        table[name] = place
    return table


def parse_weights(weights: Any, names: Sequence[str]) -> dict[str, float]:
    """Return the values of parameters by name: of all of `names`.

    Raises:
        InvalidInput: when one has no value, or a value no parameter.
    """
    if isinstance(weights, Mapping):
        values = {_name(key): value for key, value in weights.items()}
    else:
        listed = [] if weights is None else np.asarray(weights, dtype=float).reshape(-1).tolist()
        check(
            len(listed) == len(names),
            f"The circuit has {len(names)} parameters that are no features ({', '.join(names[:8])}"
            f"{', ...' if len(names) > 8 else ''}), but `weights` gives {len(listed)} values. Give one for each.",
        )
        values = dict(zip(names, listed, strict=True))
    missing = [name for name in names if name not in values]
    check(
        not missing, f"Parameter {missing[:1]} of the circuit has no value. Give it by `weights`."
    )
    unknown = [name for name in values if name not in names]
    check(
        not unknown,
        f"Argument `weights` names {unknown[:1]}, which is no parameter of the circuit, or a feature.",
    )
    numbers = {name: float(values[name]) for name in names}
    check(
        bool(np.isfinite(list(numbers.values())).all()),
        "Argument `weights` must hold finite numbers.",
    )
    return numbers


def parse_read(read: Any, qubits: int) -> Readout:
    """Return what is measured, see `circuit_model`.

    Raises:
        InvalidInput: when it does not fit so many qubits.
    """
    if isinstance(read, str) and read == "Z":
        read = ["I" * (qubits - 1 - k) + "Z" + "I" * k for k in range(qubits)]
    if isinstance(read, Mapping):
        return Readout(groups=tuple(_parse_bits(group, qubits) for group in read.values()))
    entries = [read] if isinstance(read, str) or not isinstance(read, Sequence) else list(read)
    check(bool(entries), "Argument `read` must name what is measured, but is empty.")
    if all(isinstance(entry, str) and _BITS.fullmatch(entry) for entry in entries):
        check(
            len(entries) <= MAX_PROBABILITIES,
            f"Argument `read` names {len(entries):,} outcomes; up to {MAX_PROBABILITIES:,} are read.",
        )
        return Readout(groups=tuple(_parse_bits([entry], qubits) for entry in entries))
    for entry in entries:
        check(
            not isinstance(entry, str) or (bool(_WORD.fullmatch(entry)) and len(entry) == qubits),
            f"Argument `read` must hold words of {qubits} letters I, X, Y and Z, or of {qubits} bits, one for each "
            f"qubit, but holds {str(entry)[:40]!r}.",
        )
    terms = [flat_source.pauli_terms(entry, qubits) for entry in entries]
    words = sorted({word for term in terms for word in term})
    mixture = np.array([[term.get(word, 0.0) for word in words] for term in terms])
    return Readout(tuple(words), mixture)


def _parse_bits(texts: Any, qubits: int) -> tuple[int, ...]:
    """Return the numbers of basis states, qubit 0 being the most significant here and the last letter there."""
    texts = [texts] if isinstance(texts, str) else list(texts)
    for text in texts:
        check(
            isinstance(text, str) and bool(_BITS.fullmatch(text)) and len(text) == qubits,
            f"Argument `read` must hold strings of {qubits} bits, one for each qubit, but holds {str(text)[:40]!r}.",
        )
    check(bool(texts), "Argument `read` names a class without outcomes.")
    return tuple(int(text[::-1], 2) for text in dict.fromkeys(texts))


def _parse_head(head: Any) -> tuple[np.ndarray, np.ndarray] | None:
    if head is None:
        return None
    weights, offsets = head if isinstance(head, tuple) else (head, None)
    if isinstance(head, torch.nn.Linear):
        weights = head.weight.detach()
        offsets = None if head.bias is None else head.bias.detach()
    matrix: np.ndarray = np.atleast_2d(np.asarray(weights, dtype=float))
    bias = np.zeros(len(matrix))
    if offsets is not None:
        bias = np.asarray(offsets, dtype=float).reshape(-1)
    check(
        matrix.ndim == 2 and len(bias) == len(matrix),
        f"Argument `head` must be a matrix (C, K) and a bias (C,), but has shapes {matrix.shape} and {bias.shape}.",
    )
    check(
        bool(np.isfinite(matrix).all() and np.isfinite(bias).all()),
        "Argument `head` must hold finite numbers.",
    )
    return matrix, bias
