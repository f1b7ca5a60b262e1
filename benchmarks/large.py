"""Large joint spaces: a dense training step at D = 512, and local couplings up to D = 4,096, exact and sampled.

    python benchmarks/large.py [--sizes 3 4 5 6] [--dry]

Dense: forward and backward of 4 scores of 16 states (complex64, K = 3, as models train). Local: modalities of four
levels, terms on pairs with two jump operators each, one score of two samples in single precision, by the observables
and by 256 trajectories of each sample with their standard error. Each in a process of its own, whose peak memory is
given less what it held before. Writes the table `large` of docs/results.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import peak  # noqa: E402
import tables  # noqa: E402

from qfusion.models import QuantumJump  # noqa: E402
from qfusion.models.jump.time_model import SAMPLED, Estimate  # noqa: E402

DENSE, SAMPLES, SIZES = 512, 2, (3, 4, 5, 6)


def model_of(modalities: int, dims: int, **settings: object) -> QuantumJump:
    """An untrained model whose read-out is strong enough to be told from zero."""
    torch.manual_seed(0)
    inputs = {f"m{i}": {"size": 5, "sequence": False} for i in range(modalities)}
    return QuantumJump(inputs, dims=dims, head_scale=1.0, **settings)  # type: ignore[arg-type]


def inputs_of(model: QuantumJump, rows: int) -> dict[str, torch.Tensor]:
    """Features of some samples."""
    torch.manual_seed(1)
    return {name: torch.randn(rows, 5) for name in model.modalities}


def dense() -> Callable[[], None]:
    """A training step."""
    model = model_of(3, 8, outputs=tuple("abcd"))
    x = inputs_of(model, 16)

    def step() -> None:
        model.zero_grad()
        model(x).square().mean().backward()

    return step


def local(modalities: int) -> QuantumJump:
    """Couplings of pairs."""
    return model_of(modalities, 4, coupling="local", jumps=2).eval()


def exact(modalities: int) -> torch.Tensor:
    """Scores by the observables."""
    model = local(modalities)
    with torch.no_grad():
        return model.with_method("observables")(inputs_of(model, SAMPLES))[:, 0]


def sampled(modalities: int) -> Estimate:
    """Scores by trajectories."""
    model = local(modalities)
    return model.estimate(inputs_of(model, SAMPLES))


def megabytes(what: str, size: int) -> str:
    """Peak of one step in a process of its own."""
    return f"{peak.elsewhere(__file__, what, size, 0) / 1e6:,.0f}"


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--memory", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--dry", action="store_true", help="print and write nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    steps: dict[str, Callable[[int], object]] = {
        "dense": lambda _: dense()(),
        "exact": exact,
        "sampled": sampled,
    }
    if asked.memory:
        what, size, _ = asked.memory
        peak.here(lambda: steps[what](int(size)))
        return
    step, times = dense(), []
    for _ in range(5):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    rows = [
        [
            f"D = {DENSE}, dense: a training step",
            f"{sorted(times)[2]:.1f} ({min(times):.1f}-{max(times):.1f})",
            megabytes("dense", 0),
            "–",
            "–",
        ]
    ]
    for size in asked.sizes:
        began = time.perf_counter()
        found = sampled(size)
        middle = time.perf_counter()
        truth = exact(size)
        end = time.perf_counter()
        off = (found.scores[:, 0] - truth).abs()
        where = f"D = {4**size:,}, local: {SAMPLES} samples"
        rows += [
            [f"{where}, exact", f"{end - middle:.1f}", megabytes("exact", size), "–", "–"],
            [
                f"{where}, {SAMPLED} trajectories each",
                f"{middle - began:.1f}",
                megabytes("sampled", size),
                f"{float(found.errors.mean()):.4f}",
                ", ".join(f"{each:.4f}" for each in off.tolist()),
            ],
        ]
        print(*rows[-2:], sep="\n", flush=True)
    table = tables.markdown(
        [
            "Large spaces, one thread",
            "Seconds (least-most)",
            "Peak MB",
            "Standard error said",
            "Off by",
        ],
        rows,
    )
    if asked.dry:
        print(table)
        return
    tables.write("large", table + "\n\n" + tables.provenance("large.py"))


if __name__ == "__main__":
    main()
