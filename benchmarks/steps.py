"""A training step of QiNN-QJ beside rivals in the same run: time, errors of values and gradients, peak memory.

    pip install -r requirements-bench.txt && python benchmarks/steps.py [--dims 8 27 64 125] [--repeats 3]

One step is forward and backward of J = 7 scores of a batch of pure states through H and K = 3 jump operators
(complex128, gradients of H and of every L_k). Ours evolves the observables once; rivals evolve every state's density
matrix: dynamiqs (JAX, compiled, Tsit5), torchdiffeq's dopri5 (plain and by its adjoint), a batched fourth-order
Runge-Kutta method, all at a tolerance that reaches 1e-6 in values, the matrix exponential of the Liouvillian where D^2
allows it, and a loop of QuTiP's mesolve, which has no gradients; where there is a CUDA device, ours on it. Methods
take turns; the time of one is the median over the turns, with the least and the most. Memory is the peak of a process
that does nothing else, less what it held before the step. Writes the tables `steps` and `steps-batch` of
docs/results.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)
import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import peak  # noqa: E402
import tables  # noqa: E402

from qfusion.quantum import generators  # noqa: E402
from qfusion.quantum.lindblad import evolve_observables  # noqa: E402
from qfusion.quantum.states import expectation  # noqa: E402

J, K, TOLERANCE = 7, 3, 1e-6
ASKED = 3e-7  # of an adaptive integrator, so that its error is about that
BATCHES = (1, 16, 64, 256, 1024, 4096)
KEPT = (
    ROOT / "benchmarks" / "runs" / "steps.json"
)  # rows by D: one run of each D, which may be another day's
MOST_SECONDS = 240.0  # a method that takes longer for one step is left out at larger sizes
RIVALS_BATCH = {8: 256, 27: 256, 64: 16, 125: 1}  # what the slowest of them still does within that


class Case:
    """H = (A + A^+) / 2, L, O and states, the same numbers for every method."""

    def __init__(self, D: int, B: int):
        torch.manual_seed(0)
        self.D, self.B = D, B
        wide = torch.complex128
        self.A = (torch.randn(D, D, dtype=wide) / D**0.5).requires_grad_()
        self.L = (torch.randn(K, D, D, dtype=wide) / (2 * D) ** 0.5).requires_grad_()
        O = torch.randn(J, D, D, dtype=wide)
        self.O = (O + O.mH) / 2
        self.psi = torch.nn.functional.normalize(torch.randn(B, D, dtype=wide), dim=-1)

    def H(self) -> Tensor:
        """The Hamiltonian."""
        return (self.A + self.A.mH) / 2

    def step(self, scores: Callable[[], Tensor]) -> tuple[Tensor, Tensor]:
        """Scores, and the gradients of their mean square in one vector."""
        self.A.grad = self.L.grad = None
        y = scores()
        y.square().mean().backward()
        assert self.A.grad is not None
        assert self.L.grad is not None
        return y.detach(), torch.cat([self.A.grad.flatten(), self.L.grad.flatten()])


def qfusion(case: Case, tolerance: float = TOLERANCE) -> Callable[[], Any]:
    """Ours: the observables, once."""
    return lambda: case.step(
        lambda: expectation(
            evolve_observables(case.H(), case.L, case.O, [1.0], tolerance)[0], case.psi
        )
    )


def on_gpu(case: Case) -> Callable[[], Any]:
    """Ours, the same code on a CUDA device; operators and states are there, results come back."""
    there = Case(case.D, case.B)
    there.A, there.L = (each.detach().cuda().requires_grad_() for each in (case.A, case.L))
    there.O, there.psi = case.O.cuda(), case.psi.cuda()
    step = qfusion(there)

    def done() -> tuple[Tensor, Tensor]:
        y, gradient = step()
        return y.cpu(), gradient.cpu()

    return done


def _derivative(case: Case) -> Callable[[Any, Tensor], Tensor]:
    G = -1j * case.H() - 0.5 * (case.L.mH @ case.L).sum(0)

    def f(_: Any, rho: Tensor) -> Tensor:
        left = G @ rho
        return left + left.mH + torch.stack([one @ rho @ one.mH for one in case.L]).sum(0)

    return f


def _read(case: Case, rho: Tensor) -> Tensor:
    return torch.einsum("cab,nba->nc", case.O, rho).real


def _pure(case: Case) -> Tensor:
    return case.psi[:, :, None] * case.psi[:, None].conj()


def runge_kutta(case: Case, steps: int = 40) -> Callable[[], Any]:
    """The classical fourth-order method on the batch."""

    def scores() -> Tensor:
        f, rho, h = _derivative(case), _pure(case), 1 / steps
        for _ in range(steps):
            k1 = f(0, rho)
            k2 = f(0, rho + h / 2 * k1)
            k3 = f(0, rho + h / 2 * k2)
            k4 = f(0, rho + h * k3)
            rho = rho + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return _read(case, rho)

    return lambda: case.step(scores)


def torchdiffeq(case: Case, adjoint: bool = False) -> Callable[[], Any]:
    """dopri5, with gradients through its steps or by its adjoint equation (on real and imaginary parts: it knows no
    complex parameters)."""
    import torchdiffeq as library

    t = torch.tensor([0.0, 1.0], dtype=torch.float64)
    if not adjoint:
        return lambda: case.step(
            lambda: _read(
                case,
                library.odeint(_derivative(case), _pure(case), t, rtol=ASKED, atol=ASKED / 10)[-1],
            )
        )
    H, L = (
        torch.nn.Parameter(torch.view_as_real(each.detach().clone())) for each in (case.A, case.L)
    )

    class Master(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.A, self.L = H, L

        def forward(self, _: Any, rho: Tensor) -> Tensor:
            A, L = torch.view_as_complex(self.A), torch.view_as_complex(self.L)
            state = torch.complex(rho[..., 0], rho[..., 1])
            left = (-0.5j * (A + A.mH) - 0.5 * (L.mH @ L).sum(0)) @ state
            out = left + left.mH
            for one in L:
                out = out + one @ state @ one.mH
            return torch.view_as_real(out)

    master = Master()

    def step() -> tuple[Tensor, Tensor]:
        H.grad = L.grad = None
        rho = library.odeint_adjoint(
            master, torch.view_as_real(_pure(case)), t, rtol=ASKED, atol=ASKED / 10
        )[-1]
        y = _read(case, torch.view_as_complex(rho.contiguous()))
        y.square().mean().backward()
        assert H.grad is not None
        assert L.grad is not None
        return y.detach(), torch.cat(
            [torch.view_as_complex(each.grad).flatten() for each in (H, L)]
        )

    return step


def liouvillian(case: Case) -> Callable[[], Any]:
    """The matrix exponential of the generator on vectors of D^2."""

    def scores() -> Tensor:
        D, one = case.D, torch.eye(case.D, dtype=case.A.dtype)
        G = -1j * case.H() - 0.5 * (case.L.mH @ case.L).sum(0)
        S = (
            torch.kron(G, one)
            + torch.kron(one, G.conj())
            + sum(torch.kron(each, each.conj()) for each in case.L)
        )
        return _read(case, (_pure(case).reshape(-1, D * D) @ torch.matrix_exp(S).T).view(-1, D, D))

    return lambda: case.step(scores)


def dynamiqs(case: Case) -> Callable[[], Any]:
    """mesolve on the batch, compiled; the time of compiling is not counted."""
    import dynamiqs as dq
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_platform_name", "cpu")
    dq.set_precision("double")
    dq.set_progress_meter(False)
    O, psi = (
        [jnp.asarray(each.numpy()) for each in case.O],
        jnp.asarray(case.psi.numpy())[:, :, None],
    )

    def loss(A: Any, L: Any) -> Any:
        found = dq.mesolve(
            (A + A.conj().T) / 2,
            [L[k] for k in range(K)],
            psi,
            jnp.array([0.0, 1.0]),
            exp_ops=O,
            method=dq.method.Tsit5(rtol=ASKED, atol=ASKED / 10),
            save_states=False,
        )
        y = found.expects[:, :, -1].real
        return (y**2).mean(), y

    compiled = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
    A, L = (jnp.asarray(each.detach().numpy()) for each in (case.A, case.L))

    def step() -> tuple[Tensor, Tensor]:
        (_, y), gradients = jax.block_until_ready(compiled(A, L))
        whole = np.concatenate(
            [np.asarray(each).conj().ravel() for each in gradients]
        )  # JAX's is the conjugate
        return torch.from_numpy(np.array(y)), torch.from_numpy(whole)

    return step


def qutip(case: Case, few: int = 2) -> Callable[[], Any]:
    """A loop of mesolve over the samples, values alone, at its default tolerance of 1e-6; `few` are done, the time is
    for all."""
    import qutip as library

    H = library.Qobj(case.H().detach().numpy())
    L = [library.Qobj(each.detach().numpy()) for each in case.L]
    O = [library.Qobj(each.numpy()) for each in case.O]
    rows = min(few, case.B)

    def step() -> tuple[Tensor, None]:
        values = [
            library.mesolve(H, library.Qobj(case.psi[i].numpy()), [0.0, 1.0], L, e_ops=O).expect
            for i in range(rows)
        ]
        return torch.tensor([[float(np.real(each[-1])) for each in one] for one in values]), None

    step.share = rows / case.B  # type: ignore[attr-defined]
    return step


def products(case: Case) -> Callable[[], None]:
    """The matrix products of our step and nothing else: as many, of the same shapes, one way and back."""
    counted: list[tuple[int, ...]] = []
    applied = generators._SingleTerm.apply

    def apply(self: Any, before: Any, X: Tensor, keep: bool) -> Any:
        counted.append(tuple(X.shape))
        return applied(self, before, X, keep)

    generators._SingleTerm.apply = apply  # type: ignore[method-assign]
    try:
        qfusion(case)()
    finally:
        generators._SingleTerm.apply = applied  # type: ignore[method-assign]
    d, n, _ = counted[0]
    g = torch.randn(d, d, dtype=case.A.dtype)
    l, wide = g.repeat(K, 1), g.repeat(1, K)
    columns, rows = torch.randn(n * d, d, dtype=g.dtype), torch.randn(d, n * d, dtype=g.dtype)
    stacked, tall = (
        torch.empty(K * d, n * d, dtype=g.dtype),
        torch.randn(K * d, n * d, dtype=g.dtype),
    )
    left, right, small = torch.empty_like(columns), torch.empty_like(rows), torch.empty_like(g)

    def step() -> None:
        for _ in counted:  # one way
            torch.mm(l, rows, out=stacked)
            torch.mm(columns, g, out=left)
            torch.mm(g, rows, out=right)
            for _ in range(K):
                torch.mm(columns, g, out=left)
        for _ in counted:  # and back
            for _ in range(K):
                torch.mm(columns, g, out=left)
            torch.mm(columns, g, out=left)
            torch.mm(g, rows, out=right)
            torch.mm(wide, tall, out=right)
            for _ in range(1 + K):
                torch.mm(rows, rows.mH, out=small)
                torch.mm(columns.mH, columns, out=small)

    return step


METHODS: dict[str, Callable[[Case], Callable[[], Any]]] = {
    "qfusion": qfusion,
    "Runge-Kutta 4, batched": runge_kutta,
    "torchdiffeq dopri5": torchdiffeq,
    "torchdiffeq dopri5, adjoint": lambda case: torchdiffeq(case, adjoint=True),
    "dynamiqs Tsit5": dynamiqs,
    "Liouvillian matrix exponential": liouvillian,
    "QuTiP mesolve, values alone": qutip,
}
if torch.cuda.is_available():
    METHODS[f"qfusion on {torch.cuda.get_device_name()}"] = on_gpu
ALONE_WORDS = "the matrix products of qfusion's step alone"
# largest D of what makes a matrix of D^4 numbers
ALONE = {"Liouvillian matrix exponential": 27, "QuTiP mesolve, values alone": 64}


def timed(step: Callable[[], Any]) -> float:
    """Seconds of one step of the whole batch."""
    start = time.perf_counter()
    step()
    return (time.perf_counter() - start) / getattr(step, "share", 1.0)


def compared(D: int, B: int, repeats: int) -> list[list[str]]:
    """A row per method: time, ratio to ours, errors."""
    case = Case(D, B)
    exact, slope = qfusion(case, 1e-13)()
    steps: dict[str, Callable[[], Any]] = {}
    errors: dict[str, Any] = {}
    for name, make in METHODS.items():
        if ALONE.get(name, D) < D:
            continue
        step = make(case)
        start = time.perf_counter()
        y, gradient = step()  # compiles, too
        first = time.perf_counter() - start
        errors[name] = (
            (y - exact[: len(y)]).abs().max().item(),
            None
            if gradient is None
            else ((gradient - slope).abs().max() / slope.abs().max()).item(),
        )
        print(f"D = {D}, B = {B}: {name}: first {first:.2f} s, errors {errors[name]}", flush=True)
        steps[name] = step
    if D > generators.SMALL:
        steps[ALONE_WORDS] = products(case)
        errors[ALONE_WORDS] = None
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            if not times[name] or sum(times[name]) < MOST_SECONDS / repeats:
                times[name].append(timed(step))
    ours = times["qfusion"]
    while len(ours) < 20 and sum(ours) < 5:
        for name in {"qfusion", ALONE_WORDS} & set(steps):
            times[name].append(timed(steps[name]))
    median = statistics.median(ours)
    rows = []
    for name in steps:
        ratio = statistics.median(times[name]) / median
        found = [
            f"D = {D}, {B} samples: {name}",
            shown(times[name]),
            f"{ratio:,.{0 if ratio > 10 else 2}f}",
        ]
        if name == ALONE_WORDS:
            rows.append([*found, "–", "–", "–"])
        else:
            values, slopes = errors[name]
            rows.append(
                [
                    *found,
                    f"{values:.0e}",
                    "–" if slopes is None else f"{slopes:.0e}",
                    f"{memory(name, D, B):,.0f}",
                ]
            )
        print(rows[-1], flush=True)
    return rows


def shown(times: list[float]) -> str:
    """Median (least-most) in milliseconds."""
    ms = [1e3 * each for each in (statistics.median(times), min(times), max(times))]
    digits = 1 if ms[0] < 100 else 0
    return f"{ms[0]:,.{digits}f} ({ms[1]:,.{digits}f}-{ms[2]:,.{digits}f})"


def memory(name: str, D: int, B: int) -> float:
    """Megabytes that one step of a method adds at its peak, in a process of its own."""
    return peak.elsewhere(__file__, name, D, B) / 1e6


def _memory_here(name: str, D: int, B: int) -> None:
    METHODS[name](Case(2, 1))()  # what libraries load at their first step is no part of it
    peak.here(METHODS[name](Case(D, B)))


def over_batches(D: int, repeats: int) -> list[list[str]]:
    """Our step for every batch, taken in turns."""
    steps = {B: qfusion(Case(D, B)) for B in BATCHES}
    times: dict[int, list[float]] = {B: [] for B in BATCHES}
    for turn in range(repeats + 1):
        for B, step in steps.items():
            seconds = timed(step)
            if turn:
                times[B].append(seconds)
    one = statistics.median(times[BATCHES[0]])
    return [
        [f"D = {D}"]
        + [f"{shown(each)}, {statistics.median(each) / one:.2f} x" for each in times.values()]
    ]


def main() -> None:
    """Measures and writes the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dims", type=int, nargs="*", default=list(RIVALS_BATCH))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--dry", action="store_true", help="print and write nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.memory:
        name, D, B = asked.memory
        _memory_here(name, int(D), int(B))
        return
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for D in asked.dims:
        kept[str(D)] = {
            "rivals": compared(D, RIVALS_BATCH[D], asked.repeats),
            "batches": over_batches(D, 10),
        }
        if not asked.dry:
            KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    rows, batches = (
        [row for D in sorted(kept, key=int) for row in kept[D][part]]
        for part in ("rivals", "batches")
    )
    if asked.dry:
        print(rows, batches, sep="\n")
        return
    header = [
        "Training step, one thread",
        "Median ms (least-most)",
        "Ratio",
        "Error of values",
        "of gradients",
        "Peak MB",
    ]
    tables.write("steps", tables.markdown(header, rows) + "\n\n" + tables.provenance("steps.py"))
    header = ["Ours, ms (least-most), beside one sample", *(f"{B:,}" for B in BATCHES)]
    tables.write(
        "steps-batch", tables.markdown(header, batches) + "\n\n" + tables.provenance("steps.py")
    )


if __name__ == "__main__":
    main()
