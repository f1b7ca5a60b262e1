"""Shapley values of the modalities: time and error of the usual explainers beside exact ones, on one game, in one run.

    pip install shap==0.51.0 captum==0.9.0 && python benchmarks/explainers.py [--rows 8] [--seeds 3]

The game: qj-mosi's score of a test segment, three players (text, audio, vision), an absent one averaged over the
training rows. Ours explains all 752 test rows at once; the others a few, evenly spread, one by one. To them the model
is a function of features; its observables are evolved beforehand, which ours does anew inside its time. All libraries
run at their defaults: shap's KernelExplainer averages over the rows that it is given (all, or 100 as it advises), its
PermutationExplainer keeps 100 of them, and captum's ShapleyValueSampling (25 orders) and KernelShap (25 coalitions)
call the value function, which averages over all rows. Times are of the processor, on one thread, so that neighbours on
the machine count little. Writes the table `explainers` of docs/results.md.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import tables  # noqa: E402

from qfusion import data, explain  # noqa: E402
from qfusion.training import checkpoint, checkpoint_cards  # noqa: E402

MODEL, DATA = "qj-mosi", "mosi"
ADVISED = 100  # background rows that shap advises and keeps


class Game:
    """The model as a black box: features of each modality are picked by row number.

    Attributes:
        ours: explains all test rows; background: rows behind absent modalities; test: rows explained.
    """

    def __init__(self) -> None:
        found, self.dataset = checkpoint.load(MODEL), data.load(DATA)
        self.model = found.model
        self.background, self.test = (
            self.dataset.rows(split)
            for split in (checkpoint_cards.training_split(found.card), "test")
        )
        self.names = self.model.modalities
        self._features = self.dataset.inputs(dtype=torch.float64)
        self._test, self._behind = (
            self.dataset.inputs(rows, dtype=torch.float64) for rows in (self.test, self.background)
        )
        self.frozen = checkpoint.load(MODEL).model
        with torch.no_grad():
            observables = self.frozen.observables()
        self.frozen.__dict__["observables"] = lambda: observables

    def ours(self) -> explain.Explanation:
        """Returns all test rows' explanation against all training rows, from features to Shapley values, the background
        included."""
        # the rival methods replace absent modalities by those of one row together
        background = explain.background(self.model, self._behind, "joint")
        return explain.explain(self.model, self._test, background)

    @torch.no_grad()
    def score(self, picks: np.ndarray) -> np.ndarray:
        """Returns the scores (K,) of made-up samples whose modalities come from the rows `picks`, (K, 3)."""
        places = torch.as_tensor(np.asarray(picks)).round().long()
        inputs = {
            name: _at(self._features[name], places[:, m]) for m, name in enumerate(self.names)
        }
        return self.frozen(inputs)[:, 0].numpy()

    def value(self, row: int) -> Callable[[Tensor], Tensor]:
        """Returns v of coalitions (K, 3) of ones and zeros for one row: (K,)."""

        def v(coalitions: Tensor) -> Tensor:
            return torch.tensor(
                [
                    self.score(np.where(z.numpy() > 0.5, row, self.background[:, None])).mean()
                    for z in coalitions
                ]
            )

        return v


def _at(features: object, places: Tensor) -> object:
    if isinstance(features, tuple):
        return tuple(part[places] for part in features)
    return features[places]  # type: ignore[index]


def brute_force(game: Game, row: int, _: int) -> np.ndarray:
    """The definition: every coalition's value, averaged over every order."""
    v = game.value(row)
    M = len(game.names)
    known = {
        S: float(v(torch.tensor([[float(S >> m & 1) for m in range(M)]]))[0]) for S in range(2**M)
    }
    found = np.zeros(M)
    for order in permutations(range(M)):
        S = 0
        for m in order:
            found[m] += (known[S | 1 << m] - known[S]) / math.factorial(M)
            S |= 1 << m
    return found


def kernel_explainer(count: int | None) -> Callable[[Game, int, int], np.ndarray]:
    """shap's KernelExplainer over all background rows, or `count` sampled by the seed."""

    def run(game: Game, row: int, seed: int) -> np.ndarray:
        import shap

        behind = np.repeat(game.background[:, None], len(game.names), 1)
        behind = behind if count is None else shap.sample(behind, count, random_state=seed)
        return np.asarray(
            shap.KernelExplainer(game.score, behind).shap_values(
                np.full((1, len(game.names)), row), silent=True
            )
        )[0]

    return run


def permutation_explainer(game: Game, row: int, seed: int) -> np.ndarray:
    """shap's PermutationExplainer, the rows in an order drawn by the seed."""
    import shap

    behind = np.random.default_rng(seed).permutation(game.background)
    explainer = shap.PermutationExplainer(
        game.score, np.repeat(behind[:, None], len(game.names), 1), seed=seed
    )
    return np.asarray(explainer(np.full((1, len(game.names)), row), silent=True).values)[0]


def of_captum(name: str) -> Callable[[Game, int, int], np.ndarray]:
    """One of captum's methods on the value function."""

    def run(game: Game, row: int, seed: int) -> np.ndarray:
        import captum.attr

        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - captum draws from the global generator
        method = getattr(captum.attr, name)(game.value(row))
        ones = torch.ones(1, len(game.names), dtype=torch.float64)
        return method.attribute(ones, baselines=torch.zeros_like(ones))[0].numpy()

    return run


def measure(
    run: Callable[[Game, int, int], np.ndarray],
    game: Game,
    rows: np.ndarray,
    seeds: range,
    exact: dict[int, np.ndarray],
) -> tuple[list[float], np.ndarray]:
    """Returns seconds of every call, and the errors (seeds, rows, modalities), after one call that warms up."""
    run(game, int(rows[0]), 0)
    times, errors = [], []
    for seed in seeds:
        for row in rows:
            start = time.process_time()
            found = run(game, int(row), seed)
            times.append(time.process_time() - start)
            errors.append(found - exact[int(row)])
    return times, np.array(errors).reshape(len(seeds), len(rows), -1)


def shown(times: list[float], per: int = 1) -> str:
    """Returns "median (least-most)" in milliseconds a sample."""
    digits = 3 if statistics.median(times) / per < 1e-3 else 0
    return " ".join(
        [
            f"{statistics.median(times) / per * 1e3:,.{digits}f}",
            f"({min(times) / per * 1e3:,.{digits}f}-{max(times) / per * 1e3:,.{digits}f})",
        ]
    )


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    game = Game()
    N, n = len(game.background), len(game.test)
    game.ours()
    times = []
    for _ in range(15):
        start = time.process_time()
        found = game.ours()
        times.append(time.process_time() - start)
    ours = statistics.median(times) / n
    picked = np.linspace(0, n - 1, options.rows).astype(int)
    rows = game.test[picked]
    exact = {int(row): found.shapley[place, :, 0] for place, row in zip(picked, rows, strict=True)}
    methods = {
        f"Exact by brute force, 8 coalitions of {N:,} rows": (brute_force, 1),
        f"shap KernelExplainer, {N:,} rows": (kernel_explainer(None), 1),
        f"shap KernelExplainer, {ADVISED} rows": (kernel_explainer(ADVISED), options.seeds),
        f"shap PermutationExplainer, {ADVISED} rows": (permutation_explainer, options.seeds),
        f"captum ShapleyValueSampling, {N:,} rows": (
            of_captum("ShapleyValueSampling"),
            options.seeds,
        ),
        f"captum KernelShap, {N:,} rows": (of_captum("KernelShap"), options.seeds),
    }
    lines, agreement = [], 0.0
    for label, (run, seeds) in methods.items():
        took, errors = measure(run, game, rows, range(seeds), exact)
        size = np.abs(errors)
        agreement = agreement or float(size.max())
        spread = f" ± {size.mean((1, 2)).std(ddof=1):.1g}" if seeds > 1 else ""
        lines.append(
            [
                label,
                shown(took),
                f"{statistics.median(took) / ours:,.0f}",
                f"{size.mean():.1g}{spread}",
                f"{size.max():.1g}",
            ]
        )
        print(lines[-1], flush=True)
    lines.insert(
        0,
        [
            f"**qfusion**, {N:,} rows, all {n} samples at once",
            shown(times, n),
            "1",
            f"{agreement:.0e}",
            f"{agreement:.0e}",
        ],
    )
    typical = np.abs(found.shapley[..., 0]).mean()
    whole = statistics.median(times) * 1e3
    note = (
        f"Shapley values of the three modalities of `{MODEL}`, of mean size {typical:.2f}. Ours: {whole:.0f} ms for "
        f"{n} test samples, evolution and the background's encoding included; the others, at their defaults: "
        f"{options.rows} of these, {options.seeds} seeds where anything is drawn (± deviation of the mean error over "
        "seeds). Processor time."
    )
    header = [
        "Method, rows behind an absent modality",
        "Median ms a sample (least-most)",
        "Ratio",
        "Mean error",
        "Largest error",
    ]
    tables.write(
        "explainers",
        tables.markdown(header, lines) + f"\n\n{note} " + tables.provenance("explainers.py"),
    )


if __name__ == "__main__":
    main()
