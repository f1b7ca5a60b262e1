"""Shares of another sample's state: the shortest way between states, the decision along it, and what a browser gets."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qfusion.analysis import changed_samples, mix_curves
from qfusion.analysis.changed_samples import SWAP, Change
from qfusion.analysis.opening import open_study
from qfusion.analysis.sample import Sample
from qfusion.errors import InvalidInput, NotFound
from qfusion.panels import pickers, what_if
from qfusion.quantum import state_paths
from qfusion.ui import knob_addresses, server
from tests.support.app import visit

MODELS = ("qj-parity", "qcnn-parity")
MOST = 1e-4  # of the largest value


def sample_of(model: str) -> Sample:
    study = open_study(model)
    row = study.dataset.row(pickers.default_sample(study))
    return Sample(study, row, int(study.predicted[row]))


def changes_of(sample: Sample, share: float = 1.0) -> tuple[Change, ...]:
    wanted = {"left": {"action": SWAP, "share": share}}
    return changed_samples.wanted_changes(sample.study, sample.row, wanted)


def test_way_between_kets_is_a_geodesic_whatever_the_phases() -> None:
    random = torch.Generator().manual_seed(0)
    start, end = torch.randn(2, 5, 4, dtype=torch.complex128, generator=random)
    start, end = (ket / torch.linalg.vector_norm(ket, dim=-1, keepdim=True) for ket in (start, end))
    angle = lambda a, b: torch.arccos((a.conj() * b).sum(-1).abs().clamp(max=1))  # noqa: E731
    for share in (0.0, 0.3, 0.5, 1.0):
        ket = state_paths.between_kets(start, end, share)
        turned = state_paths.between_kets(start, end * torch.exp(torch.tensor(0.7j)), share)
        assert torch.allclose(torch.linalg.vector_norm(ket, dim=-1), torch.ones(5).double())
        assert torch.allclose(angle(start, ket), share * angle(start, end), atol=1e-7)
        assert torch.allclose(angle(ket, end), (1 - share) * angle(start, end), atol=1e-7)
        assert torch.allclose(ket, turned, atol=1e-12)
    assert torch.equal(state_paths.between_kets(start, start, 0.4), start)


def test_way_between_masses_is_even_in_their_angles() -> None:
    start, end = torch.tensor([[0.0, 0.2, 1.0]]), torch.tensor([[1.0, 0.7, 1.0]])
    assert torch.allclose(state_paths.between_masses(start, end, 0.0), start)
    assert torch.allclose(state_paths.between_masses(start, end, 1.0), end)
    middle = state_paths.between_masses(start, end, 0.5)
    assert middle[0].tolist() == pytest.approx([0.5, np.sin((0.463648 + 0.991157) / 2) ** 2, 1.0])


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_shares_outside_0_to_1_are_refused(bad: float) -> None:
    with pytest.raises(InvalidInput, match="share"):
        state_paths.between_masses(torch.zeros(1, 2), torch.ones(1, 2), bad)
    with pytest.raises(InvalidInput, match="share"):
        changes_of(sample_of("qj-parity"), bad)


@pytest.mark.parametrize("model", MODELS)
def test_curves_equal_the_changed_sample(model: str) -> None:
    sample = sample_of(model)
    changes = changes_of(sample)
    curves = mix_curves.mix_curves(sample.study, sample.row, sample.output, changes, "left")
    assert curves is mix_curves.mix_curves(
        sample.study, sample.row, sample.output, changes_of(sample, 0.3), "left"
    )
    along = curves.values(np.linspace(0, 1, 50))
    for share in (0.0, *np.random.default_rng(0).uniform(0, 1, 4), 1.0):
        own = (replace(changes[0], share=float(share)), changes[1])
        exact = changed_samples.apply_changes(sample.study, sample.row, own).outcome
        got = curves.values(float(share))
        for name, wanted in (
            ("scores", exact.scores),
            ("dividends", exact.dividends[:, sample.output]),
        ):
            assert np.abs(got[name] - wanted).max() < MOST * np.abs(along[name]).max(), name
    assert np.allclose(curves.values(0.0)["scores"], sample.scores, atol=1e-4)


def test_curves_of_a_modality_that_is_not_swapped_are_refused() -> None:
    sample = sample_of("qj-parity")
    for modality, error in (("right", InvalidInput), ("smell", NotFound)):
        with pytest.raises(error, match=modality):
            mix_curves.mix_curves(sample.study, sample.row, 0, changes_of(sample), modality)


def numbers(group: dict[str, Any], x: float) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(group["numbers"]), "<f4").astype(float)
    values = values.reshape(group["count"], len(group["names"]), group["length"])
    return np.asarray(chebyshev.chebval(2 * x - 1, values))


def test_the_answer_holds_the_curves_and_bad_requests_are_refused() -> None:
    client = TestClient(Starlette(routes=server.routes()))
    sample = sample_of("qcnn-parity")
    changes = changes_of(sample, 0.2)
    followed = knob_addresses.FollowedShares(sample, changes, {"mix.left": "left"})
    address = knob_addresses.knobs_address(followed)
    reply = client.get(f"{address}/share", params={"knob": "mix.left"})
    assert reply.status_code == 200
    assert len(reply.content) < 200_000
    curves = mix_curves.mix_curves(sample.study, sample.row, sample.output, changes, "left")
    wanted = curves.values(0.37)
    groups = reply.json()["groups"]
    assert np.allclose(numbers(groups["scores"], 0.37)[0], wanted["scores"], rtol=1e-4)
    assert np.allclose(numbers(groups["final"], 0.37)[:, 0], wanted["dividends"], atol=1e-4)
    for stage in ("decision", "pair", "nothing"):
        assert client.get(f"{address}/{stage}", params={"knob": "mix.left"}).status_code == 404
    for knob in ("", "mix.right", "left", "__class__", "m" * 10_000):
        assert client.get(f"{address}/share", params={"knob": knob}).status_code == 404


def test_the_page_takes_the_share_from_its_link() -> None:
    link = {"model": "qj-parity", "do.left": "another sample's", "mix.left": "0.25"}
    page = visit("What if", **link)
    assert not page.exception
    assert page.slider(key=what_if.share_choice("left").key).value == 0.25
    for bad in ("2", "nan", "x"):
        page = visit("What if", **(link | {"mix.left": bad}))
        assert not page.exception
        assert page.slider(key="mix.left").value == 1.0
