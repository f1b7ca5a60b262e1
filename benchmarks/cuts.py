"""Do the shipped QiNN-QJ models need the correlations of their modalities? Cuts at half the time, and kept uncorrelated
up to the end, on all test samples.

    QFUSION_DATA=FOLDER python benchmarks/cuts.py

The modality that costs most is named. Writes the table `cuts` of docs/explain.md; a model whose data are not here is
left out, and said.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import joint  # noqa: E402
import tables  # noqa: E402

from qfusion import data, plugin  # noqa: E402
from qfusion.errors import QFusionError  # noqa: E402
from qfusion.plugins.why.cuts.cut_losses import CutMetrics, cut_metrics  # noqa: E402
from qfusion.plugins.why.cuts.cut_measures import MAX_HELD  # noqa: E402
from qfusion.plugins.why.cuts.state_cuts import DEFAULT, KINDS, cut_correlations  # noqa: E402
from qfusion.training import checkpoint, checkpoint_cards  # noqa: E402

PAGE = ROOT / "docs" / "explain.md"
HELD = "held"
METRIC = {"classification": ("accuracy", "accuracy"), "regression": ("r2", "R2")}


def row(name: str) -> list[str]:
    """Returns one model's row."""
    found = checkpoint.load(name)
    model, dataset = found.model, data.load(found.card["data"]["name"])
    rows, T = dataset.rows("test"), float(model.duration)
    kinds = (
        tuple(KINDS)
        if model.product_state(model.encode(dataset.inputs(rows[:1], torch.float64))).shape[1]
        <= MAX_HELD
        else DEFAULT
    )
    inputs = dataset.inputs(rows, torch.float64)
    clusters = None if dataset.clusters is None else dataset.clusters.numbers[rows]
    measured = cut_metrics(
        cut_correlations(model, inputs, [T / 2], kinds=kinds),
        dataset.y[rows],
        dataset.target.kind,
        clusters=clusters,
    )
    never = None
    if HELD in kinds:
        never = cut_metrics(
            cut_correlations(model, inputs, [T], kinds=(HELD,)),
            dataset.y[rows],
            dataset.target.kind,
            clusters=clusters,
        )
    metric, said = METRIC[dataset.target.kind]
    start, end = joint.share(model, dataset, checkpoint_cards.training_split(found.card))
    before = f"{said} {float(measured.before[metric].value):.3f} ({len(rows):,})"
    return [
        f"`{name}`",
        before,
        f"{start:.1%} → {end:.1%}",
        *(_worst(measured, metric, kind) for kind in KINDS),
        "not computed" if never is None else _worst(never, metric, HELD),
    ]


def _worst(found: CutMetrics, metric: str, kind: str) -> str:
    if kind not in found.kinds:
        return "not computed"
    k, loss = found.kinds.index(kind), found.losses[metric]
    m = int(loss.value[k, :, 0].argmin())
    ends = (
        ""
        if loss.low is None or loss.high is None
        else f" [{loss.low[k, m, 0]:+.3f}, {loss.high[k, m, 0]:+.3f}]"
    )
    return f"{found.modalities[m]} {loss.value[k, m, 0]:+.3f}{ends}"


def main() -> None:
    """Measures every shipped model and writes the table."""
    torch.set_num_threads(1)
    lines, absent = [], []
    for name in [path.stem for path in plugin.glob_assets("models", "qj-*.json")]:
        start = time.perf_counter()
        try:
            lines.append(row(name))
            print(lines[-1], f"{time.perf_counter() - start:.0f} s", flush=True)
        except QFusionError as error:
            absent.append(name)
            print(f"{name}: {error}", file=sys.stderr)
    header = [
        "Model",
        "Test rows (how many)",
        "Joint part, t = 0 → T",
        "All correlation cut at T/2",
        "Classical part kept",
        "Never correlated before T/2",
        "Never correlated up to T",
    ]
    left = f" Left out, as their data are not here: {', '.join(absent)}." if absent else ""
    about = (
        "The change of the metric, with 95 % bootstrap intervals over what test rows share (pictures, videos) or "
        "else over rows, and the modality that costs most."
    )
    tables.write(
        "cuts",
        f"{tables.markdown(header, lines)}\n\n{about}{left} {tables.provenance('cuts.py')}",
        PAGE,
    )


if __name__ == "__main__":
    main()
