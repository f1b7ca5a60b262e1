"""Backgrounds and explanations of data sets that do not fit in memory, or are shared by several processes: chunk by
chunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from qfusion.data import DataSet
from qfusion.explain.contributions.background import (
    AnyBackground,
    SampleBackground,
    background,
    mean_background,
    row_background,
)
from qfusion.models import FusionModel, KetModel, can, require
from qfusion.training import batches, encoded
from qfusion.training.group import ALONE, Group

CHUNK = 4096  # rows held at once


def chunks(rows: np.ndarray, group: Group = ALONE) -> Iterator[tuple[int, np.ndarray]]:
    """Yields number and rows of the chunks that fall to this process; where they begin does not depend on how many
    share the work."""
    for number in range(group.rank, -(-len(rows) // CHUNK), group.size):
        yield number, rows[number * CHUNK : (number + 1) * CHUNK]


@torch.no_grad()
def background_of(
    model: FusionModel,
    dataset: DataSet,
    rows: np.ndarray,
    kind: str = "joint",
    label: str = "",
    group: Group = ALONE,
) -> AnyBackground:
    """Returns the background that `background` makes of these rows, without holding their features at once.

    Args:
        model: in double precision.
        dataset, rows: the background samples.
        kind, label: see `background`.
        group: processes that share the work; each gets the whole result.
    """
    if kind in ("mixed", "zero"):
        return background(model, None, kind, label)
    if not can(model, "states") and not encoded.is_kept(model, dataset):
        return _of_some(model, dataset, rows, kind, label)
    if len(rows) <= CHUNK or kind == "contrast" or not can(model, "states"):
        return background(model, encoded.inputs(model, dataset, rows), kind, label)
    if can(model, "kets"):
        with_kets = require(model, "kets")
        return mean_background(
            with_kets,
            _means(with_kets, dataset, rows, kind == "product", group),
            len(rows),
            kind,
            label,
        )
    masses = {
        number: model.encode(encoded.inputs(model, dataset, part))
        for number, part in chunks(rows, group)
    }
    numbered = group.collected(
        {
            number: torch.stack([part[name] for name in model.modalities], -1).numpy()
            for number, part in masses.items()
        }
    )
    return row_background(
        torch.from_numpy(np.concatenate([numbered[number] for number in sorted(numbered)])),
        kind,
        label,
    )


def _of_some(
    model: FusionModel, dataset: DataSet, rows: np.ndarray, kind: str, label: str
) -> AnyBackground:
    """A background of features as they are: of as many rows as fit into memory, drawn at random."""
    most = (
        len(rows)
        if batches.is_small(dataset, len(rows))
        else len(dataset.blocks(rows, most=len(rows))[0])
    )
    drawn = rows
    if most < len(rows):
        drawn = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    found = background(model, dataset.inputs(drawn, torch.float64), kind, label)
    return replace(found, total=len(rows)) if isinstance(found, SampleBackground) else found


def _means(
    model: KetModel, dataset: DataSet, rows: np.ndarray, apart: bool, group: Group
) -> list[Tensor]:
    """Mean density matrices over rows: of all modalities together, or of each one apart."""
    sizes = list(model.dims) if apart else [int(np.prod(model.dims))]
    totals = [torch.zeros(d, d, dtype=torch.complex128) for d in sizes]
    for _, part in chunks(rows, group):
        each = {
            name: ket.to(torch.complex128)
            for name, ket in model.encode(encoded.inputs(model, dataset, part)).items()
        }
        kets = [each[name] for name in model.modalities] if apart else [model.product_state(each)]
        for total, ket in zip(totals, kets, strict=True):
            total += ket.mT @ ket.conj()
    return [
        torch.view_as_complex(group.sum(torch.view_as_real(total))) / len(rows) for total in totals
    ]
