"""One run of benchmarks/claims.py: what is done to the training rows, how a model is trained, and what is measured of
it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion import explain
from qfusion.analysis.study import explained_model
from qfusion.data import DataSet
from qfusion.explain.coalitions import joint_share
from qfusion.explain.interventions import Disturbance, scores
from qfusion.models import QuantumJump
from qfusion.quantum import states
from qfusion.quantum.lindblad import act
from qfusion.training import Options, Result, metrics, prepare

WRONG, KEPT = 0.2, 0.25  # of the training rows
SAMPLES, NEAR = (
    200,
    50,
)  # test samples whose state is measured, and whose distance to the steady state is
# evolution time within which a state must settle, and the rate of change at which it has
MAX_TIME, SETTLED = 1024.0, 1e-8


def as_it_is(dataset: DataSet, split: str, seed: int) -> DataSet:
    """Returns the data set."""
    return dataset


def wrong_labels(dataset: DataSet, split: str, seed: int) -> DataSet:
    """Returns the data set with the targets of a fifth of the rows of `split` wrong: another class, or the target of
    another such row."""
    rng, y = np.random.default_rng([seed, 1]), dataset.y.copy()
    rows = dataset.rows(split)
    chosen = rng.choice(rows, round(WRONG * len(rows)), replace=False)
    if dataset.target.kind == "classification":
        classes = len(dataset.target.classes)
        y[chosen] = (y[chosen] + rng.integers(1, classes, len(chosen))) % classes
    else:
        y[chosen] = y[np.roll(chosen, 1)]
    return replace(dataset, y=y)


def fewer_rows(dataset: DataSet, split: str, seed: int) -> DataSet:
    """Returns the data set with a quarter of the rows of each part that `split` names; other rows stay."""
    rng, kept = np.random.default_rng([seed, 2]), np.ones(len(dataset), bool)
    for part in split.split("+"):
        rows = dataset.rows(part)
        kept[rng.choice(rows, len(rows) - max(1, round(KEPT * len(rows))), replace=False)] = False
    return taken(dataset, np.flatnonzero(kept))


def taken(dataset: DataSet, rows: np.ndarray) -> DataSet:
    """Returns a data set of some rows."""
    return DataSet(
        name=dataset.name,
        title=dataset.title,
        description=dataset.description,
        source=dataset.source,
        licence=dataset.licence,
        modalities=tuple(
            replace(
                m, values=m.values[rows], lengths=None if m.lengths is None else m.lengths[rows]
            )
            for m in dataset.modalities
        ),
        target=dataset.target,
        y=dataset.y[rows],
        ids=dataset.ids[rows],
        split=dataset.split[rows],
        table=dataset.table.iloc[rows],
        content_of=lambda row: dataset.content(int(rows[row])),
        clusters=None if dataset.clusters is None else dataset.clusters.taken(rows),
    )


CHANGES: dict[str, Callable[[DataSet, str, int], DataSet]] = {
    "clean": as_it_is,
    "wrong labels": wrong_labels,
    "few rows": fewer_rows,
}


def trained(
    dataset: DataSet, settings: dict[str, Any], options: Options, seed: int
) -> tuple[Result[QuantumJump], list[float]]:
    """Returns a trained model, read by the master equation, and the gradient norm of every step before clipping."""
    fit, norms = prepare(QuantumJump.kind, dataset, settings, options, seed), []
    step = fit.step

    def counted(batch: Tensor, *taken: Any) -> tuple[float, float]:
        loss, norm = step(batch, *taken)
        norms.append(norm)
        return loss, norm

    fit.step = counted  # type: ignore[method-assign]
    while not fit.done:
        fit.epoch()
    result = fit.result()
    result.model.settings["dynamics"] = "master"
    return result, norms


def gradients(norms: Sequence[float]) -> dict[str, float]:
    """Returns mean, coefficient of variation and largest over median of the norms of all steps."""
    found = np.asarray(norms)
    return {
        "mean": float(found.mean()),
        "variation": float(found.std() / found.mean()),
        "peak": float(found.max() / np.median(found)),
    }


def without(model: QuantumJump, dataset: DataSet, split: str) -> dict[str, dict[str, float]]:
    """Returns the test metrics with each modality absent: the mean score over the rows trained on in its place,
    exactly."""
    rows, behind = (
        dataset.rows("test"),
        explain.background(model, dataset.inputs(dataset.rows(split), torch.float64)),
    )
    return {
        name: metrics.of_scores(
            scores(model, dataset, rows, Disturbance(missing=(name,)), split, behind),
            dataset.y[rows],
            dataset.target.kind,
        )
        for name in dataset.names
    }


@torch.no_grad()
def physics(model: QuantumJump, dataset: DataSet, split: str) -> dict[str, float | None]:
    """Returns what the evolution makes of test samples.

    `joint_start`, `joint`: the mean over all test samples of the joint part of a decision at 0 and at T. `negativity`,
    `entropy`: the mean over SAMPLES of them, drawn by a fixed seed, of the logarithmic negativity of a modality with
    the rest (bits) and of the entropy of a modality (nats) at T, each the mean over modalities; their deviations over
    samples. `distance_start`, `distance`: mean trace distance of NEAR of them to the steady state at 0 and at T; None
    where there is none.
    """
    rows = dataset.rows("test")
    explained = explained_model(model, dataset)
    behind = explain.background(explained, dataset.inputs(dataset.rows(split), torch.float64))
    inputs = dataset.inputs(rows, torch.float64)
    split_up = explain.through_time(explained, inputs, behind, [0.0, model.duration])
    terms = {
        term: np.abs(split_up.dividends[:, :, s]).sum(-1).ravel()
        for s, term in enumerate(split_up.coalitions)
    }
    start, end = joint_share(terms).reshape(2, -1).mean(1)
    drawn = np.sort(np.random.default_rng(0).permutation(len(rows))[:SAMPLES])
    psi = model.product_state(model.encode(dataset.inputs(rows[drawn], torch.float64)))
    before = states.density(psi)
    after = model.evolve_states(before, [model.duration])[0]
    found: dict[str, float | None] = {"joint_start": float(start), "joint": float(end)}
    measured = states.measures_over_time(after, model.dims, model.modalities)
    for key in ("negativity", "entropy"):
        values = np.mean([measured.single(key)[name] for name in model.modalities], 0)
        found |= {key: float(values.mean()), f"{key}_deviation": float(values.std(ddof=1))}
    steady = settled(model)
    for key, rho in (("distance_start", before), ("distance", after)):
        found[key] = (
            None if steady is None else float(states.trace_distance(rho[:NEAR], steady).mean())
        )
    return found


@torch.no_grad()
def settled(model: QuantumJump) -> Tensor | None:
    """Returns the steady state (D, D), by evolving the maximally mixed one, or None where nothing dissipates or it
    takes too long."""
    if not model.jump_count:
        return None
    generator, D, t = model.generator(), int(np.prod(model.dims)), 4.0
    rho = torch.eye(D, dtype=torch.complex128) / D
    for _ in range(64):
        rho = model.evolve_states(rho, [t])[0]
        rho = (rho + rho.mH) / (2 * torch.trace(rho).real)
        if float(act(generator, rho).abs().max()) < SETTLED:
            return rho
        t *= 2
        if t > MAX_TIME:
            break
    return None
