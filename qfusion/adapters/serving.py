"""The user's end of the link: a thread that answers the dashboard's requests with the user's model."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import AuthenticationError, connection
from typing import Any, cast

import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.errors import QFusionError
from qfusion.models import circuit_change, live_link, live_model


class ModelServer:
    """Answers requests on a model until it is closed or the process ends.

    Args:
        model: that answers. address: path of a socket, or None for a port of this machine that is free. token: that
            whoever asks has to know.

    Attributes:
        address: that it listens on.
    """

    def __init__(self, model: live_model.LiveModel, address: str | None, token: bytes):
        self._model, self._token = model, token
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listener = connection.Listener(address or ("127.0.0.1", 0), backlog=16)
        self.address = self._listener.address
        threading.Thread(target=self._listen, name="qfusion-live", daemon=True).start()

    def close(self) -> None:
        """Stop listening. Connections that are open end with the process."""
        self._closed.set()
        with suppress(OSError):
            self._listener.close()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                opened = self._listener.accept()
            except OSError:  # such as too many open files
                self._closed.wait(0.1)
                continue
            threading.Thread(target=self._serve, args=(opened,), daemon=True).start()

    def _serve(self, opened: Any) -> None:
        with opened, suppress(OSError, EOFError, AuthenticationError):
            live_link.limit_waits(opened, live_link.GREETING)
            connection.deliver_challenge(opened, self._token)
            connection.answer_challenge(opened, self._token)
            live_link.limit_waits(opened, 0)  # until its next request
            while True:
                opened.send_bytes(self._answer(opened.recv_bytes(live_link.MAX_MESSAGE)))

    def _answer(self, message: bytes) -> bytes:
        try:
            header, tensors = live_link.unpack_message(message)
            with self._lock, torch.no_grad():  # a user's model need not be safe for several threads
                return live_link.pack_message(*self._compute(header, tensors))
        except QFusionError as error:
            return live_link.pack_message({"problem": str(error)}, {})
        except Exception as error:  # whatever a user's model raises
            problem = f"The model fails ({type(error).__name__}: {str(error)[:300]})."
            return live_link.pack_message({"problem": problem}, {})

    def _compute(
        self, header: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        features = live_link.unpack_features(tensors)
        change = circuit_change.UNCHANGED
        if "change" in header:
            change = circuit_change.from_mapping(header["change"])
        if header["do"] == "slopes":
            weights = tensors["weights"]
            return {}, live_model.LiveModel.slopes(self._model, features, weights)
        if header["do"] == "columns":
            if not change:
                return {}, {"columns": live_model.LiveModel.plain_columns(self._model, features)}
            return {}, {"columns": self._source.columns(features, change)}
        if header["do"] == "read":
            reading = self._source.read(features, change)
            return {"form": reading.form}, {"numbers": reading.numbers, "columns": reading.columns}
        if header["do"] == "finish":
            columns = self._source.finish(features, tensors["numbers"], header["form"])
            return {}, {"columns": columns}
        if header["do"] == "frequencies":
            known = self._source.angle_frequencies(int(header["gate"]), str(header["name"]))
            return {"frequencies": known}, {}
        gates = self._source.gates(features, change)
        described = [
            {"name": gate.name, "wires": gate.wires, "values": gate.values} for gate in gates
        ]
        return {"gates": described}, {str(k): gate.matrix for k, gate in enumerate(gates)}

    @property
    def _source(self) -> live_model.CircuitSource:
        check(
            isinstance(self._model, live_model.LiveCircuit),
            "Argument `do` asks for a circuit, but the model has none.",
        )
        return cast("live_model.LiveCircuit", self._model).source
