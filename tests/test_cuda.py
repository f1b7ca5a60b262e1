"""Values and gradients of both systems, the evolution and trajectories on a GPU equal the CPU."""

from __future__ import annotations

import copy

import pytest
import torch

from qfusion.models import EntangledQCNN, QuantumJump
from qfusion.models.registry import build
from qfusion.quantum.lindblad import Generator, evolve_states
from qfusion.quantum.states import density

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device on this machine"
)
INPUTS = {"text": {"size": 5, "sequence": True}, "audio": {"size": 4, "sequence": False}}


def features(device: str) -> dict:
    torch.manual_seed(3)
    mask = torch.arange(7)[None] < torch.randint(1, 8, (6, 1))
    text, audio = torch.randn(6, 7, 5, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    return {"text": (text.to(device), mask.to(device)), "audio": audio.to(device)}


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("quantum-jump", {"dims": 3}),
        ("quantum-jump", {"dims": (2, 2)}),
        ("quantum-jump", {"dims": 4}),
        ("quantum-jump", {"dims": 3, "coupling": "local"}),
        ("entangled-qcnn", {"elements": 6}),
        ("entangled-qcnn", {"elements": 5}),
        ("concatenation", {}),
    ],
)
def test_scores_and_gradients_equal_the_cpu(kind, settings):
    torch.manual_seed(0)
    here = build(kind, INPUTS, ("a", "b"), settings).double().eval()
    there = copy.deepcopy(here).cuda()
    found = []
    for model, device in ((here, "cpu"), (there, "cuda")):
        y = model(features(device))
        y.square().mean().backward()
        found.append(
            (y.detach().cpu(), [p.grad.cpu() for p in model.parameters() if p.grad is not None])
        )
    assert (found[0][0] - found[1][0]).abs().max() < 1e-9
    assert len(found[0][1]) == len(found[1][1]) > 0
    assert all((a - b).abs().max() < 1e-9 for a, b in zip(found[0][1], found[1][1], strict=True))


def test_evolution_and_trajectories_equal_the_cpu():
    model = QuantumJump(INPUTS, dims=3, jumps=1).double().eval().cuda()
    x = features("cuda")
    found = model.estimate(x, 400)
    with torch.no_grad():
        assert ((found.scores - model(x)) / found.errors).abs().max() < 5
    H = torch.randn(5, 5, dtype=torch.complex128)
    H, L = H + H.mH, torch.randn(2, 5, 5, dtype=torch.complex128)
    rho = density(torch.nn.functional.normalize(torch.randn(5, dtype=torch.complex128), dim=0))
    there = evolve_states(H.cuda(), L.cuda(), rho.cuda(), [0.5, 1.0]).cpu()
    assert (there - evolve_states(H, L, rho, [0.5, 1.0])).abs().max() < 1e-10
    assert Generator.dense(H.cuda(), L.cuda()).hamiltonian().is_cuda


def test_network_trains_on_the_gpu():
    model = EntangledQCNN(INPUTS, ("a", "b"), elements=6).cuda()
    text, mask = features("cuda")["text"]
    x = {"text": (text.float(), mask), "audio": features("cuda")["audio"].float()}
    optimiser = torch.optim.Adam(model.parameters(), 0.05)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            model(x), torch.tensor([0, 1, 0, 1, 1, 0], device="cuda")
        )
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
