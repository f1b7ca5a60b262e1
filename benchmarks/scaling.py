"""How time and memory grow: laws fitted to a training step and to an explanation, beside the count of operations.

    python benchmarks/scaling.py [--repeats 5] [--dry]

One quantity is varied at a time, in one thread; the least time over the repeats counts, so that other work on the
machine does not bend a law. A power is fitted to what is a power of the quantity, a base to what grows by a factor with
every unit; the interval is that of the slope, 95 %. Operations are counted by torch as the step runs (matrix products;
a complex one is four real ones), and divided by the rate at which this machine multiplies matrices in the same run:
where the two laws agree, the step is its products; where the time grows slower, it is what surrounds them. Memory is
the peak that a step adds in a process of its own. Writes the table `scaling` of docs/results.md and its figure.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot as plt
from scipy import stats
from torch.utils._python_dispatch import TorchDispatchMode

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import peak  # noqa: E402
import tables  # noqa: E402

from qfusion.models import EntangledQCNN  # noqa: E402
from qfusion.models.inputs import InputSpec  # noqa: E402
from qfusion.models.network.contractions import row_values  # noqa: E402
from qfusion.models.network.network_model import network_scores  # noqa: E402
from qfusion.models.network.qcnn import QCNN  # noqa: E402
from qfusion.quantum.lindblad import evolve_observables  # noqa: E402
from qfusion.quantum.states import expectation  # noqa: E402

Step = Callable[[], Any]


def jump(D: int = 27, B: int = 256, K: int = 3, J: int = 7) -> Step:
    """A training step of QiNN-QJ."""
    torch.manual_seed(0)
    wide = torch.complex128
    A = (torch.randn(D, D, dtype=wide) / D**0.5).requires_grad_()
    L = (
        torch.randn(K, D, D, dtype=wide) * (1.5 / (K * D)) ** 0.5
    ).requires_grad_()  # the same dissipation for any K
    O = torch.randn(J, D, D, dtype=wide)
    O, psi = (O + O.mH) / 2, torch.nn.functional.normalize(torch.randn(B, D, dtype=wide), dim=-1)

    def step() -> None:
        A.grad = L.grad = None
        observables = evolve_observables((A + A.mH) / 2, L, O, [1.0], 1e-6)[0]
        expectation(observables, psi).square().mean().backward()

    return step


def network(n: int = 8, B: int = 256, C: int = 10) -> Step:
    """A training step of the quantum convolutional network."""
    torch.manual_seed(0)
    model = QCNN(n, C)
    angles = torch.rand(B, n)

    def step() -> None:
        model.zero_grad()
        theta = angles.requires_grad_()
        vectors = torch.stack([torch.ones_like(theta), theta.sin(), theta.cos()], -1)
        network_scores(model, vectors).square().mean().backward()

    return step


def explanation(samples: int = 256, M: int = 3, n: int = 6) -> Step:
    """Exact coalition values of an entangled QCNN for samples against 512 rows."""
    torch.manual_seed(0)
    names = [f"m{k}" for k in range(M)]
    model = (
        EntangledQCNN({name: InputSpec(3) for name in names}, ("a", "b"), elements=n)
        .double()
        .eval()
    )
    masses, rows = torch.rand(samples, n, M).double(), torch.rand(512, n, M).double()

    def step() -> None:
        with torch.no_grad():
            row_values(model, masses, rows)

    return step


@dataclass(frozen=True)
class Law:
    """What is varied.

    Attributes:
        make: of a value. values: of the quantity. grows: "power" or "factor". real: whether its numbers are.
        why: the law in a sentence.
    """

    make: Callable[[int], Step]
    values: tuple[int, ...]
    grows: str
    real: bool
    why: str


LAWS = {
    "QiNN-QJ: D": Law(
        lambda v: jump(D=v),
        (16, 27, 48, 64, 96, 125),
        "power",
        False,
        "Products of D x D matrices, as many as the generator is wide.",
    ),
    "QiNN-QJ: modalities M of two levels": Law(
        lambda v: jump(D=2**v),
        (3, 4, 5, 6, 7),
        "factor",
        False,
        "D = 2^M: the joint space, not the modalities, is paid for.",
    ),
    "QiNN-QJ: samples in a batch": Law(
        lambda v: jump(B=v),
        (1, 4, 16, 64, 256, 1024, 4096),
        "power",
        False,
        "The observables evolve, once for all samples; a sample is one expectation.",
    ),
    "QiNN-QJ: jump operators K": Law(
        lambda v: jump(K=v),
        (1, 2, 4, 8, 16),
        "power",
        False,
        "Every L_k is one more pair of products.",
    ),
    "QiNN-QJ: scores J": Law(
        lambda v: jump(J=v),
        (1, 2, 4, 8, 16),
        "power",
        False,
        "Every score is an observable; two Hermitian ones share a matrix.",
    ),
    "QCNN: qubits n": Law(
        lambda v: network(n=v),
        (4, 6, 8, 10),
        "factor",
        True,
        "Words of the kept half of the qubits: 4^(n/2) of them.",
    ),
    "QCNN: samples in a batch": Law(
        lambda v: network(B=v),
        (64, 128, 256, 512, 1024, 2048),
        "power",
        True,
        "Each sample's words are its own.",
    ),
    "QCNN: classes": Law(
        lambda v: network(C=v),
        (2, 4, 8, 16),
        "power",
        True,
        "Classes are columns of the last product alone.",
    ),
    "Explanation: samples": Law(
        lambda v: explanation(samples=v),
        (64, 128, 256, 512, 1024),
        "power",
        True,
        "Quantities shared by all samples are computed once; the rest is one product per sample.",
    ),
}


def least(step: Step, repeats: int) -> float:
    """Seconds of the fastest of several runs."""
    step()
    best = math.inf
    for _ in range(repeats):
        began = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - began)
    return best


class Products(TorchDispatchMode):
    """Counts real multiplications and additions in products of matrices, those in place, too."""

    count = 0.0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function.overloadpacket.__name__.rstrip("_")
        if name in ("mm", "bmm", "addmm", "baddbmm"):
            A, B = args[-2:] if name in ("mm", "bmm") else args[1:3]
            self.count += 2 * A.numel() * B.shape[-1] * (4 if A.is_complex() else 1)
        return function(*args, **(kwargs or {}))


def operations(step: Step) -> float:
    """What a step multiplies and adds in products of matrices."""
    with Products() as counted:
        step()
    return counted.count


def rate(real: bool) -> float:
    """Operations a second of one large product of matrices."""
    A = torch.randn(768, 768, dtype=torch.float32 if real else torch.complex128)
    return 2 * 768**3 * (1 if real else 4) / least(lambda: A @ A, 5)


def fitted(values: tuple[int, ...], found: list[float], grows: str) -> str:
    """The law with its interval."""
    x = np.log(values) if grows == "power" else np.asarray(values, float)
    line = stats.linregress(x, np.log(np.maximum(found, 1e-12)))
    wide = stats.t.ppf(0.975, max(1, len(values) - 2)) * line.stderr
    if grows == "power":
        return f"{line.slope:.2f} ± {wide:.2f}"
    return f"{math.exp(line.slope):.2f}^x ({math.exp(line.slope - wide):.2f}-{math.exp(line.slope + wide):.2f})"


def _peak_here(name: str, value: int) -> None:
    LAWS[name].make(
        LAWS[name].values[0]
    )()  # what libraries load at their first step is no part of it
    peak.here(LAWS[name].make(value))


def _short(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 1}f}"


def draw(measured: dict[str, dict[str, Any]], path: Path) -> None:
    """Draws time, the products' share of it and memory against each quantity."""
    style: Any = {
        "svg.hashsalt": "qfusion",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.3,
        "legend.frameon": False,
    }
    with mpl.rc_context(style):
        figure, axes = plt.subplots(3, 3, figsize=(9, 8), layout="constrained")
        for axis, (name, found) in zip(axes.flat, measured.items(), strict=True):
            x = LAWS[name].values
            axis.plot(
                x,
                [1e3 * each for each in found["seconds"]],
                "o-",
                ms=3,
                lw=1.2,
                color="#0072B2",
                label="step",
            )
            axis.plot(
                x,
                [1e3 * each for each in found["products"]],
                "--",
                lw=1.2,
                color="#D55E00",
                label="its products at the measured rate",
            )
            axis.set_yscale("log")
            if LAWS[name].grows == "power":
                axis.set_xscale("log")
            axis.set_xticks(x, [f"{each:,}" for each in x])
            axis.set_xticks([], minor=True)
            axis.set_title(name, fontsize=8)
            axis.set_ylabel("ms")
        axes[0, 0].legend()
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def main() -> None:
    """Measures, fits, draws and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="beginnings of names")
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--dry", action="store_true", help="print and write nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.memory:
        _peak_here(asked.memory[0], int(asked.memory[1]))
        return
    rates = {real: rate(real) for real in (True, False)}
    print(
        {
            f"{'single' if real else 'complex double'}, 10^9 operations a second": round(
                each / 1e9, 1
            )
            for real, each in rates.items()
        },
        flush=True,
    )
    rows, measured = [], {}
    for name, law in LAWS.items():
        if asked.only and not name.startswith(tuple(asked.only)):
            continue
        steps = [law.make(value) for value in law.values]
        seconds = [least(step, asked.repeats) for step in steps]
        products = [operations(step) / rates[law.real] for step in steps]
        memory = [max(1e3, peak.elsewhere(__file__, name, value)) for value in law.values]
        measured[name] = {"seconds": seconds, "products": products, "memory": memory}
        rows.append(
            [
                name,
                f"{law.values[0]}-{law.values[-1]}",
                f"{_short(1e3 * seconds[0])}-{_short(1e3 * seconds[-1])}",
                fitted(law.values, seconds, law.grows),
                fitted(law.values, products, law.grows),
                f"{products[-1] / seconds[-1]:.0%}",
                f"{_short(memory[0] / 1e6)}-{_short(memory[-1] / 1e6)}",
                fitted(law.values, memory, law.grows),
                law.why,
            ]
        )
        print(json.dumps(rows[-1]), flush=True)
    if not asked.dry:
        draw(measured, ROOT / "docs" / "images" / "scaling.svg")
        tables.write(
            "scaling",
            tables.markdown(
                (
                    "Quantity",
                    "from-to",
                    "ms",
                    "law of time",
                    "of its products",
                    "products' share at the end",
                    "MB",
                    "law of memory",
                    "why",
                ),
                rows,
            )
            + "\n\n"
            + tables.provenance("scaling.py"),
        )


if __name__ == "__main__":
    main()
