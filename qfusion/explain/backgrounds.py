"""Backgrounds of explanations: the samples or states that replace the modalities that a coalition leaves out.

`background` makes one from features, `make_background` from rows of a data set that need not fit in memory, or that are
shared by several processes. The numbers inside are those of the model's algebra, see `models.backgrounds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch

from qfusion._checks import check, choose
from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.models import Features, FusionModel, nested
from qfusion.models.backgrounds import DEFAULT, GROUPS, KINDS, Background
from qfusion.training import encodings
from qfusion.training.batches import is_small
from qfusion.training.processes import ALONE, Group

__all__ = ["DEFAULT", "GROUPS", "KINDS", "Background", "background", "make_background", "chunks"]

CHUNK = 4096  # rows of a data set held at once


@torch.no_grad()
def background(
    model: FusionModel,
    inputs: Mapping[str, Features] | None = None,
    kind: str = DEFAULT,
    label: str = "",
) -> Background:
    """Return the background of a model's explanations; see `KINDS`.

    Args:
        model: the model whose encoders make the states.
        inputs: background samples, usually the whole training set; any rows for "cohort", one for "contrast"; not used
            by "mixed" and "zero".
        kind: of KINDS.
        label: name of the cohort, or id of the sample to contrast with; it is shown with every explanation.

    Raises:
        NotFound: when there is no such kind.
        InvalidInput: when samples are needed and missing, do not fit the model, or are not one for "contrast"; when the
            model has no states of which "mixed" or "zero" could be made.
    """
    choose("Background", kind, KINDS)
    model.algebra.check_kind(kind)
    if not model.algebra.needs_samples(kind):
        return model.algebra.make_uninformed_background(kind, label)
    if inputs is None:
        raise InvalidInput(
            f"Argument `inputs` must hold the background samples for kind {kind!r}, but is None. "
            "Give rows of the data, or choose 'mixed' or 'zero'."
        )
    check(
        not any(torch.is_tensor(x) and x.shape[:1] == (0,) for x in nested.nested_leaves(inputs)),
        "Argument `inputs` must hold at least one background sample, but holds none. Give rows of the data.",
    )
    encoded = model.encode(inputs)
    count = nested.nested_length(encoded)
    _check_count(kind, count)
    return model.algebra.make_background([(0, encoded)], count, kind, label, ALONE)


@torch.no_grad()
def make_background(
    model: FusionModel,
    dataset: DataSet,
    rows: np.ndarray,
    kind: str = DEFAULT,
    label: str = "",
    group: Group = ALONE,
) -> Background:
    """Return the background that `background` makes of these rows, without holding their features at once.

    Args:
        model: in double precision.
        dataset: the data set.
        rows: numbers of the background samples.
        kind, label: see `background`.
        group: processes that share the work; each gets the whole result.
    """
    algebra = model.algebra
    if not algebra.needs_samples(kind):
        return background(model, None, kind, label)
    if not algebra.adds_parts and not encodings.is_kept(model, dataset):
        return _background_in_memory(model, dataset, rows, kind, label)
    if len(rows) <= CHUNK or kind == "contrast" or not algebra.adds_parts:
        return background(model, encodings.encoded_inputs(model, dataset, rows), kind, label)
    parts = (
        (number, model.encode(encodings.encoded_inputs(model, dataset, part)))
        for number, part in chunks(rows, group)
    )
    return algebra.make_background(parts, len(rows), kind, label, group)


def mark_as_drawn(
    model: FusionModel, dataset: DataSet, rows: np.ndarray, whole: Background, total: int
) -> Background:
    """Return a background of all rows given as one of rows that were drawn from more, so that it has standard errors.

    Args:
        model: in double precision.
        dataset: the data set.
        rows: numbers of the background samples.
        whole: their background.
        total: number of rows that they were drawn from.
    """

    def make_groups() -> list[Background]:
        shuffled = np.random.default_rng(0).permutation(rows)
        return [make_background(model, dataset, shuffled[group::GROUPS]) for group in range(GROUPS)]

    return model.algebra.with_groups(replace(whole, total=total), make_groups)


def chunks(rows: np.ndarray, group: Group = ALONE) -> Iterator[tuple[int, np.ndarray]]:
    """Yield number and rows of this process's chunks; where they begin does not depend on the number of processes."""
    for number in range(group.rank, -(-len(rows) // CHUNK), group.size):
        yield number, rows[number * CHUNK : (number + 1) * CHUNK]


def _background_in_memory(
    model: FusionModel, dataset: DataSet, rows: np.ndarray, kind: str, label: str
) -> Background:
    """Return a background of as many rows as fit into memory, drawn at random."""
    drawn = rows
    if not is_small(dataset, len(rows)):
        most = len(dataset.blocks(rows, most=len(rows))[0])
        drawn = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    result = background(model, dataset.inputs(drawn, torch.float64), kind, label)
    return replace(result, total=len(rows))


def _check_count(kind: str, count: int) -> None:
    check(
        kind != "contrast" or count == 1,
        f"Argument `inputs` must hold the one sample to contrast with, but holds {count}. Give one row, or choose "
        "kind 'cohort'.",
    )
