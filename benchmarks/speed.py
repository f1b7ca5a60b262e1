"""A training step and an explanation, beside rivals in the same run.

    pip install torchdiffeq && python benchmarks/speed.py [--repeats 5]

The step is forward and backward of scores of 256 samples at D = 27 (three modalities of dimension 3, three jump
operators): ours evolves the observables once; the rivals evolve 256 density matrices, by torchdiffeq's dopri5 and by a
batched fourth-order Runge-Kutta method, to the same accuracy of 1e-6. Writes the table `speed` of docs/results.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import tables  # noqa: E402

from qfusion import explain  # noqa: E402
from qfusion.models import InputSpec, QuantumJump  # noqa: E402
from qfusion.models.quantum_jump import expectation  # noqa: E402
from qfusion.quantum.lindblad import evolve_observables, evolve_states  # noqa: E402
from qfusion.quantum.states import density  # noqa: E402

D, B, K = 27, 256, 3


def seconds(function: Callable[[], object], repeats: int) -> list[float]:
    """Returns the time of each repeat after one warm-up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return times


def shown(times: list[float]) -> str:
    """Returns "median (least-most)" in milliseconds."""
    return f"{statistics.median(times) * 1e3:,.1f} ({min(times) * 1e3:,.1f}-{max(times) * 1e3:,.1f})"


def derivative(H: Tensor, L: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Returns the right-hand side of the master equation for batches of density matrices."""
    G = -1j * H - 0.5 * (L.mH @ L).sum(0)

    def f(_: Tensor, rho: Tensor) -> Tensor:
        left = G @ rho
        return left + left.mH + torch.einsum("kab,nbc,kdc->nad", L, rho, L.conj())

    return f


def runge_kutta(f: Callable[[Tensor, Tensor], Tensor], rho: Tensor, T: float, steps: int) -> Tensor:
    """The classical fourth-order method."""
    h, t = T / steps, torch.tensor(0.0)
    for _ in range(steps):
        k1 = f(t, rho)
        k2 = f(t, rho + h / 2 * k1)
        k3 = f(t, rho + h / 2 * k2)
        k4 = f(t, rho + h * k3)
        rho = rho + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return rho


def training_steps(C: int, repeats: int) -> list[list[str]]:
    """Returns a row per method: time of forward and backward with C outputs, ratio, error against QuTiP-grade double
    precision."""
    from torchdiffeq import odeint

    torch.manual_seed(0)
    A = (torch.randn(D, D, dtype=torch.complex64) / D**0.5).requires_grad_()
    L = (torch.randn(K, D, D, dtype=torch.complex64) / (2 * D) ** 0.5).requires_grad_()
    O = torch.randn(C, D, D, dtype=torch.complex64)
    O = (O + O.mH) / 2
    psi = torch.nn.functional.normalize(torch.randn(B, D, dtype=torch.complex64), dim=-1)
    with torch.no_grad():
        wide = torch.complex128
        H = (A + A.mH) / 2
        exact = torch.einsum("cab,nba->nc", O.to(wide),
                             evolve_states(H.to(wide), L.to(wide), density(psi.to(wide)), [1.0])[0]).real

    def states(evolve: Callable[..., Tensor]) -> Callable[[], Tensor]:
        return lambda: torch.einsum("cab,nba->nc", O, evolve(derivative((A + A.mH) / 2, L), density(psi))).real

    methods = {
        "qfusion, observables evolved once": lambda: expectation(evolve_observables((A + A.mH) / 2, L, O, [1.0])[0],
                                                                 psi),
        "batched Runge-Kutta 4, 30 steps": states(lambda f, rho: runge_kutta(f, rho, 1.0, 30)),
        "torchdiffeq dopri5, rtol 1e-6": states(lambda f, rho: odeint(f, rho, torch.tensor([0.0, 1.0]), rtol=1e-6,
                                                                      atol=1e-7)[-1]),
    }
    rows, ours = [], 0.0
    for label, scores in methods.items():
        error = (scores().detach() - exact).abs().max().item()
        times = seconds(lambda scores=scores: scores().square().mean().backward(), repeats)
        median = statistics.median(times)
        ours = ours or median
        step = f"Training step, {B} samples, D = {D}, {C} output{'s' * (C > 1)}"
        rows.append([f"{step}: {label}", shown(times), f"{median / ours:.0f}", f"{error:.0e}"])
        print(rows[-1], flush=True)
    return rows


def explanations(repeats: int) -> list[list[str]]:
    """Returns rows for exact contributions of 752 samples against 1,447 background samples at D = 64: ours and brute
    force."""
    torch.manual_seed(0)
    sizes = {"text": 100, "audio": 73, "vision": 100}
    model = QuantumJump({name: InputSpec(size) for name, size in sizes.items()}).double().eval()
    rows = {name: torch.randn(1447, size, dtype=torch.float64) for name, size in sizes.items()}
    x = {name: torch.randn(752, size, dtype=torch.float64) for name, size in sizes.items()}

    def exact() -> explain.Explanation:
        return explain.explain(model, x, explain.background(model, rows))

    few = 4  # brute force of all 752 would take minutes; its time is linear in the samples

    @torch.no_grad()
    def brute() -> list[list[float]]:
        values = []
        for i in range(few):
            for S in range(8):
                mixed = {name: x[name][i].expand_as(rows[name]) if S >> m & 1 else rows[name]
                         for m, name in enumerate(sizes)}
                values.append(model(mixed).mean().item())
        return [values]

    ours, theirs = seconds(exact, repeats), [t * 752 / few for t in seconds(brute, repeats)]
    order = [sum(1 << list(sizes).index(n) for n in c.split("+") if n) for c in exact().coalitions]
    error = max(abs(exact().values[i, s, 0] - brute()[0][8 * i + order[s]]) for i in range(few) for s in range(8))
    median = statistics.median(ours)
    label = "Contributions of 752 samples against 1,447, D = 64"
    return [[f"{label}: qfusion", shown(ours), "1", f"{error:.0e}"],
            [f"{label}: brute force (from {few} samples)", shown(theirs), f"{statistics.median(theirs) / median:,.0f}",
             "reference"]]


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    rows = [*training_steps(1, repeats), *training_steps(7, repeats), *explanations(repeats)]
    header = ["One torch thread", "Median ms (least-most)", "Ratio", "Largest error"]
    tables.write("speed", tables.markdown(header, rows) + f"\n\n{repeats} repeats. " + tables.provenance("speed.py"))


if __name__ == "__main__":
    main()
