"""One sample followed through the dynamics with every measure of its states, beside QuTiP's own functions.

    python benchmarks/tracking.py [--times 101] [--repeats 5] [--dry]

Both solve the master equation with QuTiP at the same tolerance. The recipe is that of QuTiP's documentation: `mesolve`
with its default method, then at every time `ptrace`, `entropy_vn`, `negativity`, `purity` and what they add up to; a
second one asks `mesolve` for its matrix form and the integrator that we ask for, so that only the measures differ. Ours
is `qfusion.simulate.track`. They take turns; a time is the median over the turns, with the least and the most, and the
difference the largest of any measure at any time. Systems are drawn. Writes the table `tracking` of docs/results.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import qutip
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import tables  # noqa: E402

from qfusion.quantum.lindblad import System  # noqa: E402
from qfusion.simulate import track  # noqa: E402

DIMS = ((2, 2, 2), (3, 3, 3), (4, 4, 4))  # at 125 the recipe's superoperator takes 4 GB
TOLERANCE = 1e-7
NAMES = ("text", "audio", "vision")


def drawn(dims: tuple[int, ...]) -> tuple[System, torch.Tensor]:
    """A system of three modalities with three jumps, of the strengths that trained ones have, and a product state."""
    torch.manual_seed(0)
    D = int(np.prod(dims))
    A = torch.randn(D, D, dtype=torch.complex128) / D**0.5
    L = torch.randn(3, D, D, dtype=torch.complex128) / (2 * D) ** 0.5
    kets = [
        torch.nn.functional.normalize(torch.randn(d, dtype=torch.complex128), dim=0) for d in dims
    ]
    return System((A + A.mH) / 2, L, dims, NAMES), torch.kron(torch.kron(kets[0], kets[1]), kets[2])


def ours(system: System, psi: torch.Tensor, times: np.ndarray) -> dict[str, np.ndarray]:
    """Every measure by its column."""
    return track(system, psi, times, rtol=TOLERANCE).measures.columns()


def recipe(
    system: System, psi: torch.Tensor, times: np.ndarray, **asked: Any
) -> dict[str, np.ndarray]:
    """The same by QuTiP's functions, time by time; `asked` are options of its solver."""
    dims, count = list(system.dims), len(system.dims)
    shape = [dims, dims]
    H = qutip.Qobj(system.H.numpy(), dims=shape)
    jumps = [qutip.Qobj(each.numpy(), dims=shape) for each in system.jumps]
    start = qutip.Qobj(psi.numpy(), dims=[dims, [1] * count])
    options = {
        "rtol": TOLERANCE,
        "atol": TOLERANCE / 100,
        "store_states": True,
        "progress_bar": "",
        "nsteps": 10**6,
        **asked,
    }
    states = qutip.mesolve(H, start, times, jumps, options=options).states
    found: dict[str, list[float]] = {}

    def keep(column: str, value: Any) -> None:
        found.setdefault(column, []).append(float(np.real(value)))

    for rho in states:
        single = [rho.ptrace(m) for m in range(count)]
        S, whole = [qutip.entropy_vn(each) for each in single], qutip.entropy_vn(rho)
        for m, name in enumerate(system.names):
            keep(f"entropy[{name}]", S[m])
            keep(f"purity[{name}]", (single[m] * single[m]).tr())
            keep(
                f"negativity[{name}]",
                qutip.negativity(rho, m, method="tracenorm", logarithmic=True),
            )
        for a in range(count):
            for b in range(a + 1, count):
                joint = qutip.entropy_vn(rho.ptrace([a, b]))
                keep(f"entropy[{system.names[a]}+{system.names[b]}]", joint)
                keep(
                    f"mutual_information[{system.names[a]}:{system.names[b]}]", S[a] + S[b] - joint
                )
        keep("entropy", whole)
        keep("total_correlation", sum(S) - whole)
        keep("purity", (rho * rho).tr())
    return {column: np.array(values) for column, values in found.items()}


METHODS: dict[str, Callable[..., dict[str, np.ndarray]]] = {
    "qfusion": ours,
    "QuTiP's recipe": recipe,
    "QuTiP's recipe, matrix form": lambda *asked: recipe(*asked, matrix_form=True, method="vern7"),
}
MOST_SECONDS = 120.0  # a method that has taken longer has no further turn


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=101)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="print and write nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows, times = [], np.linspace(0, 1, asked.times)
    for dims in DIMS:
        system, psi = drawn(dims)
        taken: dict[str, list[float]] = {name: [] for name in METHODS}
        found: dict[str, dict[str, np.ndarray]] = {}
        for turn in range(asked.repeats):
            for name, follow in METHODS.items():
                if turn and sum(taken[name]) > MOST_SECONDS:
                    continue
                began = time.perf_counter()
                found[name] = follow(system, psi, times)
                taken[name].append(time.perf_counter() - began)
        mine = found["qfusion"]
        for name, theirs in found.items():
            assert set(mine) == set(theirs), set(mine) ^ set(theirs)
            each, off = (
                taken[name],
                max(np.abs(mine[column] - theirs[column]).max() for column in mine),
            )
            ratio = statistics.median(each) / statistics.median(taken["qfusion"])
            rows.append(
                [
                    f"D = {int(np.prod(dims))}: {name}",
                    f"{statistics.median(each):.3f} s ({min(each):.3f}-{max(each):.3f})",
                    f"{ratio:,.1f}",
                    "–" if theirs is mine else f"{off:.0e}",
                ]
            )
            print(rows[-1], flush=True)
    if not asked.dry:
        tables.write(
            "tracking",
            tables.markdown(
                (
                    f"{asked.times} times, {len(mine)} measures",
                    "Median (least-most)",
                    "Ratio",
                    "Largest difference",
                ),
                rows,
            )
            + "\n\n"
            + tables.provenance("tracking.py"),
        )


if __name__ == "__main__":
    main()
