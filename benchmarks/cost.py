"""What the entangled fusion block alone costs: gates, parameters and the time of a training step, over elements n and
modalities M.

    python benchmarks/cost.py [--repeats 30]

Gates and parameters are counted from the definition: n M single RY encode the masses; a fused qubit takes one
multiplexed RY per stage, which is 2^k RY and 2^k CNOT for k controls (Moettoenen and others 2004), with one trained
angle for each pattern of the controls. The time is forward and backward of `entangled_qcnn.fuse` on 256 samples in
single precision, the shortest of the repeats, which are taken in turns. Prints the figures and their linear fits, and
draws docs/images/fusion-cost.svg.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import tables  # noqa: E402

from qfusion.models.network import truth_tables  # noqa: E402

mpl.use("svg")
from matplotlib import pyplot as plt  # noqa: E402

ELEMENTS, MODALITIES, B = (8, 16, 24, 32, 40, 48, 56, 64), (2, 4, 6, 8, 10, 12, 14, 16), 256
HUES = ("#0072B2", "#009E73", "#D55E00", "#CC79A7")  # as in the dashboard


def gates(n: int, M: int) -> int:
    """Returns the number of RY and CNOT of the block, encoding included."""
    return n * M + n * sum(2 * 2**k for k in truth_tables.stage_sizes(M))


def parameters(n: int, M: int) -> int:
    """Returns the number of trained angles, checked against the tables that the model builds."""
    count = n * sum(2**k for k in truth_tables.stage_sizes(M))
    if count != n * truth_tables.named_angles("mean", M).numel():
        raise RuntimeError(
            f"{count} angles are counted for n = {n}, M = {M}, but the model builds another number."
        )
    return count


def step_seconds(repeats: int) -> dict[tuple[int, int], float]:
    """Returns the shortest time of a training step for every (n, M)."""
    cases = [(n, M) for n in ELEMENTS for M in MODALITIES]
    best = dict.fromkeys(cases, float("inf"))
    for repeat in range(repeats + 1):
        for n, M in cases:
            masses = torch.rand(B, n, M, requires_grad=True)
            phi = truth_tables.named_angles("mean", M).float().repeat(n, 1, 1).requires_grad_()
            start = time.perf_counter()
            truth_tables.fuse(masses, phi)[0].sum().backward()
            if repeat:  # the first round warms up
                best[n, M] = min(best[n, M], time.perf_counter() - start)
    return best


def fit(x: tuple[int, ...], y: list[float]) -> tuple[float, float, float]:
    """Returns slope, intercept and R2 of the least-squares line."""
    slope, intercept = np.polyfit(x, y, 1)
    rest = np.asarray(y) - (slope * np.asarray(x) + intercept)
    return float(slope), float(intercept), float(1 - rest.var() / np.var(y))


def draw(measured: dict[str, dict[tuple[int, int], float]], path: Path) -> None:
    """Draws each quantity against n (above) and against M (below); the same numbers give the same file."""
    style: Any = {
        "svg.hashsalt": "qfusion",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.3,
        "legend.frameon": False,
    }
    with mpl.rc_context(style):
        figure, axes = plt.subplots(2, len(measured), figsize=(9, 5.2), layout="constrained")
        for column, (label, values) in enumerate(measured.items()):
            for hue, M in zip(HUES, (2, 4, 8, 16), strict=True):
                axes[0, column].plot(
                    ELEMENTS,
                    [values[n, M] for n in ELEMENTS],
                    "o-",
                    ms=3,
                    lw=1.2,
                    color=hue,
                    label=f"M = {M}",
                )
            for hue, n in zip(HUES, (8, 16, 32, 64), strict=True):
                axes[1, column].plot(
                    MODALITIES,
                    [values[n, M] for M in MODALITIES],
                    "o-",
                    ms=3,
                    lw=1.2,
                    color=hue,
                    label=f"n = {n}",
                )
            axes[0, column].set_title(label)
            axes[0, column].set_xlabel("elements n")
            axes[1, column].set_xlabel("modalities M")
        for row in axes:
            row[0].legend()
            for axis in row:
                axis.set_xlim(0)
                axis.set_ylim(0)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def main() -> None:
    """Counts, times, fits and draws."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "fusion-cost.svg")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cases = [(n, M) for n in ELEMENTS for M in MODALITIES]
    seconds = step_seconds(arguments.repeats)
    measured = {
        "parameters": {case: float(parameters(*case)) for case in cases},
        "gates (RY and CNOT)": {case: float(gates(*case)) for case in cases},
        f"training step of {B} samples (ms)": {case: 1e3 * seconds[case] for case in cases},
    }
    rows = []
    for label, values in measured.items():
        for name, x, line in [
            (f"n, at M = {M}", ELEMENTS, [values[n, M] for n in ELEMENTS]) for M in (2, 16)
        ] + [(f"M, at n = {n}", MODALITIES, [values[n, M] for M in MODALITIES]) for n in (8, 64)]:
            slope, intercept, r2 = fit(x, line)
            numbers = [f"{v:.4g}" for v in (line[0], line[-1], slope, round(intercept, 9) + 0.0)]
            rows.append([label, name, *numbers, f"{r2:.4f}"])
    print(
        tables.markdown(
            ["Quantity", "against", "first", "last", "slope", "intercept", "R2 of a line"], rows
        )
    )
    draw(measured, arguments.out)


if __name__ == "__main__":
    main()
