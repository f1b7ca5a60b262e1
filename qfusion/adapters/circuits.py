"""Find the circuit inside a user's model, whatever library it was written in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from qfusion.adapters import openers
from qfusion.errors import InvalidInput
from qfusion.models import live_model
from qfusion.models.protocols import CircuitSource

NO_CIRCUIT = "the model calls no circuit of gates that is known here"


def find_circuit(
    model: Any,
    call: live_model.Call,
    rows: Mapping[str, Any],
    modalities: Sequence[str],
    wires: Mapping[str, Sequence[Any]] | None,
    chosen: int,
) -> tuple[CircuitSource | None, str]:
    """Return the circuit that a model runs for a sample, and an empty text; or None, and why there is none.

    Args:
        model: the user's object. call: of the model.
        rows: features of some rows.
        modalities: names, in their order.
        wires: labels of the qubits of each modality; guessed unless given.
        chosen: number of the circuit, from 0.

    Raises:
        InvalidInput: when `wires` is given and does not fit, or no circuit is found for it.
    """
    why = NO_CIRCUIT
    for make in _makers(model, wires):
        try:
            return make(call, rows, modalities, wires, chosen), ""
        except InvalidInput as error:
            if str(error).startswith("Argument"):
                raise
            if not str(error).startswith("the model calls no"):
                why = str(error)
    if wires is not None:
        raise InvalidInput(
            f"Argument `wires` names qubits, but no circuit can be shown: {why}. Leave `wires` out."
        )
    return None, why


def _makers(
    model: Any, wires: Mapping[str, Sequence[Any]] | None
) -> Iterator[Callable[..., CircuitSource]]:
    """Yield functions that may find a circuit: of those libraries alone that are loaded, as others cannot be in the
    model.
    """
    if hasattr(model, "circuit_source"):
        yield lambda *_: model.circuit_source(wires)
        return
    if "pennylane" in sys.modules:
        from qfusion.adapters import pennylane_circuits

        yield pennylane_circuits.PennyLaneCircuit
    yield from filter(None, (opener.circuit_class() for opener in openers.openers()))
