"""Shares of another sample's state: the shortest way between states, and the page that sets them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qfusion.errors import InvalidInput
from qfusion.quantum import states
from qfusion.study.opening import open_study
from qfusion.study.sample import Sample
from qfusion.study.what_if import SWAP, Change, wanted_changes
from qfusion.views.pages import address, what_if
from tests.support.app import visit


def sample_of(model: str) -> Sample:
    study = open_study(model)
    row = study.dataset.row(address.default_sample(study))
    return Sample(study, row, int(study.predicted[row]))


def changes_of(sample: Sample, share: float = 1.0) -> tuple[Change, ...]:
    wanted = {"left": {"action": SWAP, "share": share}}
    return wanted_changes(sample.study, sample.row, wanted)


def test_way_between_kets_is_a_geodesic_whatever_the_phases() -> None:
    random = torch.Generator().manual_seed(0)
    start, end = torch.randn(2, 5, 4, dtype=torch.complex128, generator=random)
    start, end = (ket / torch.linalg.vector_norm(ket, dim=-1, keepdim=True) for ket in (start, end))
    angle = lambda a, b: torch.arccos((a.conj() * b).sum(-1).abs().clamp(max=1))  # noqa: E731
    for share in (0.0, 0.3, 0.5, 1.0):
        ket = states.ket_geodesic(start, end, share)
        turned = states.ket_geodesic(start, end * torch.exp(torch.tensor(0.7j)), share)
        assert torch.allclose(torch.linalg.vector_norm(ket, dim=-1), torch.ones(5).double())
        assert torch.allclose(angle(start, ket), share * angle(start, end), atol=1e-7)
        assert torch.allclose(angle(ket, end), (1 - share) * angle(start, end), atol=1e-7)
        assert torch.allclose(ket, turned, atol=1e-12)
    assert torch.equal(states.ket_geodesic(start, start, 0.4), start)


def test_way_between_masses_is_even_in_their_angles() -> None:
    start, end = torch.tensor([[0.0, 0.2, 1.0]]), torch.tensor([[1.0, 0.7, 1.0]])
    assert torch.allclose(states.between_masses(start, end, 0.0), start)
    assert torch.allclose(states.between_masses(start, end, 1.0), end)
    middle = states.between_masses(start, end, 0.5)
    assert middle[0].tolist() == pytest.approx([0.5, np.sin((0.463648 + 0.991157) / 2) ** 2, 1.0])


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_shares_outside_0_to_1_are_refused(bad: float) -> None:
    with pytest.raises(InvalidInput, match="share"):
        states.between_masses(torch.zeros(1, 2), torch.ones(1, 2), bad)
    with pytest.raises(InvalidInput, match="share"):
        changes_of(sample_of("qj-parity"), bad)


def test_the_page_takes_the_share_from_its_link() -> None:
    link = {"model": "qj-parity", "do.left": "another sample's", "mix.left": "0.25"}
    page = visit("What if", **link)
    assert not page.exception
    assert page.slider(key=what_if.share_choice("left").key).value == 0.25
    for bad in ("2", "nan", "x"):
        page = visit("What if", **(link | {"mix.left": bad}))
        assert not page.exception
        assert page.slider(key="mix.left").value == 1.0
