"""Open the dashboard on a study of this Python process: `qfusion.show(study)`, from a script or a notebook."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import webbrowser
from collections.abc import Mapping
from contextlib import suppress
from html import escape
from multiprocessing import AuthenticationError, connection
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from qfusion import _user_folders, data as sources
from qfusion._checks import check
from qfusion.adapters.opening import default_name, open_model
from qfusion.data.store.manifest import OPENED
from qfusion.data.store.writing import write_set
from qfusion.errors import InvalidInput, QFusionError
from qfusion.models import live_link, live_model, tweak
from qfusion.models.protocols import CircuitSource, EditableCircuit
from qfusion.runs import plans
from qfusion.study.study import Study
from qfusion.training import checkpoint, checkpoint_cards

WAIT = 60.0  # seconds for the server to answer
# The dashboard's server, without the command line, whose import takes as long as the server's start.
_SERVE = "import sys; from qfusion.app.server import serve; serve(sys.argv[1:])"
PAGES = ("samples", "circuit", "cohorts", "dynamics", "compare", "")


class Dashboard:
    """A dashboard on a study of this process.

    Attributes:
        url: of its first page. study: that it shows.
    """

    def __init__(
        self,
        study: Study,
        url: str,
        process: subprocess.Popen[bytes],
        closers: contextlib.ExitStack,
    ):
        self.study, self.url = study, url
        self._process, self._closers = process, closers

    def __repr__(self) -> str:
        return f"Dashboard({self.study.name!r} at {self.url})"

    def _repr_html_(self) -> str:
        """Return a link to the first page, as a notebook shows it."""
        url = escape(self.url, quote=True)
        return f'<a href="{url}" target="_blank" rel="noopener">qfusion: {escape(self.study.name)}</a> ({url})'

    @property
    def is_running(self) -> bool:
        """Whether its server runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Stop the server, and remove its temporary files."""
        if self.is_running:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._closers.close()


def show(
    study: Any,
    data: Any = None,
    *,
    sample: str = "",
    page: str = "samples",
    port: int | None = None,
    browser: bool = True,
    **options: Any,
) -> Dashboard:
    """Open the dashboard on a study, in a server of its own that only this machine reaches.

    The model stays in this process, which answers the server's requests as long as it runs. The server ends when this
    process has ended and nobody looks at it any more, or with `Dashboard.stop`.

    Args:
        study: of `qfusion.open`; or a model, with `data` and the other arguments of `qfusion.open` as `options`.
        data: see `study`.
        sample: id of the sample to begin with.
        page: to begin with: "samples", "circuit", "cohorts", "dynamics", "compare", or "" for the overview.
        port: to listen on, which must be free; any free one by default.
        browser: whether to open a browser.

    Raises:
        InvalidInput: when the port is taken or the server does not start; as of `qfusion.open` for a model.
        NotFound: when there is no such sample.
    """
    if isinstance(study, (str, checkpoint.Checkpoint)):  # which has a name already
        study, data, options = open_model(study, data, **options), None, {}
    is_study = isinstance(study, Study)
    check(
        not is_study or (data is None and not options),
        "Arguments of `qfusion.open` come with a model, not with a study. Leave them out.",
    )
    check(
        page in PAGES,
        f"Argument `page` must be one of {', '.join(repr(known) for known in PAGES)}, but is {page!r}.",
    )
    name = study.name if is_study else options.pop("name", "") or default_name(study)
    if is_study and sample:
        study.dataset.row(sample)
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="qfusion-"))  # which only this user can read
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        port = free_port(port or 0)
        # the server loads its libraries while the model is opened
        process = _start_server(folder, port, place_variables(folder, name))
        stack.callback(_stop, process)
        shown = study if is_study else open_model(study, data, name=name, **options)
        if sample:
            shown.dataset.row(sample)
        place_study(shown, folder, stack)
        _wait_for(process, port, folder)
        query = {"model": shown.name, "data": shown.dataset.name}
        if sample:
            query["sample"] = sample
        url = f"http://127.0.0.1:{port}/{page}?{urllib.parse.urlencode(query)}"
        closers = stack.pop_all()
    dashboard = Dashboard(shown, url, process, closers)
    atexit.register(shutil.rmtree, folder / "models", ignore_errors=True)
    if browser:
        webbrowser.open(url)
    return dashboard


def place_variables(folder: Path, name: str) -> dict[str, str]:
    """Return the environment variables of a server for a study of this name that `place_study` writes to a folder."""
    opened = [str(place) for place in _user_folders.opened_places()]
    opened.append(str(_card_path(folder, name)))
    return {
        # modules are found in the same places as in this process
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        _user_folders.OWNER: str(os.getpid()),
        _user_folders.OPENED: os.pathsep.join(opened),
        OPENED: str(_set_folder(folder)),
    }


def _card_path(folder: Path, name: str) -> Path:
    return folder / "models" / f"{name}.json"


def _set_folder(folder: Path) -> Path:
    return folder / "data" / "set"


def place_study(study: Study, folder: Path, stack: contextlib.ExitStack) -> None:
    """Write what a server needs to show a study, and begin to answer its requests until the stack is closed."""
    if not _is_known(study):
        _set_folder(folder).mkdir(parents=True)
        write_set(study.dataset, _set_folder(folder))
    model = study.trained
    is_known = study.name in checkpoint_cards.available()
    check(
        not is_known or _digest(checkpoint_cards.load_card(study.name)) == _digest(study.card),
        f"There is another model '{study.name}' on this machine, which the dashboard would show. Give a `name`.",
    )
    path = _card_path(folder, study.name)
    path.parent.mkdir()
    if isinstance(model, live_model.LiveModel):
        token = secrets.token_bytes(32)
        socket_path = str(folder / "model") if hasattr(socket, "AF_UNIX") else None
        server = ModelServer(model, socket_path, token)
        stack.callback(server.close)
        link = {"address": server.address, "token": token.hex()}
        card = {**study.card, "live": _describe_live(model)}
        checkpoint.write_link(path, json.dumps(link).encode(), card)
    elif not is_known:
        checkpoint.save(path, model, study.card)


def _digest(card: Mapping[str, Any]) -> str:
    return str(card.get("weights_sha256", ""))


def _describe_live(model: live_model.LiveModel) -> dict[str, Any]:
    described: dict[str, Any] = {
        "means": {
            name: cast(Any, encoder).standardise.mean.tolist()
            for name, encoder in model.encoders.items()
        },
        "seconds": model.unseen_operations / live_model.OPERATIONS_PER_SECOND,
        "notes": list(model.notes),
    }
    if circuit := model.part(EditableCircuit):
        described["circuit"] = live_link.describe_circuit(circuit.source)
    return described


def _is_known(study: Study) -> bool:
    """Whether a server finds the data set by its name."""
    try:
        return sources.load(study.dataset.name).identity == study.dataset.identity
    except QFusionError:
        return False


def free_port(port: int = 0) -> int:
    """Return a port of this machine that nothing listens on: the given one, or any for 0.

    Raises:
        InvalidInput: when the given one is taken, or is none that a program of this user may listen on.
    """
    with socket.socket() as probe:
        if os.name == "posix":  # elsewhere it would also take ports that are in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError, TypeError) as error:
            raise InvalidInput(
                f"Argument `port` is {port!r}, on which the dashboard cannot listen ({error}). Give another, or leave "
                "it out for one that is free."
            ) from error
        return int(probe.getsockname()[1])


def _start_server(folder: Path, port: int, variables: dict[str, str]) -> subprocess.Popen[bytes]:
    options = ["--server.address", "127.0.0.1", "--server.port", str(port)]
    arguments = ["-c", _SERVE, *options, "--server.headless", "true"]
    return plans.start_process(arguments, folder / "log", variables)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()


def _wait_for(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    """Return when the server answers.

    Raises:
        InvalidInput: when it ends, or does not answer in time.
    """
    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        if process.poll() is not None:
            last = (folder / "log").read_text(errors="replace").strip().rpartition("\n")[2][:300]
            raise InvalidInput(f"The dashboard does not start ({last or 'it gives no reason'}).")
        if _answers(f"http://127.0.0.1:{port}/_stcore/health"):
            return
        time.sleep(0.1)
    raise InvalidInput(
        f"The dashboard does not answer within {WAIT:.0f} seconds. Try another `port`."
    )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


class ModelServer:
    """Answers requests on a model until it is closed or the process ends. Each connection has a thread: it stays open
    as long as the server that asks, so that a few would fill the executor of long work.

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
        change = tweak.UNCHANGED
        if "change" in header:
            change = tweak.from_mapping(header["change"])
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
    def _source(self) -> CircuitSource:
        circuit = self._model.part(EditableCircuit)
        if circuit is None:
            raise InvalidInput("Argument `do` asks for a circuit, but the model has none.")
        return circuit.source
