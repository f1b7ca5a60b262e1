"""The dashboard on a model of a Python session: the link, the data beside it, every page, the end of the process."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch

import qfusion
from qfusion import _user_folders
from qfusion.adapters import showing
from qfusion.data import DataSet, Modality, Series, Target, Text
from qfusion.data.store import reading, writing
from qfusion.errors import InvalidInput, NotFound
from qfusion.models import live_link
from qfusion.models.tweak import CircuitChange
from qfusion.training import checkpoint
from tests.support import own_models
from tests.support.app import said, visit
from tests.support.measured_games import make_game, open_game
from tests.support.shown_studies import check_shown_from_files

NAME, SAMPLE = "angles", "sample-0008"
PAGES = (
    "Overview",
    "Samples",
    "Circuit",
    "Dynamics",
    "Decision operators",
    "What if",
    "Cohorts",
    "Compare",
    "Faithfulness",
    "Data",
    "Train",
)


@pytest.fixture(scope="module")
def study() -> Any:
    return qfusion.open(own_models.angle_classifier(), own_models.two_modalities(), name=NAME)


@pytest.fixture
def placed(study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yields the study as a server sees it, in this process."""
    with contextlib.ExitStack() as stack:
        for name, value in showing.place_variables(tmp_path, NAME).items():
            monkeypatch.setenv(name, value)
        showing.place_study(study, tmp_path, stack)
        yield qfusion.study.opening.open_study(NAME, "data")


def test_linked_numbers_equal_those_of_the_process(study: Any, placed: Any) -> None:
    assert placed.model is not study.model
    np.testing.assert_allclose(placed.scores, study.scores, atol=1e-12)
    here, there = (one.sample(SAMPLE) for one in (study, placed))
    assert there.dividends == pytest.approx(here.dividends, abs=1e-12)
    assert there.entropies == pytest.approx(here.entropies, abs=1e-12)
    assert there.verdict.relation is here.verdict.relation
    assert placed.model.registers() == study.model.registers()
    assert placed.model.gate_roles() == study.model.gate_roles()
    tweak = "6.theta=0.4"
    here, there = (one.sample(SAMPLE, tweak=tweak) for one in (study, placed))
    assert there.dividends == pytest.approx(here.dividends, abs=1e-12)


def test_studies_without_a_python_model_are_shown_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A measured game, and a model that is known by its name."""
    for place, here in enumerate((open_game(make_game()), qfusion.open("qcnn-parity"))):
        folder = tmp_path / str(place)
        folder.mkdir()
        check_shown_from_files(here, folder, monkeypatch)


def test_gradients_pass_through_the_link(study: Any, placed: Any) -> None:
    slopes = []
    for one in (study, placed):
        inputs = {name: value.requires_grad_() for name, value in one.inputs([3]).items()}
        scores = one.model(inputs)
        slopes.append(torch.autograd.grad(scores[0, 0], list(inputs.values())))
    for here, there in zip(*slopes, strict=True):
        torch.testing.assert_close(there, here, atol=1e-10, rtol=0)
        assert bool(here.abs().max() > 0)


def test_gradients_of_a_function_without_any_are_differences() -> None:
    def scores(left: torch.Tensor, right: torch.Tensor) -> np.ndarray:
        x, y = left.numpy(), right.numpy()
        return np.stack([np.sin(x[:, 0]) * y[:, 1], x[:, 1] ** 2], 1)

    opened = qfusion.open(scores, own_models.two_modalities())
    inputs = {name: value.requires_grad_() for name, value in opened.inputs([3]).items()}
    raw = opened.trained(inputs)
    slope = torch.autograd.grad(raw[0, 0], inputs["left"])[0]
    x, y = (inputs[name].detach() for name in ("left", "right"))
    expected = torch.zeros_like(x)
    expected[0, 0] = torch.cos(x[0, 0]) * y[0, 1]
    torch.testing.assert_close(slope, expected, atol=1e-7, rtol=0)


@pytest.mark.parametrize("title", PAGES)
def test_every_page_is_drawn(placed: Any, title: str) -> None:
    app = visit(title, model=NAME, data="data", sample=SAMPLE)
    assert not app.exception, app.exception
    if title == "Circuit":
        assert "PennyLane ran for this sample" in said(app)


@pytest.mark.parametrize("reset", [False, True])
def test_the_circuit_page_draws_registers_of_no_modality(
    reset: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @qml.qnode(qml.device("default.qubit", wires=4))
    def circuit(left: Any, right: Any) -> Any:
        qml.RY(left[..., 0], wires=0)
        qml.RY(right[..., 0], wires=1)
        qml.CNOT(wires=[0, 2])
        if reset:
            qml.measure(2, reset=True)
        qml.CRX(0.8, wires=[1, 2])
        return qml.expval(qml.PauliZ(2))

    study = qfusion.open(
        lambda left, right: circuit(left, right), own_models.two_modalities(rows=20), name="more"
    )
    with contextlib.ExitStack() as stack:
        for name, value in showing.place_variables(tmp_path, "more").items():
            monkeypatch.setenv(name, value)
        showing.place_study(study, tmp_path, stack)
        app = visit("Circuit", model="more", data="data", sample=SAMPLE, gate="3")
    assert not app.error
    assert "other share" in said(app)


def test_edited_angles_are_said_on_the_circuit_page(placed: Any) -> None:
    query = {"model": NAME, "data": "data", "sample": SAMPLE, "gate": "6", "phi": "6.theta=0.4"}
    app = visit("Circuit", **query, **{"table.layers": "true", "table.noise": "true"})
    assert not app.exception
    sample = placed.sample(SAMPLE, tweak="6.theta=0.4")
    assert f"→ {sample.score:.3f}".replace("-", "−") in said(app).replace("-", "−")
    assert app.slider(key="_angle.6.theta").value == 0.4
    app.slider(key="_angle.6.theta").set_value(0.5).run()
    moved = placed.sample(SAMPLE, tweak="6.theta=0.5")
    assert f"→ {moved.score:.3f}".replace("-", "−") in said(app).replace("-", "−")


def test_a_process_that_ends_is_said_and_what_is_known_stays(
    study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.ExitStack() as stack:
        for name, value in showing.place_variables(tmp_path, NAME).items():
            monkeypatch.setenv(name, value)
        showing.place_study(study, tmp_path, stack)
        there = qfusion.study.opening.open_study(NAME, "data")
        known = there.sample(SAMPLE).dividends
    there.model.call.link.close()
    assert there.sample(SAMPLE).dividends == known
    with pytest.raises(InvalidInput, match="has ended"):
        there.sample("sample-0011").dividends  # noqa: B018
    app = visit("Samples", model=NAME, data="data", sample="sample-0011")
    assert "has ended" in said(app)


def test_a_wrong_token_is_not_answered(study: Any, tmp_path: Path) -> None:
    server = showing.ModelServer(study.trained, str(tmp_path / "model"), b"right")
    link = live_link.LiveLink(str(tmp_path / "model"), b"wrong", NAME)
    with pytest.raises(InvalidInput, match="has ended"):
        link.ask({"do": "columns"}, {})
    server.close()


@pytest.mark.parametrize("sent", [None, b"", b"GET / HTTP/1.1\r\n\r\n"])
@pytest.mark.parametrize("is_path", [True, False])
def test_a_client_that_says_nothing_or_leaves_does_not_end_the_listener(
    study: Any, tmp_path: Path, sent: bytes | None, is_path: bool
) -> None:
    """`sent` is what it sends before it leaves; None for one that stays silent."""
    server = showing.ModelServer(
        study.trained, str(tmp_path / "model") if is_path else None, b"token"
    )
    with socket.socket(socket.AF_UNIX if is_path else socket.AF_INET) as client:
        client.connect(server.address)
        if sent is not None:
            client.sendall(sent)
            client.close()
        features = live_link.pack_features(study.model.encode(study.inputs([1])))
        answer = live_link.LiveLink(server.address, b"token", NAME).ask({"do": "columns"}, features)
    assert set(answer[1]) == {"columns"}
    server.close()


@pytest.mark.parametrize("is_path", [True, False])
def test_a_process_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_path: bool
) -> None:
    """A stopped process: the system takes its connections, and nobody reads."""
    monkeypatch.setattr(live_link, "GREETING", 0.2)
    with socket.socket(socket.AF_UNIX if is_path else socket.AF_INET) as stopped:
        stopped.bind(str(tmp_path / "model") if is_path else ("127.0.0.1", 0))
        stopped.listen(1)
        began = time.monotonic()
        for _ in range(4):  # more than the system takes
            link = live_link.LiveLink(stopped.getsockname(), b"token", NAME)
            with pytest.raises(InvalidInput, match="is stopped"):
                link.ask({}, {})
        monkeypatch.setattr(live_link, "GREETING", 10.0)
        monkeypatch.setenv("QFUSION_PROGRAM_S", "1")
        with ThreadPoolExecutor() as threads:  # who wait for one another
            asked = [threads.submit(link.ask, {}, {}) for _ in range(4)]
            assert all(isinstance(entry.exception(), InvalidInput) for entry in asked)
        assert time.monotonic() - began < 10


def test_requests_that_make_no_sense_are_answered_with_a_problem(
    study: Any, tmp_path: Path
) -> None:
    server = showing.ModelServer(study.trained, str(tmp_path / "model"), b"right")
    link = live_link.LiveLink(str(tmp_path / "model"), b"right", NAME)
    for header in ({}, {"do": "gates", "change": {}}, {"do": "columns"}):
        with pytest.raises(InvalidInput):
            link.ask(header, {"values left": torch.ones(2, 2, dtype=torch.float64)})
    features = study.model.encode(study.inputs([1]))
    answer = link.ask({"do": "columns"}, live_link.pack_features(features))[1]["columns"]
    torch.testing.assert_close(answer, study.trained.plain_columns(features))
    server.close()


def test_a_link_is_only_opened_from_its_own_folder(study: Any, tmp_path: Path) -> None:
    """A card that somebody puts among the models must not make a server connect anywhere."""
    with contextlib.ExitStack() as stack:
        showing.place_study(study, tmp_path, stack)
        with pytest.raises(InvalidInput, match="lives in a Python process"):
            checkpoint.load(tmp_path / "models" / f"{NAME}.json")


def test_names_that_are_taken_do_not_show_something_else(
    study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of another one's name is refused; data of a built-in set's name are shown in its place."""
    data = own_models.two_modalities()
    taken = qfusion.open(own_models.angle_classifier(), data, name="qcnn-parity")
    with (
        contextlib.ExitStack() as stack,
        pytest.raises(InvalidInput, match="There is another model 'qcnn-parity'"),
    ):
        showing.place_study(taken, tmp_path / "taken", stack)
    renamed = dataclasses.replace(study.dataset, name="planted")
    here = qfusion.open(own_models.angle_classifier(), renamed, name=NAME)
    with contextlib.ExitStack() as stack:
        for name, value in showing.place_variables(tmp_path, NAME).items():
            monkeypatch.setenv(name, value)
        showing.place_study(here, tmp_path, stack)
        there = qfusion.study.opening.open_study(NAME, "planted")
        assert there.dataset.identity == renamed.identity
        np.testing.assert_allclose(there.scores, here.scores, atol=1e-12)


def test_changes_survive_the_link() -> None:
    from qfusion.models import tweak

    change = CircuitChange(
        ((5, "theta", 0.25),), frozenset({1, 2}), 0.1, 0.2, 0.3, 500, "FakeManilaV2", 3
    )
    assert tweak.from_mapping(tweak.as_mapping(change)) == change


def test_a_set_is_written_and_read_whole(tmp_path: Path) -> None:
    ids = np.array(["a", "b", "c"])
    import pandas as pd

    dataset = DataSet(
        name="small",
        title="Small set",
        description="three",
        source="here",
        licence="none",
        modalities=(
            Modality("text", np.ones((3, 2, 2)), np.array([2, 2, 2]), ("x", "y"), rate=2.0),
            Modality("picture", np.zeros((3, 4)), None, ("a", "b", "c", "d"), shape=(2, 2)),
        ),
        target=Target("regression", "mood", (-1.0, 1.0), convention="plain"),
        y=np.array([0.5, -0.5, 0.25]),
        ids=ids,
        split=np.array(["train", "valid", "test"]),
        table=pd.DataFrame({"speaker": ["x", "y", "z"], "age": [1, 2, 3]}, index=ids.tolist()),
        content_of=lambda row: {
            "text": Text(f"sentence {row}", ("sentence", str(row))),
            "picture": Series(np.arange(3.0), np.arange(3.0), "x", "y"),
        },
    )
    writing.write_set(dataset, tmp_path)
    read = reading.open_set(tmp_path)
    assert read.identity == dataset.identity
    assert read.content(2)["text"] == dataset.content(2)["text"]
    np.testing.assert_array_equal(read.content(1)["picture"].values, np.arange(3.0))
    assert (read.modalities[0].rate, read.modalities[1].shape) == (2.0, (2, 2))


def test_arguments_of_show() -> None:
    opened = qfusion.open(own_models.angle_classifier(), own_models.two_modalities(), name=NAME)
    with pytest.raises(NotFound):
        qfusion.show(opened, sample="nobody")
    with pytest.raises(InvalidInput, match="`page`"):
        qfusion.show(opened, page="nowhere")
    with pytest.raises(InvalidInput, match=r"Arguments of `qfusion.open`"):
        qfusion.show(opened, own_models.two_modalities())
    with pytest.raises(InvalidInput, match="`name`"):
        qfusion.show(own_models.angle_classifier(), own_models.two_modalities(), name="../up")
    with pytest.raises(InvalidInput, match="`page`"):
        qfusion.show("qcnn-parity", page="nowhere")


def test_show_starts_a_server_that_stop_ends(study: Any) -> None:
    dashboard = qfusion.show(study, sample=SAMPLE, browser=False)
    try:
        assert f"model={NAME}" in dashboard.url
        with urllib.request.urlopen(dashboard.url, timeout=10) as answer:
            assert answer.status == 200
        assert dashboard.url.replace("&", "&amp;") in dashboard._repr_html_()
        assert dashboard.is_running
    finally:
        dashboard.stop()
    assert not dashboard.is_running


def test_a_port_that_is_taken_is_named(study: Any) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(InvalidInput, match=f"Argument `port` is {taken}, on which"):
            qfusion.show(study, port=taken, browser=False)
    with pytest.raises(InvalidInput, match="Argument `port` is 70000"):
        qfusion.show(study, port=70_000, browser=False)


def test_a_server_without_its_owner_ends(tmp_path: Path) -> None:
    """The owner is a process that has ended already; nobody looks."""
    import subprocess
    import sys

    owner = subprocess.Popen([sys.executable, "-c", ""])
    owner.wait()
    variables = {**os.environ, _user_folders.OWNER: str(owner.pid), "QFUSION_OWNER_WAIT": "1"}
    server = subprocess.Popen(
        [sys.executable, "-m", "qfusion", "app", "--port", str(showing.free_port())]
        + ["--server.headless", "true"],
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < until:
        time.sleep(0.2)
    ended = server.poll()
    server.kill()
    assert ended is not None
