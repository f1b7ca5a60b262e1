"""What a browser fetches for a slider: sizes, stages, bad requests, and the next touch."""

from __future__ import annotations

import base64
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats
from numpy.polynomial import chebyshev
from starlette.applications import Starlette
from starlette.testclient import TestClient

import qfusion
from qfusion.app import server
from qfusion.app.models import slider_answers, slider_requests, sliders
from qfusion.errors import InvalidInput
from qfusion.explain import angle_response
from qfusion.models.tweak import learned_values
from qfusion.quantum import statevector
from qfusion.study import sliders as sliders_module
from qfusion.study.opening import open_study
from qfusion.study.sample import Sample
from qfusion.study.sliders import raise_if_stopped
from qfusion.views import circuit, decision, qubits
from qfusion.views.pages.address import default_sample
from tests.support import own_models

MOST_BYTES = 200_000  # of an answer, for slow lines


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=server.routes())) as client:  # one event loop for all requests
        yield client


def followed(model: str, terms: str = decision.DIVIDENDS) -> slider_answers.LivePreview:
    study = open_study(model)
    row = study.dataset.row(default_sample(study))
    sample = Sample(study, row, int(study.predicted[row]))
    metrics = tuple(sample.metrics)[:1]
    return slider_answers.LivePreview(sample, terms, decision.ENTROPY, metrics, True)


def numbers(group: dict[str, Any], x: float) -> np.ndarray:
    """The series of an answer at a value of the slider, as the browser evaluates them."""
    values = np.frombuffer(base64.b64decode(group["numbers"]), "<f4")
    values = values.reshape(group["count"], len(group["names"]), group["length"])
    share = (x - group["low"]) / (group["high"] - group["low"])
    u = 2 * (np.sqrt(share) if group["of_root"] else share) - 1
    return np.asarray(chebyshev.chebval(u, values.astype(float)))


@pytest.mark.parametrize("model", ["qj-parity", "qj-planted"])
def test_answers_hold_the_curves_and_are_small(client: TestClient, model: str) -> None:
    shown = followed(model)
    address = slider_requests.knobs_address(shown)
    key = next(iter(learned_values(shown.sample.study.model)))
    for stage in slider_answers.LivePreview.STAGES:
        reply = client.get(f"{address}/{stage}", params={"knob": key})
        assert reply.status_code == 200
        assert len(reply.content) < MOST_BYTES
        assert not reply.json()["late"]
        if stage == "final":
            groups = reply.json()["groups"]
            ends = sliders_module.decision_curves(shown.sample, key).values(1.3)
            final = numbers(groups["final"], 1.3)[:, 0]
            assert np.allclose(final, ends["dividends"][:, -1], atol=2e-3)
            assert np.allclose(numbers(groups["scores"], 1.3).ravel(), ends["scores"], atol=2e-3)
        if stage == "decision":
            groups = reply.json()["groups"]
            curves = sliders_module.decision_curves(shown.sample, key).values(1.3)
            assert np.allclose(numbers(groups["terms"], 1.3), curves["dividends"], atol=1e-5)
            final = numbers(groups["final"], 1.3)[:, 0]
            assert np.allclose(final, curves["dividends"][:, -1], atol=1e-5)
    reply = client.get(f"{address}/{slider_answers.RESPONSES}")
    assert len(reply.content) < MOST_BYTES
    assert set(reply.json()["knobs"]) == set(learned_values(shown.sample.study.model))


def test_shapley_values_are_sent_where_they_are_shown(client: TestClient) -> None:
    shown = followed("qj-parity", decision.SHAPLEY)
    address = slider_requests.knobs_address(shown)
    reply = client.get(f"{address}/decision", params={"knob": "T"})
    assert reply.json()["groups"]["terms"]["names"] == list(shown.sample.modalities)


def test_equal_pages_share_an_address_and_others_do_not() -> None:
    one = slider_requests.knobs_address(followed("qj-parity"))
    assert one == slider_requests.knobs_address(followed("qj-parity"))
    assert one != slider_requests.knobs_address(followed("qj-planted"))


def test_bad_requests_are_refused(client: TestClient) -> None:
    address = slider_requests.knobs_address(followed("qj-parity"))
    asked = {"knob": "T"}
    assert client.get("/knobs/unknown/decision", params=asked).status_code == 404
    assert client.get(f"{address}/nothing", params=asked).status_code == 404
    for knob in ("", "H.nothing", "__class__", "T" * 10_000):
        reply = client.get(f"{address}/decision", params={"knob": knob})
        assert reply.status_code == 404, knob
        assert len(reply.text) < 1000


def test_the_next_touch_of_a_session_stops_the_last_one(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = followed("qj-planted")
    address = slider_requests.knobs_address(shown)
    begun = threading.Event()
    evaluate = sliders_module.coalitions.explain_times

    def slow(*given: Any) -> Any:
        begun.set()
        time.sleep(0.05)
        return evaluate(*given)

    monkeypatch.setattr(sliders_module.coalitions, "explain_times", slow)
    replies = []
    ask = lambda knob: client.get(f"{address}/decision", params={"knob": knob})  # noqa: E731
    first = threading.Thread(target=lambda: replies.append(ask("H.text-vision")))
    first.start()
    assert begun.wait(20)
    assert ask("H.audio").status_code == 200
    first.join()
    assert replies[0].status_code == 204
    assert ask("H.text-vision").status_code == 200  # nothing half-done was kept


@pytest.mark.parametrize("asked", [("T",), ("H.audio", "H.text-vision", "T")])
def test_requests_of_one_session_do_not_delay_another(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...]
) -> None:
    shown = followed("qj-planted")
    monkeypatch.setattr(slider_requests, "session_id", lambda: f"one of {asked}")
    address = slider_requests.knobs_address(shown)
    monkeypatch.setattr(slider_requests, "session_id", lambda: f"another than {asked}")
    other = slider_requests.knobs_address(shown)
    assert other != address
    busy: list[str] = []
    most: list[int] = []

    def slow(sample: Sample, knob: str) -> Any:
        busy.append(knob)
        most.append(len(busy))
        try:
            for _ in range(20):
                time.sleep(0.01)
                raise_if_stopped()
        finally:
            busy.remove(knob)
        raise InvalidInput("Evaluated to its end.")

    monkeypatch.setattr(sliders_module, "decision_curves", slow)
    assert client.get(f"{other}/final", params={"knob": "T"}).status_code == 200
    with ThreadPoolExecutor(32) as threads:
        replies = [
            threads.submit(
                client.get,
                f"{address}/decision",
                params={"knob": asked[n % len(asked)], "reader": str(n)},
            )
            for n in range(60)
        ]
        time.sleep(0.05)
        began = time.monotonic()
        assert client.get(f"{other}/final", params={"knob": "T"}).status_code == 200
        assert time.monotonic() - began < 1
        codes = {reply.result().status_code for reply in replies}
    assert max(most) == 1
    assert codes == {204, 422}


def test_addresses_of_one_session_do_not_displace_those_of_another(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = followed("qj-parity")
    mine = slider_requests.knobs_address(shown)
    monkeypatch.setattr(slider_requests, "session_id", lambda: "another")
    theirs = [
        slider_requests.knobs_address(dataclasses.replace(shown, metrics=(f"{n}",)))
        for n in range(2000)
    ]
    assert client.get(f"{mine}/final", params={"knob": "T"}).status_code == 200
    assert client.get(f"{theirs[0]}/final", params={"knob": "T"}).status_code == 404
    assert client.get(f"{theirs[-1]}/final", params={"knob": "T"}).status_code == 200


def answer(client: TestClient, shown: Any, stage: str, knob: str) -> Any:
    address = slider_requests.knobs_address(shown)
    return client.get(f"{address}/{stage}", params={"knob": knob, "reader": "one"}).json()


def angles_of(sample: Sample, gate: int) -> slider_answers.LiveAnglePreview:
    return slider_answers.LiveAnglePreview(sample, sliders.angle_sliders(sample.study), (), gate)


@pytest.mark.parametrize("make", [own_models.angle_classifier, own_models.reuploading_classifier])
def test_states_follow_the_angle_of_a_gate_of_an_own_circuit(
    client: TestClient, make: Callable[[], Any]
) -> None:
    widths = (4, 3) if make is own_models.angle_classifier else (3, 3)
    study = qfusion.open(make(), own_models.two_modalities(*widths, rows=24))
    name = angle_response.angle_names(study.model)[1]
    gate, value = int(name.partition(".")[0]), -0.83
    sample = study.sample(str(study.dataset.ids[2]))
    shown = angles_of(sample, gate)
    answers = [answer(client, shown, stage, f"_angle.{name}") for stage in ("states", "shared")]
    assert not any(reply["late"] for reply in answers)
    groups = answers[0]["groups"] | answers[1]["groups"]
    now = replace(sample, tweak=f"{name}={value}")
    sizes = tuple(study.model.registers().values())
    states = [
        psi.numpy().reshape((2,) * sum(sizes))
        for psi in statevector.apply_circuit(
            now.model.gates(now.model.encode(sample.inputs)), sum(sizes)
        )
    ]
    alone = np.array([[qubit_state(psi, q) for q in range(psi.ndim)] for psi in states])
    pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    bloch = np.einsum("aij,gqji->gqa", pauli, alone).real
    followed_bloch = numbers(groups["states"], value)
    assert np.allclose(followed_bloch, np.concatenate([bloch[gate], bloch[gate - 1]], 1), atol=1e-5)
    assert np.allclose(numbers(groups["ends"], value)[:, 0], (1 - bloch[-1, :, 2]) / 2, atol=1e-5)
    entropy = np.array([[entropy_of(rho) for rho in row] for row in alone]).T
    assert np.allclose(numbers(groups["entropies"], value)[:, :-1], entropy, atol=2e-3)
    halves = [psi.reshape(2 ** sizes[0], -1) for psi in states]
    mutual = [2 * entropy_of(half @ half.conj().T) for half in halves]
    assert np.allclose(numbers(groups["shared"], value)[0, :-1], mutual, atol=4e-3)
    assert np.allclose(qubits.mutual_gates(now).numbers.iloc[:, 1], mutual, atol=1e-6)


def qubit_state(psi: np.ndarray, qubit: int) -> np.ndarray:
    rows = np.moveaxis(psi, qubit, 0).reshape(2, -1)
    return rows @ rows.conj().T


def entropy_of(rho: np.ndarray) -> float:
    return float(scipy.stats.entropy(np.linalg.eigvalsh(rho).clip(0)))


@pytest.mark.parametrize(("name", "gate"), [("0.01", 3), ("convolution.0.0", 30)])
def test_states_follow_an_angle_of_a_network(client: TestClient, name: str, gate: int) -> None:
    study = open_study("qcnn-parity")
    sample, value = study.sample(default_sample(study)), 2.2
    key = next(key for key, slider in sliders.angle_sliders(study).items() if slider.name == name)
    reply = answer(client, angles_of(sample, gate), "states", key)
    walk = circuit.replay(replace(sample, tweak=f"{name}={value}"))
    groups, rows = reply["groups"], list(walk.followed)
    assert np.allclose(
        numbers(groups["ends"], value)[:, 0], (1 - walk.bloch[-1, rows, 2]) / 2, atol=2e-3
    )
    assert ("states" in groups) == (name == "0.01")
    if "states" not in groups:
        assert reply["late"] == ["the states at the scrubber"]
        return
    vectors = np.concatenate([walk.bloch[gate], walk.bloch[gate - 1]], 1)
    assert np.allclose(numbers(groups["states"], value), vectors, atol=2e-3)
    assert np.allclose(
        numbers(groups["outcomes"], value)[1], np.diag(walk.moments[gate - 1][2]).real, atol=2e-3
    )
