"""The link between the dashboard and the process that holds a user's model: requests, answers, and the model behind it.

A message is a JSON header and tensors in the safetensors format, sent over `multiprocessing.connection`, whose two ends
prove to each other that they know a token. Nothing is pickled. The user's process answers, see `adapters.showing`.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Mapping
from multiprocessing import AuthenticationError, connection
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from qfusion import _limits
from qfusion._checks import check
from qfusion.errors import InvalidInput
from qfusion.models import kind_files, live_model, tweak
from qfusion.models.protocols import CircuitFacts, CircuitOutput, CircuitSource
from qfusion.quantum.statevector import Gate

MAX_MESSAGE = 1 << 30  # bytes
GREETING = 10.0  # seconds in which both ends prove that they know the token
KINDS = (kind_files.LIVE, kind_files.LIVE_CIRCUIT)
ENDING = kind_files.LIVE_ENDING
ENDED = (
    "The Python process that holds model '{name}' has ended, is stopped, or is busy elsewhere. What was computed "
    "before is still shown. Let it go on, or run `qfusion.show` there again."
)


def pack_message(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> bytes:
    """Return a message: the length of the header, the header, and the tensors, complex ones as pairs of numbers."""
    real: dict[str, Tensor] = {}
    complex_names = []
    for name, tensor in tensors.items():
        if tensor.is_complex():
            complex_names.append(name)
            tensor = torch.view_as_real(tensor.resolve_conj())
        real[name] = tensor.detach().cpu().contiguous().clone()
    head = json.dumps({**header, "complex": complex_names}).encode()
    return len(head).to_bytes(8, "little") + head + safetensors.torch.save(real)


def unpack_message(data: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the header and the tensors of a message.

    Raises:
        ValueError: when it is none.
    """
    size = int.from_bytes(data[:8], "little")
    if size > len(data) - 8:
        raise ValueError("a message is shorter than its header")
    header = json.loads(data[8 : 8 + size])
    try:
        tensors = safetensors.torch.load(data[8 + size :])
    except safetensors.SafetensorError as error:
        raise ValueError("a message has no tensors") from error
    for name in header.pop("complex", []):
        tensors[name] = torch.view_as_complex(tensors[name])
    return header, tensors


def pack_features(features: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return features by modality as tensors by name: values, and the masks of sequences."""
    tensors = {}
    for name, value in features.items():
        values, mask = value if isinstance(value, tuple) else (value, None)
        tensors[f"values {name}"] = values
        if mask is not None:
            tensors[f"mask {name}"] = mask
    return tensors


def unpack_features(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the features that `pack_features` packed."""
    features: dict[str, Any] = {}
    for key, values in tensors.items():
        kind, _, name = key.partition(" ")
        if kind == "values":
            mask = tensors.get(f"mask {name}")
            features[name] = values if mask is None else (values, mask)
    return features


def limit_waits(opened: connection.Connection, seconds: float) -> None:
    """Make reading from a connection, and writing to it, fail with an OSError after so many seconds; 0 for no limit."""
    if os.name == "nt":
        limit: Any = int(1000 * seconds)
    else:
        limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))  # a timeval
    end = socket.socket(fileno=opened.fileno())
    try:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            end.setsockopt(socket.SOL_SOCKET, option, limit)
    finally:
        end.detach()


def _connect(address: Any, token: bytes, seconds: float) -> connection.Connection:
    """Return a connection to a process that knows the token, on which nothing waits longer than `seconds`."""
    greeting = min(GREETING, seconds)
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as end:
        end.settimeout(greeting)
        end.connect(address)
        end.setblocking(True)
        opened = connection.Connection(end.detach())
    try:
        limit_waits(opened, greeting)
        connection.answer_challenge(opened, token)
        connection.deliver_challenge(opened, token)
        limit_waits(opened, seconds)
    except BaseException:
        opened.close()
        raise
    return opened


class LiveLink:
    """The dashboard's end of the link.

    Args:
        address: of the user's process. token: that both ends know. name: of the model, for messages.
    """

    def __init__(self, address: str | tuple[str, int], token: bytes, name: str):
        self._address, self._token, self._name = address, token, name
        self._lock = threading.Lock()
        self._connection: Any = None

    def ask(
        self, header: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return the answer to a request.

        Raises:
            InvalidInput: when the process has ended, takes too long, or the model fails on the request.
        """
        message = pack_message(header, tensors)
        check(
            len(message) <= MAX_MESSAGE,
            f"A request to model '{self._name}' has {len(message) / 2**30:.1f} GiB; at most 1 is sent. Use fewer rows "
            "of the background.",
        )
        seconds = _limits.limit("QFUSION_PROGRAM_S")
        late = (
            f"Model '{self._name}' takes more than {seconds} seconds for one request, which is all that this server "
            "waits (QFUSION_PROGRAM_S)."
        )
        check(self._lock.acquire(timeout=seconds), late)
        try:
            answer = self._exchange(message, seconds)
        finally:
            self._lock.release()
        if answer is None:
            raise InvalidInput(late)
        try:
            result, numbers = unpack_message(answer)
        except ValueError as error:
            raise InvalidInput(
                f"Model '{self._name}' gives an answer that cannot be read."
            ) from error
        if "problem" in result:
            raise InvalidInput(str(result["problem"])[:1000])
        return result, numbers

    def _exchange(self, message: bytes, seconds: int) -> bytes | None:
        """Return the answer; None if it does not begin within so many seconds."""
        try:
            if self._connection is None:
                self._connection = _connect(self._address, self._token, seconds)
            self._connection.send_bytes(message)
            if self._connection.poll(seconds):
                return bytes(self._connection.recv_bytes(MAX_MESSAGE))
        except (OSError, EOFError, AuthenticationError) as error:
            self.close()
            raise InvalidInput(ENDED.format(name=self._name)) from error
        except (
            BaseException
        ):  # a reader's click ends a page's run: a later answer would be another question's
            self.close()
            raise
        self.close()
        return None

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class LinkedCall:
    """A function in the user's process, see `live_model.Call`.

    Attributes:
        link: to the process.
    """

    def __init__(self, link: LiveLink):
        self.link = link

    def __call__(self, features: Mapping[str, Any]) -> Tensor:
        """Return the columns (B, K)."""
        return self.link.ask({"do": "columns"}, pack_features(features))[1]["columns"]

    def slopes(self, features: Mapping[str, Any], weights: Tensor) -> dict[str, Tensor]:
        """Return the gradients of the sum of columns times `weights` (B, K), by modality."""
        tensors = pack_features(features) | {"weights": weights}
        return self.link.ask({"do": "slopes"}, tensors)[1]


class LinkedCircuit:
    """A circuit in the user's process, as a `CircuitSource`."""

    def __init__(self, link: LiveLink, known: Mapping[str, Any]):
        self._link, self._known = link, known
        facts = known["facts"]
        self.facts = CircuitFacts(
            str(facts["library"]),
            int(facts["angles"]),
            int(facts["calls"]),
            int(facts["chosen"]),
            bool(facts["guessed"]),
            tuple(map(str, facts["remarks"])),
        )
        self.roles = tuple(map(str, known["roles"]))
        self.layers = tuple((str(name), tuple(gates)) for name, gates in known["layers"])

    def registers(self) -> dict[str, int]:
        """Return the registers of the qubits in their order, and the number of qubits of each."""
        return {str(name): int(count) for name, count in self._known["registers"]}

    def trainable(self) -> dict[int, tuple[str, ...]]:
        """Return the names of the trainable angles of each gate that has any, by its place from 0."""
        return {int(gate): tuple(names) for gate, names in self._known["trainable"]}

    def gates(self, features: Mapping[str, Any], change: tweak.CircuitChange) -> list[Gate]:
        """Return the gates that act on |0...0> for one row of features, with edited angles."""
        header = {"do": "gates", "change": tweak.as_mapping(change)}
        answer, matrices = self._link.ask(header, pack_features(features))
        gates = []
        for place, gate in enumerate(answer["gates"]):
            wires = tuple(map(int, gate["wires"]))
            values = {str(key): float(value) for key, value in gate["values"].items()}
            gates.append(Gate(str(gate["name"]), wires, matrices[str(place)], values))
        return gates

    def columns(self, features: Mapping[str, Any], change: tweak.CircuitChange) -> Tensor:
        """Return the columns (B, K) of the model whose circuit is changed."""
        header = {"do": "columns", "change": tweak.as_mapping(change)}
        return self._link.ask(header, pack_features(features))[1]["columns"]

    def read(self, features: Mapping[str, Any], change: tweak.CircuitChange) -> CircuitOutput:
        """Return what the changed circuit gives, and the columns of the model."""
        header = {"do": "read", "change": tweak.as_mapping(change)}
        answer, tensors = self._link.ask(header, pack_features(features))
        return CircuitOutput(tensors["numbers"], answer["form"], tensors["columns"])

    def finish(self, features: Mapping[str, Any], numbers: Tensor, form: Any) -> Tensor:
        """Return the columns (B, K) of the model whose circuit gives these numbers (Q,)."""
        tensors = pack_features(features) | {"numbers": numbers}
        return self._link.ask({"do": "finish", "form": form}, tensors)[1]["columns"]

    def angle_frequencies(self, gate: int, name: str) -> tuple[float, ...] | None:
        """Return the frequencies of expectation values in an angle of a gate, ascending; None where not known."""
        header = {"do": "frequencies", "gate": gate, "name": name}
        known = self._link.ask(header, {})[0]["frequencies"]
        return None if known is None else tuple(map(float, known))


def describe_circuit(source: CircuitSource) -> dict[str, Any]:
    """Return what is the same for every sample of a circuit, for a card; `LinkedCircuit` reads it."""
    facts = source.facts
    layers = [[name, list(gates)] for name, gates in source.layers]
    registers = [[name, count] for name, count in source.registers().items()]
    trainable = [[gate, list(names)] for gate, names in source.trainable().items()]
    return {
        "facts": {
            "library": facts.library,
            "angles": facts.angles,
            "calls": facts.calls,
            "chosen": facts.chosen,
            "guessed": facts.guessed,
            "remarks": list(facts.remarks),
        },
        "roles": list(source.roles),
        "layers": layers,
        "registers": registers,
        "trainable": trainable,
    }


def linked_model(card: Mapping[str, Any], data: bytes) -> live_model.LiveModel:
    """Return the model behind a link.

    Args:
        card: of the model. data: bytes of its file, the address and the token.

    Raises:
        InvalidInput: when they do not describe a link.
    """
    try:
        place = json.loads(data)
        address = place["address"]  # a path, or a host and a port
        address = address if isinstance(address, str) else tuple(address)
        link = LiveLink(address, bytes.fromhex(place["token"]), str(card["name"]))
        known = card["live"]

        call = LinkedCall(link)
        settings = {
            "means": known["means"],
            "seconds": float(known["seconds"]),
            "repeats": int(card["settings"]["repeats"]),
        }
        inputs, outputs, holds = card["inputs"], card["outputs"], str(card["settings"]["holds"])
        model: live_model.LiveModel
        if card["model"] == live_model.CIRCUIT_KIND:
            source = LinkedCircuit(link, known["circuit"])
            model = live_model.LiveCircuit(inputs, outputs, call, holds, source, **settings)
        else:
            model = live_model.LiveModel(inputs, outputs, call, holds, **settings)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(
            "The card is not that of a model in a Python session. Open it again with `qfusion.show`."
        ) from error
    model.notes = tuple(map(str, known["notes"]))
    return model.eval()
