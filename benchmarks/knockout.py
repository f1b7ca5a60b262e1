"""Do slopes and knock-outs say the same? The signs of both, term by term, on test samples of every shipped model.

    python benchmarks/knockout.py [--models qj-planted ...] [--samples 100] [--json]

A term counts on a sample when its removal moves the score by more than 1 % of the score's range: that of the target for
a regression, the spread of that class's score over the test set for classes (the class predicted is the one explained).
The mean slope on the way from removed to learned, by quadrature, must agree always: it is printed as a check of the
numbers, not as evidence.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from qfusion import data, explain
from qfusion.explain import sensitivity as method
from qfusion.study.opening import explained_model
from qfusion.training import checkpoint, checkpoint_cards

THRESHOLD = 0.01
LINEAR = ("measurement", "head")
STEP = 1e-3  # of the factor, between two exact slopes: gives the second derivative


def score_range(dataset: Any, scores: np.ndarray, output: int) -> float:
    """Range of a regression's target, or spread of a class's score over the test set."""
    if dataset.target.kind == "classification":
        return float(np.ptp(scores[:, output]))
    low, high = dataset.target.range or (dataset.y.min(), dataset.y.max())
    return float(high - low)


def bent_terms(
    model: Any, inputs: Any, background: Any, output: int, found: Any
) -> tuple[np.ndarray, np.ndarray]:
    """What removal would do by second order at f = 1, -y' + y''/2, and by the slope half-way, -y'(1/2), both (P,)."""
    system = method.collect_terms(model, inputs, background, output)
    bend, half = np.zeros(len(found.parameters)), -found.slopes[:, 0]
    for place, parameter in enumerate(found.parameters):
        if parameter.kind not in LINEAR:
            up, down, middle = (
                system.with_parameter(place, f).slopes([method.SCORE])[1][place, 0]
                for f in (1 + STEP, 1 - STEP, 0.5)
            )
            bend[place], half[place] = (up - down) / (2 * STEP), -middle
    return -found.slopes[:, 0] + bend / 2, half


def of_model(name: str, count: int, curved: int) -> dict[str, Any]:
    """All figures of one model."""
    loaded = checkpoint.load(name)
    dataset = data.load(loaded.card["data"]["name"])
    model = explained_model(loaded.model, dataset)
    background = explain.background(
        model,
        dataset.inputs(
            dataset.rows(checkpoint_cards.training_split(loaded.card)), dtype=torch.float64
        ),
    )
    rows = dataset.rows("test")
    with torch.no_grad():
        scores = model(dataset.inputs(rows, dtype=torch.float64)).numpy()
    rows_shown = rows[
        np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int))
    ]
    place = {int(row): i for i, row in enumerate(rows)}
    tally: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    tally_second, tally_half, residual, seconds = [0, 0], [0, 0], 0.0, []
    for i, row in enumerate(rows_shown):
        output = int(scores[place[int(row)]].argmax()) if scores.shape[1] > 1 else 0
        inputs = dataset.inputs([row], dtype=torch.float64)
        began = time.perf_counter()
        found = method.sensitivity(model, inputs, background, output=output, targets=[method.SCORE])
        seconds.append(time.perf_counter() - began)
        big = np.abs(found.effects[:, 0]) > THRESHOLD * score_range(dataset, scores, output)
        agrees = found.agrees()[:, 0]
        for term, counts, same in zip(found.parameters, big, agrees, strict=True):
            for key in (
                "all",
                "linear" if term.kind in LINEAR else "not linear",
                term.kind,
                *([term.title] if term.kind in NAMED else []),
            ):
                tally[key][0] += int(counts and same)
                tally[key][1] += int(counts)
        if i < curved:
            bent = np.array([term.kind not in LINEAR for term in found.parameters]) & big
            for pair, guess in zip(
                (tally_second, tally_half),
                bent_terms(model, inputs, background, output, found),
                strict=True,
            ):
                pair[0] += int((np.sign(guess) == np.sign(found.effects[:, 0]))[bent].sum())
                pair[1] += int(bent.sum())
            for term in (
                np.array(found.parameters, dtype=object)[bent][:, 0] if bent.any() and i < 2 else []
            ):
                way = method.response(model, inputs, background, str(term), output=output, nodes=10)
                residual = max(residual, abs(-way.mean_slope * way.parameter.value - way.effect))
    return {
        "model": name,
        "samples": len(rows_shown),
        "seconds": float(np.median(seconds)),
        "tally": dict(tally),
        "second order, not linear": tally_second,
        "slope half-way, not linear": tally_half,
        "quadrature residual": residual,
        "cohort": cohort(model, dataset, background, scores, False),
        "groups": cohort(model, dataset, background, scores, True),
    }


NAMED = ("coupling", "dissipation", "duration", "convolution", "pooling")


def groups(dataset: Any, outputs: int) -> list[tuple[np.ndarray, int]]:
    """Test rows by true class, each with that class's score; of a regression by quarters of the truth."""
    rows = dataset.rows("test")
    if dataset.target.kind == "classification":
        return [
            (rows[dataset.y[rows] == c], c) for c in range(outputs) if (dataset.y[rows] == c).any()
        ]
    return [
        (part, 0) for part in np.array_split(rows[np.argsort(dataset.y[rows], kind="stable")], 4)
    ]


def cohort(
    model: Any, dataset: Any, background: Any, scores: np.ndarray, split: bool
) -> dict[str, Any]:
    """The mean over the whole test set, for every output, or over groups of it."""
    everyone = [(dataset.rows("test"), output) for output in range(len(model.outputs))]
    same = total = bent_same = bent = 0
    opposite = []
    for rows, output in groups(dataset, len(model.outputs)) if split else everyone:
        inputs = dataset.inputs(rows, dtype=torch.float64)
        found = method.sensitivity(model, inputs, background, output=output, targets=[method.SCORE])
        big = np.abs(found.effects[:, 0]) > THRESHOLD * score_range(dataset, scores, output)
        for term, counts, agrees in zip(found.parameters, big, found.agrees()[:, 0], strict=True):
            same, total = same + int(counts and agrees), total + int(counts)
            if term.kind not in LINEAR:
                bent_same, bent = bent_same + int(counts and agrees), bent + int(counts)
            if counts and not agrees:
                opposite.append(f"{term.title} ({model.outputs[output]}, {len(rows)} samples)")
    return {"all": [same, total], "not linear": [bent_same, bent], "opposite": opposite}


def share(pair: list[int]) -> str:
    """'37 of 40 (92.5 %)'."""
    return f"{pair[0]:,} of {pair[1]:,}" + (f" ({pair[0] / pair[1]:.1%})" if pair[1] else "")


def main() -> None:
    """Prints one block a model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models",
        nargs="*",
        default=[name for name in checkpoint_cards.available() if name.startswith(("qj", "qcnn"))],
    )
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument(
        "--curved",
        type=int,
        default=8,
        help="samples on which second derivatives and slopes half-way are taken too",
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.models:
        found = of_model(name, options.samples, options.curved)
        if options.json:
            print(json.dumps(found))
            continue
        print(f"\n{name}: {found['samples']} test samples, {found['seconds']:.2f} s each")
        for key, pair in found["tally"].items():
            print(f"  {key:34s} same sign {share(pair)}")
        print(
            f"  {'to second order, not linear':34s} same sign {share(found['second order, not linear'])} "
            f"({options.curved} samples)"
        )
        print(
            f"  {'slope half-way, not linear':34s} same sign {share(found['slope half-way, not linear'])} "
            f"({options.curved} samples)"
        )
        print(
            f"  mean slope on the way, times -1, equals the effect to {found['quadrature residual']:.1e} (10 nodes)"
        )
        for words, group in (
            ("the test set", found["cohort"]),
            ("a class, or a quarter by truth", found["groups"]),
        ):
            print(
                f"  mean over {words}: {share(group['all'])}; not linear {share(group['not linear'])}"
                f"{'; opposite: ' + ', '.join(group['opposite'][:8]) if group['opposite'] else ''}",
                flush=True,
            )


if __name__ == "__main__":
    main()
