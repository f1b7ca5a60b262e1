"""Hermitian parameters: every entry changes the matrix."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from qfusion import data
from qfusion.errors import InvalidInput
from qfusion.models import build
from qfusion.models.jump import kets
from qfusion.training import Options, checkpoint, checkpoint_cards, prepare

INPUTS = {"a": {"size": 2, "sequence": False}, "b": {"size": 3, "sequence": False}}
KINDS: dict[str, dict[str, Any]] = {
    "quantum-jump": dict(dims=[2, 3], jumps=2),
    "state-linear": dict(dims=2, rank=2),  # as many outputs as levels: shapes could be mistaken
}
OUTPUTS = ("yes", "no")


def model_of(kind: str) -> Any:
    torch.manual_seed(1)
    return build(kind, INPUTS, OUTPUTS, dict(hidden=4, dropout=0.0, **KINDS[kind])).double().eval()


def rows() -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(2)
    return {
        name: torch.randn(5, spec["size"], generator=random, dtype=torch.float64)
        for name, spec in INPUTS.items()
    }


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 2, 2), (2, 1, 5, 5)])
def test_entries_and_matrices_round_trip(shape: tuple[int, ...]) -> None:
    entries = torch.randn(shape, dtype=torch.float64)
    H = kets.compose_hermitian(entries)
    assert torch.equal(H, H.mH)
    assert torch.equal(kets.hermitian_entries(H), entries)


@pytest.mark.parametrize("kind", ["quantum-jump", "state-linear"])
def test_every_entry_changes_the_matrix(kind: str) -> None:
    model = model_of(kind)
    with torch.no_grad():
        before = model(rows())
        for name, parameter in model.named_parameters():
            if not is_hermitian(name):
                continue
            flat = parameter.view(-1)
            for entry in range(len(flat)):
                flat[entry] += 0.1
                change = (model(rows()) - before).abs().max()
                flat[entry] -= 0.1
                assert change > 1e-9, f"{name}, entry {entry}"


def is_hermitian(name: str) -> bool:
    """Whether a parameter of this name holds the entries of Hermitian matrices."""
    return name.partition(".")[0] in ("A", "turns", "single", "factors", "H")


def test_shipped_models_have_no_inactive_parameter() -> None:
    for name in checkpoint_cards.available():
        if not name.startswith("qj-"):
            continue
        trained = checkpoint.load(name)
        D = trained.model.observables().shape[-1]
        assert trained.model.A[0].shape == (D, D)
        total = sum(p.numel() for p in trained.model.parameters())
        assert trained.card["parameters"]["total"] == total


def test_a_training_state_of_another_shape_is_refused() -> None:
    planted = data.load("planted")
    fit = prepare("quantum-jump", planted, dict(dims=2, hidden=4), Options(epochs=2), 0)
    fit.epoch()
    state = fit.state()
    for moments in state["optimiser"]["state"].values():
        if moments["exp_avg"].shape == (8, 8):
            moments["exp_avg"] = torch.zeros(8, 8, 2)
    other = prepare("quantum-jump", planted, dict(dims=2, hidden=4), Options(epochs=2), 0)
    with pytest.raises(InvalidInput, match="exp_avg"):
        other.restore(state)
